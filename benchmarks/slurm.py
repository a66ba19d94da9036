"""Measure cost and throughput of Slurm jobs on a test cluster: ``python -m benchmarks.slurm``.

CPU seconds are those of Snakemake and its child processes, and those that Slurm accounts to the jobs.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Report, measure
from fairmesh import schema
from tests.slurm.cluster import SlurmCluster, cluster
from tests.waiting import wait_until

ROOT = Path(__file__).parents[1]
SNAKEMAKE = str(ROOT / ".venv-slurm/bin/snakemake")
FEW, BUNDLE, MANY, SINGLE = 10, 20, 1_000, 60
BARE = """\
rule all:
    input:
        expand("bare/{number}.txt", number=range(FEW)),

rule one:
    output:
        "bare/{number}.txt",
    shell:
        "python3 -IS -c pass > {output}"
"""


@dataclass(frozen=True)
class Cost:
    """CPU seconds of a run, in Snakemake and in its jobs, and the number of jobs."""

    main_s: float
    jobs_s: float
    jobs: int

    @property
    def whole_s(self) -> float:
        """The total CPU seconds."""
        return self.main_s + self.jobs_s


def main() -> int:
    """Measure everything; return 1 if a goal was missed."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="fairmesh-benchmark-") as name, cluster(3, accounting=True) as slurm:
        os.environ |= slurm.environment | {"TOY_STARTS": f"{name}/starts"}
        place = Path(name)
        shutil.copytree(ROOT / "tests/toy", place / "toy", ignore=shutil.ignore_patterns("__pycache__"))
        (place / "config").mkdir()
        (place / "profiles").symlink_to(ROOT / "profiles")
        one_job(report, place, slurm)
        bundles(report, place, slurm)
        many(report, place, slurm)
    return int(report.missed > 0)


def one_job(report: Report, place: Path, slurm: SlurmCluster) -> None:
    """Run the same number of jobs of a workflow without fairmesh, of a small plan and of a large plan."""
    (place / "bare.smk").write_text(BARE.replace("FEW", str(FEW)))
    bare = run(place, slurm, "slurm", "--snakefile", "bare.smk", "--logger", "fairmesh")
    plain = bare.jobs_s / bare.jobs
    print(f"      a job of the executor plugin's own: {plain:.2f} s CPU")
    spent = []
    for count in (FEW, MANY):
        study(place, count)
        cost = run(place, slurm, "slurm", "--omit-from", "publish", "--config", f"first={FEW}")
        spent.append(cost.jobs_s / cost.jobs)
        report.line(f"a job of ours beyond that, in a plan of {count:,}", spent[-1] - plain, 0.3, "s CPU")
    report.line("a job in the large plan takes so many times as long", spent[1] / spent[0], 1.1, "times")


def bundles(report: Report, place: Path, slurm: SlurmCluster) -> None:
    """Run twenty experiments, once as single jobs of the executor plugin and once as one bundle."""
    costs = {}
    for profile, options in (("slurm", ()), ("slurm-lean", ("--fairmesh-bundle", str(BUNDLE)))):
        study(place, BUNDLE)
        costs[profile] = run(place, slurm, profile, "--omit-from", "publish", *options)
    single, bundle = costs["slurm"], costs["slurm-lean"]
    print(f"      {BUNDLE} single jobs of the plugin's: {single.whole_s:.1f} s CPU, {single.jobs} jobs of Slurm's")
    print(f"      the same in a bundle: {bundle.whole_s:.1f} s CPU, {bundle.jobs} jobs of Slurm's")
    report.line("the bundle of the single ones", 100 * bundle.whole_s / single.whole_s, 15, "%")


def many(report: Report, place: Path, slurm: SlurmCluster) -> None:
    """Run a thousand experiments in bundles and sixty as single jobs; check that each ran exactly once."""
    for count, size in ((MANY, BUNDLE), (SINGLE, 1)):
        study(place, count)
        began = time.monotonic()
        cost = run(place, slurm, "slurm-lean", "--omit-from", "publish", "--fairmesh-bundle", str(size))
        seconds = time.monotonic() - began
        starts = Counter(line.split()[0] for line in (place / "starts").read_text().splitlines())
        experiments = {name: number for name, number in starts.items() if "=" in name}
        recorded = len(list((place / f"results/s{count}/records").rglob("*.json")))
        print(f"      {count:,} experiments, {size} to a job: {count / seconds:.1f} a second, {cost.jobs} jobs")
        report.line("of them lost", count - recorded, 0, "")
        report.line("of them started twice", sum(experiments.values()) - len(experiments), 0, "")
        report.line("CPU time for each, all counted", cost.whole_s / count, 0.3, "s CPU")


def study(place: Path, count: int) -> None:
    """Write a study of `count` experiments and remove earlier results."""
    values = {"from": 1, "to": count, "step": 1}
    content = {"study": f"s{count}", "application": "./toy", "measure": "shared", "parameters": {"value": values}}
    (place / "study.yaml").write_text(schema.dump_yaml({**content, "derive": {"runtime": "1"}}))
    (place / "config/config.yaml").write_text("study: ./study.yaml\n")
    shutil.rmtree(place / "results", ignore_errors=True)
    (place / "starts").unlink(missing_ok=True)


def run(place: Path, slurm: SlurmCluster, profile: str, *arguments: str) -> Cost:
    """Run Snakemake with a profile and return the cost of it and its jobs."""
    before = max(_jobs(slurm), default=0)
    snakefile = () if "--snakefile" in arguments else ("--snakefile", str(ROOT / "Snakefile"))
    command = (SNAKEMAKE, *snakefile, "--profile", f"profiles/{profile}", "--quiet", "all", *arguments)
    used = measure(command, place, runs=1)
    jobs = sum(number > before for number in _jobs(slurm))
    wait_until(lambda: _ended(slurm, before) >= jobs, "all jobs are accounted for")
    return Cost(used.cpu_s, sum(map(_seconds, _sacct(slurm, before, "TotalCPU", "--duplicates"))), jobs)


def _jobs(slurm: SlurmCluster) -> list[int]:
    return [int(number) for number in slurm.ask("squeue", "--noheader", "--states=all", "--format=%i").split()]


def _ended(slurm: SlurmCluster, after: int) -> int:
    return sum(state.split()[0] == "COMPLETED" for state in _sacct(slurm, after, "State", "--allocations"))


def _sacct(slurm: SlurmCluster, after: int, field: str, *options: str) -> list[str]:
    text = slurm.ask(
        "sacct", "--noheader", "--parsable2", f"--format=JobIDRaw,{field}", "--starttime=now-1days", *options
    )
    lines = (line.split("|") for line in text.splitlines())
    steps = {name: value for name, value in lines if int(name.split(".")[0]) > after}
    return list(steps.values()) if "--allocations" in options else [v for name, v in steps.items() if "." in name]


def _seconds(text: str) -> float:
    """Return the seconds of a time of sacct: [hours:]minutes:seconds.

    >>> _seconds("00:01.500"), _seconds("01:00:02")
    (1.5, 3602.0)
    """
    total = 0.0
    for part in text.split(":"):
        total = total * 60 + float(part)
    return total


if __name__ == "__main__":
    sys.exit(main())
