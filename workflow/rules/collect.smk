# The experiment's twin for what a process of an earlier run still works at: it waits and copies, and starts nothing.
rule collect:
    input:
        rules.experiment.input,
    output:
        rules.experiment.output,
    log:
        rules.experiment.log,
    wildcard_constraints:
        experiment=view.living,
    conda:
        "../envs/job.yaml"
    resources:
        folder=lambda wildcards: view.experiment(wildcards).folder,
    params:
        fingerprint=lambda wildcards: view.experiment(wildcards).fingerprint,
    shell:
        "bash {resources.folder:q}/job.sh --record {output:q} --collect > {log:q} 2>&1"


localrules:
    collect,


ruleorder: collect > experiment
