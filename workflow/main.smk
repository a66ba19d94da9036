# The workflow, which the Snakefile of a project includes: from one study file to a published benchmark.
from fairmesh.workflow.snakefile import check_configuration, open_view

check_configuration(workflow)


configfile: "config/config.yaml"


view = open_view(workflow)


wildcard_constraints:
    study="[^/]+",
    machine="[^/]+",
    experiment="[^/]+",
    stage="[^/]+",


include: "rules/stage.smk"
include: "rules/experiment.smk"


# A job of an executor, which reads this file again, needs no more than the rules above.
if workflow.is_main_process:

    include: "rules/local.smk"
    include: "rules/dispatch.smk"
    include: "rules/publish.smk"
    include: "rules/collect.smk"
    include: "rules/probe.smk"


onstart:
    view.start()


onsuccess:
    view.end(0)


onerror:
    view.end(1)
