"""Measure how fast studies become plans, job folders and workflows: ``python -m benchmarks.plan``."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Report, measure
from fairmesh import schema
from fairmesh.jobs.paths import StudyPaths
from fairmesh.study import load_plan
from fairmesh.workflow.folders import Folders

ROOT = Path(__file__).parents[1]
SNAKEMAKE = ("snakemake", "--profile", "profiles/local", "--dry-run", "--quiet", "all")
MEGABYTE = 1e6


def main() -> int:
    """Measure everything; return 1 if a goal was missed."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="fairmesh-benchmark-") as name:
        place = Path(name)
        shutil.copytree(ROOT / "tests/toy", place / "toy", ignore=shutil.ignore_patterns("__pycache__"))
        for count in (1, 1_000, 10_000, 100_000):
            write_study(place, count)
        planning(report, place)
        rendering(report, place)
        workflow(report, place)
    return int(report.missed > 0)


def write_study(place: Path, count: int) -> None:
    """Write a study of the toy application with a product, a zip, and derived and computed values."""
    wide = max(1, count // 10)
    study = {
        "study": f"s{count}",
        "application": "./toy",
        "measure": "shared",
        "parameters": {
            "value": {"from": 1, "to": wide, "step": 1},
            "zip": [{"size": [1, 2, 3, 4, 5][: min(5, count)]}, {"seconds": [0, 0, 0, 0.01, 0.02][: min(5, count)]}],
            "gpu": {"values": "'a' if value > 3 else 'b'"},
        },
        "derive": {"runtime": "5 + ceil(value / 100)"},
        "exclude": [{"value": {"matches": "0[.].*"}}] if count > 1 else [],
        "repeat": 2 if count > 1 else 1,
    }
    (place / f"s{count}.yaml").write_text(schema.dump_yaml(study))


def planning(report: Report, place: Path) -> None:
    """Measure the planning of studies."""
    report.line("fairmesh --help", measure(["fairmesh", "--help"], place).cpu_s, 0.15, "s CPU")
    ten = measure(["fairmesh", "plan", "./s10000.yaml"], place)
    report.line("10,000 experiments planned: fairmesh plan", ten.cpu_s, 1.5, "s CPU")
    start = measure(["fairmesh", "plan", "./s1.yaml"], place)
    hundred = measure(["fairmesh", "plan", "./s100000.yaml"], place, runs=1)
    ratio = (hundred.cpu_s - start.cpu_s) / (ten.cpu_s - start.cpu_s)
    report.line("100,000 planned take so many times as long as 10,000", ratio, 12, "times")
    report.line("memory for 100,000", hundred.peak_bytes / MEGABYTE, 1000, "MB")


def rendering(report: Report, place: Path) -> None:
    """Measure the rendering of job folders."""
    spent = []
    for run in range(2):
        out = place / f"out{run}"
        spent.append(measure(["fairmesh", "render", "./s10000.yaml", "--out", str(out)], place, runs=1))
    best = min(spent, key=lambda measured: measured.cpu_s)
    report.line("10,000 job folders rendered: fairmesh render", best.cpu_s, 6, "s CPU")
    report.line("memory for that", best.peak_bytes / MEGABYTE, 200, "MB")


def workflow(report: Report, place: Path) -> None:
    """Measure Snakemake's dry run, and that of the same rules with all values in a dict."""
    (place / "config").mkdir()
    (place / "profiles").symlink_to(ROOT / "profiles")
    full = (*SNAKEMAKE, "--snakefile", str(ROOT / "Snakefile"))
    bare = (*SNAKEMAKE, "--snakefile", str(ROOT / "benchmarks/ready.smk"))
    (place / "config/config.yaml").write_text("study: ./s1000.yaml\n")
    report.line("snakemake -n with 1,000", measure(full, place).cpu_s, 3, "s CPU")
    (place / "config/config.yaml").write_text("study: ./s10000.yaml\n")
    write_ready(place, "s10000.yaml")
    ours, theirs = measure(full, place), measure(bare, place)
    print(f"      snakemake -n with 10,000: {ours.cpu_s:.2f} s CPU, from a ready dict {theirs.cpu_s:.2f} s")
    report.line("of which ours beyond that", 100 * (ours.cpu_s / theirs.cpu_s - 1), 15, "%")
    small, large = inner_start(place, "s1"), inner_start(place, "s10000")
    report.line(
        "an inner Snakemake in a plan of 10,000 takes so many times as long as in one of 1", large / small, 1.2, "times"
    )


def inner_start(place: Path, study: str) -> float:
    """Return the CPU seconds of Snakemake started as by an executor's job for the first experiment."""
    (place / "config/config.yaml").write_text(f"study: ./{study}.yaml\n")
    snakefile = ("--snakefile", str(ROOT / "Snakefile"), "--quiet", "all")
    run = ("snakemake", "--profile", "profiles/local", *snakefile, "--omit-from", "publish", "--config", "first=1")
    measure(run, place, runs=1)
    (job,) = (place / "results" / study / "experiments/local").iterdir()
    target = f"experiment:study={study},machine=local,experiment={job.name}"
    asked = ("--mode", "remote", "--target-jobs", target, "--allowed-rules", "experiment", "--nolock", "--forceall")
    inner = ("snakemake", *snakefile, *asked, "--cores", "1", "--ignore-incomplete", "--dry-run")
    return measure((*inner, "--configfile", "profiles/local/machine.yaml"), place).cpu_s


def write_ready(place: Path, study: str) -> None:
    """Write the values that the rules need to ready.json."""
    plan = load_plan(place / study, ROOT, "local")
    folders = Folders(plan, StudyPaths(Path("results"), plan.study), ROOT)
    marked = set(plan.stages)
    experiments = {
        experiment.id: folders.experiment_target(experiment.machine, experiment.id, marked)
        for experiment in plan.experiments
    }
    stages = {name: folders.stage_target(name, marked) for name in folders.stages}
    content = {
        kind: {name: {key: getattr(target, key) for key in KEYS} for name, target in targets.items()}
        for kind, targets in (("experiments", experiments), ("stages", stages))
    }
    (place / "ready.json").write_text(json.dumps(content))


KEYS = ("output", "folder", "fingerprint", "inputs", "resources", "conda")

if __name__ == "__main__":
    sys.exit(main())
