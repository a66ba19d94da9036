# A step that several experiments share. The runner makes the output: a copy of the stage's commit.
rule stage:
    input:
        lambda wildcards: view.stage(wildcards).inputs,
    output:
        f"{view.results}/{{study}}/stages/{{stage}}.json",
    log:
        f"{view.results}/{{study}}/stages/{{stage}}.log",
    conda:
        lambda wildcards: view.stage(wildcards).conda
    threads: lambda wildcards: view.threads(view.stage(wildcards))
    resources:
        **view.resource_functions(view.stage),
        folder=lambda wildcards: view.stage(wildcards).folder,
        force=lambda wildcards: view.force(view.stage(wildcards)),
    params:
        fingerprint=lambda wildcards: view.stage(wildcards).fingerprint,
    message:
        "{wildcards.stage}, for all experiments that need it"
    shell:
        "bash {resources.folder:q}/job.sh --log {log:q} --record {output:q} --force {resources.force}"
        " && test -e {output:q}"
