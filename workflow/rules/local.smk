# Twins of the rules for what runs on this computer, although the executor of the profile submits to a cluster.
if view.local_machines:

    rule experiment_local:
        input:
            rules.experiment.input,
        output:
            rules.experiment.output,
        log:
            rules.experiment.log,
        wildcard_constraints:
            machine=view.local_machines,
        conda:
            lambda wildcards: view.experiment(wildcards).conda
        threads: lambda wildcards: view.local_threads(view.experiment(wildcards))
        resources:
            local_cores=lambda wildcards: view.local_cores(view.experiment(wildcards)),
            folder=lambda wildcards: view.experiment(wildcards).folder,
            force=lambda wildcards: view.force(view.experiment(wildcards)),
        params:
            fingerprint=lambda wildcards: view.experiment(wildcards).fingerprint,
        message:
            "{wildcards.experiment} on {wildcards.machine}"
        shell:
            "bash {resources.folder:q}/job.sh --log {log:q} --record {output:q} --force {resources.force}"
            " && test -e {output:q}"

    localrules:
        experiment_local,

    ruleorder: experiment_local > experiment


if view.local_stages:

    rule stage_local:
        input:
            rules.stage.input,
        output:
            rules.stage.output,
        log:
            rules.stage.log,
        wildcard_constraints:
            stage=view.local_stages,
        conda:
            lambda wildcards: view.stage(wildcards).conda
        threads: lambda wildcards: view.local_threads(view.stage(wildcards))
        resources:
            local_cores=lambda wildcards: view.local_cores(view.stage(wildcards)),
            folder=lambda wildcards: view.stage(wildcards).folder,
            force=lambda wildcards: view.force(view.stage(wildcards)),
        params:
            fingerprint=lambda wildcards: view.stage(wildcards).fingerprint,
        message:
            "{wildcards.stage}, for all experiments that need it"
        shell:
            "bash {resources.folder:q}/job.sh --log {log:q} --record {output:q} --force {resources.force}"
            " && test -e {output:q}"

    localrules:
        stage_local,

    ruleorder: stage_local > stage
