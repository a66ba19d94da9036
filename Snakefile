# From one study file to a published benchmark: snakemake --profile profiles/local
from fairmesh.workflow.snakefile import check_configuration, open_view

check_configuration(workflow)


configfile: "config/config.yaml"


view = open_view(workflow)


wildcard_constraints:
    study="[^/]+",
    machine="[^/]+",
    experiment="[^/]+",
    stage="[^/]+",


include: "workflow/rules/stage.smk"
include: "workflow/rules/experiment.smk"


# A job of an executor, which reads this file again, needs no more than the rules above.
if workflow.is_main_process:

    include: "workflow/rules/publish.smk"
    include: "workflow/rules/collect.smk"
    include: "workflow/rules/probe.smk"

    rule all:
        default_target: True
        input:
            view.records,
            view.published,


onstart:
    view.start()


onsuccess:
    view.end(0)


onerror:
    view.end(1)
