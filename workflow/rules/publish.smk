# The end of the workflow, when every experiment is done; after a failure, onerror publishes what there is.
rule publish:
    input:
        view.records,
    output:
        view.published,
    log:
        f"{view.folder}/publish.log",
    conda:
        "../envs/site.yaml"
    resources:
        **view.publishing,
    params:
        digest=view.digest,
    message:
        "results.csv, metadata and website"
    shell:
        "python -m fairmesh.workflow.publishing {resources.home:q} {resources.study:q} --site {resources.site:q}"
        " --project {resources.project:q} --published {output:q} > {log:q} 2>&1"


localrules:
    publish,
