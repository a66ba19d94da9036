# Twins of the rules above, for what a process or a queued job of an earlier run is at: they wait and copy, start
# nothing, and hold no place on a cluster.
if view.active_experiments:

    rule collect:
        input:
            rules.experiment.input,
        output:
            rules.experiment.output,
        log:
            rules.experiment.log,
        wildcard_constraints:
            machine=view.active_experiments,
        conda:
            "../envs/job.yaml"
        resources:
            folder=lambda wildcards: view.experiment(wildcards).folder,
            job=lambda wildcards: view.job(wildcards.machine, wildcards.experiment),
        params:
            fingerprint=lambda wildcards: view.experiment(wildcards).fingerprint,
        shell:
            "bash {resources.folder:q}/job.sh --record {output:q} --collect {resources.job:q} > {log:q} 2>&1"

    localrules:
        collect,

    if view.local_machines:

        ruleorder: collect > experiment_local > experiment

    else:

        ruleorder: collect > experiment


if view.active_stages:

    rule collect_stage:
        input:
            rules.stage.input,
        output:
            rules.stage.output,
        log:
            rules.stage.log,
        wildcard_constraints:
            stage=view.active_stages,
        conda:
            "../envs/job.yaml"
        resources:
            folder=lambda wildcards: view.stage(wildcards).folder,
            job=lambda wildcards: view.job("", wildcards.stage),
        params:
            fingerprint=lambda wildcards: view.stage(wildcards).fingerprint,
        shell:
            "bash {resources.folder:q}/job.sh --record {output:q} --collect {resources.job:q} > {log:q} 2>&1"

    localrules:
        collect_stage,

    if view.local_stages:

        ruleorder: collect_stage > stage_local > stage

    else:

        ruleorder: collect_stage > stage
