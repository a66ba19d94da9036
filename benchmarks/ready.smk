# The rules of the workflow with all values read from a dict, to measure the cost of Snakemake alone.
import json
from pathlib import Path

READY = json.loads(Path("ready.json").read_text())
EXPERIMENTS, STAGES = READY["experiments"], READY["stages"]


wildcard_constraints:
    study="[^/]+",
    machine="[^/]+",
    experiment="[^/]+",
    stage="[^/]+",


rule all:
    input:
        [experiment["output"] for experiment in EXPERIMENTS.values()],
        "results/published.json",


rule publish:
    input:
        [experiment["output"] for experiment in EXPERIMENTS.values()],
    output:
        "results/published.json",
    log:
        "results/publish.log",
    conda:
        "../workflow/envs/site.yaml"
    shell:
        "true"


rule stage:
    input:
        lambda wildcards: STAGES[wildcards.stage]["inputs"],
    output:
        "results/{study}/stages/{stage}.json",
    log:
        "results/{study}/stages/{stage}.log",
    conda:
        lambda wildcards: STAGES[wildcards.stage]["conda"]
    threads: 1
    resources:
        folder=lambda wildcards: STAGES[wildcards.stage]["folder"],
        force=lambda wildcards: 0,
    params:
        fingerprint=lambda wildcards: STAGES[wildcards.stage]["fingerprint"],
    shell:
        "true"


rule experiment:
    input:
        lambda wildcards: EXPERIMENTS[wildcards.experiment]["inputs"],
    output:
        "results/{study}/records/{machine}/{experiment}.json",
    log:
        "results/{study}/experiments/{machine}/{experiment}/rule.log",
    conda:
        lambda wildcards: EXPERIMENTS[wildcards.experiment]["conda"]
    threads: lambda wildcards: 1
    resources:
        runtime=lambda wildcards: EXPERIMENTS[wildcards.experiment]["resources"]["runtime"],
        folder=lambda wildcards: EXPERIMENTS[wildcards.experiment]["folder"],
        force=lambda wildcards: 0,
    params:
        fingerprint=lambda wildcards: EXPERIMENTS[wildcards.experiment]["fingerprint"],
    shell:
        "true"
