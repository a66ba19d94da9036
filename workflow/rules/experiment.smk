# One experiment. The runner makes the output: a copy of the experiment's commit.
rule experiment:
    input:
        # Ancient: the fingerprint in a record, not the time of a stage's marker, says whether the result is valid. Snakemake
        # does not see that an experiment must run if its ancient input exists and is made anew.
        lambda wildcards: (list if view.must_run(wildcards) else ancient)(
            view.experiment(wildcards).inputs
        ),
    output:
        f"{view.results}/{{study}}/records/{{machine}}/{{experiment}}.json",
    log:
        f"{view.results}/{{study}}/experiments/{{machine}}/{{experiment}}/rule.log",
    conda:
        lambda wildcards: view.experiment(wildcards).conda
    threads: lambda wildcards: view.threads(view.experiment(wildcards))
    resources:
        **view.resource_functions(view.experiment),
        folder=lambda wildcards: view.experiment(wildcards).folder,
        force=lambda wildcards: view.force(view.experiment(wildcards)),
    params:
        fingerprint=lambda wildcards: view.experiment(wildcards).fingerprint,
    message:
        "{wildcards.experiment}"
    shell:
        "bash {resources.folder:q}/job.sh --log {log:q} --record {output:q} --force {resources.force}"
        " && test -e {output:q}"
