# Twins of the rules for what runs on another machine: they request a job from the dispatcher, and wait for its record. They
# take a slot of that machine, and no core of this computer.
if view.remote_machines:

    rule dispatch:
        input:
            rules.experiment.input,
        output:
            rules.experiment.output,
        log:
            rules.experiment.log,
        wildcard_constraints:
            machine=view.remote_machines,
        conda:
            "../envs/job.yaml"
        threads: 0
        resources:
            **view.slot_functions(view.experiment),
            folder=lambda wildcards: view.experiment(wildcards).folder,
            request=lambda wildcards: view.request(view.experiment(wildcards)),
            script=view.dispatch_script,
            process=view.process,
        params:
            fingerprint=lambda wildcards: view.experiment(wildcards).fingerprint,
        message:
            "{wildcards.experiment} on {wildcards.machine}"
        shell:
            "exec bash {resources.script:q} {resources.request:q} {output:q} {resources.process} > {log:q} 2>&1"

    localrules:
        dispatch,

    ruleorder: dispatch > experiment


if view.remote_stages:

    rule dispatch_stage:
        input:
            rules.stage.input,
        output:
            rules.stage.output,
        log:
            rules.stage.log,
        wildcard_constraints:
            stage=view.remote_stages,
        conda:
            "../envs/job.yaml"
        threads: 0
        resources:
            **view.slot_functions(view.stage),
            folder=lambda wildcards: view.stage(wildcards).folder,
            request=lambda wildcards: view.request(view.stage(wildcards)),
            script=view.dispatch_script,
            process=view.process,
        params:
            fingerprint=lambda wildcards: view.stage(wildcards).fingerprint,
        message:
            "{wildcards.stage}, for all experiments that need it"
        shell:
            "exec bash {resources.script:q} {resources.request:q} {output:q} {resources.process} > {log:q} 2>&1"

    localrules:
        dispatch_stage,

    ruleorder: dispatch_stage > stage
