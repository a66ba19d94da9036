# The file that the rest waits for: it is made when every probe has a record.
if view.probes:

    rule probe:
        input:
            view.probes,
        output:
            view.marker,
        log:
            f"{view.marker}.log",
        conda:
            "../envs/job.yaml"
        message:
            "all probes have a result; the rest follows"
        shell:
            "touch {output:q} > {log:q} 2>&1"

    localrules:
        probe,
