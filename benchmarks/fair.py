"""Measure how fast metadata are made from records: ``python -m benchmarks.fair``."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import Report, measure
from benchmarks.plan import MEGABYTE, write_study
from fairmesh.files import write_json, write_text
from fairmesh.jobs.paths import StudyPaths
from fairmesh.study import Experiment, Plan, load_plan
from fairmesh.study.settings import Config
from fairmesh.workflow.folders import plan_document

ROOT = Path(__file__).parents[1]
PUBLISHER = {
    "licence": "CC-BY-4.0",
    "authors": [{"name": "Ada Example", "orcid": "0000-0002-1825-0097", "affiliation": "University of Virginia"}],
    "organisation": "University of Virginia",
    "access": "Open to everybody.",
}
GOALS = {1_000: 10, 10_000: 60}  # CPU seconds by number of experiments
HISTORY = "epoch,loss,val_loss\n" + "".join(f"{epoch},{2 / epoch:.4f},{3 / epoch:.4f}\n" for epoch in range(1, 31))
FILES = {
    "config.yaml": "value: 1\n",
    "experiment.json": "{}\n",
    "job.log": "# fairmesh status=running progress=50\n" * 20,
    "metrics.json": '{"score": 1}\n',
    "history.csv": HISTORY,
    "telemetry.csv": "time,device,metric,value,unit\n2026-11-20T10:00:00.000Z,program,cpu,99.5,%\n",
    "events.mllog": ':::MLLOG {"key": "run_start"}\n',
}


def main() -> int:
    """Measure everything; return 1 if a goal was missed."""
    report = Report()
    for count, goal in GOALS.items():
        with tempfile.TemporaryDirectory(prefix="fairmesh-benchmark-") as name:
            describing(report, Path(name), count, goal)
    return int(report.missed > 0)


def describing(report: Report, place: Path, count: int, goal: float) -> None:
    """Measure all metadata with the scorecard, and the scorecard alone."""
    (place / "toy").symlink_to(ROOT / "tests/toy")
    write_study(place, count)
    write_results(place, load_plan(place / f"s{count}.yaml", ROOT, "local"))
    study = place / "results" / f"s{count}"
    made = measure(["fairmesh", "crate", f"s{count}"], place, runs=1)
    report.line(f"{count:,} experiments: results.csv, all metadata and the scorecard", made.cpu_s, goal, "s CPU")
    report.line("memory for that", made.peak_bytes / MEGABYTE, 2000, "MB")
    size = (study / "ro-crate-metadata.json").stat().st_size / MEGABYTE
    report.line("ro-crate-metadata.json", size, 3 * count / 1000, "MB")
    again = measure(["fairmesh", "fair", str(study)], place, runs=1)
    report.line("the scorecard alone", again.cpu_s, goal / 2, "s CPU")


def write_results(place: Path, plan: Plan) -> None:
    """Write the results of a study in which all experiments are done."""
    config = Config.model_validate({"study": plan.study, "publisher": PUBLISHER})
    paths = StudyPaths(place / "results", plan.study)
    write_json(paths.plan, plan_document(plan, config, ""))
    files = [
        {"path": f"attempts/1/{name}", "sha256": hashlib.sha256(text.encode()).hexdigest(), "bytes": len(text)}
        for name, text in sorted(FILES.items())
    ]
    environment = json.dumps({"python": {"version": "3.11.7", "packages": {}}})
    digest = hashlib.sha256(environment.encode()).hexdigest()
    write_text(paths.home / "environments" / f"{digest}.json", environment)
    for number, experiment in enumerate(plan.experiments):
        write_experiment(paths, experiment, record(experiment, number, files, digest))


def write_experiment(paths: StudyPaths, experiment: Experiment, content: dict[str, Any]) -> None:
    """Write the folder and the record of a finished experiment."""
    job = paths.job(experiment.machine, experiment.id)
    attempt = job.attempt(1)
    attempt.mkdir(parents=True)
    for name, text in FILES.items():
        (attempt / name).write_text(text)
    job.script.write_text("#!/usr/bin/env bash\n" * 20)
    job.experiment.write_text(json.dumps({"application": {"folder": str(ROOT / "tests/toy")}}))
    job.config.write_text("value: 1\n")
    path = paths.record(experiment.machine, experiment.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def record(experiment: Experiment, number: int, files: list[dict[str, Any]], environment: str) -> dict[str, Any]:
    """Return the record of an experiment."""
    return experiment.to_json() | {
        "format": 1,
        "study": experiment.study,
        "application": {"name": "toy", "version": "1"},
        "attempt": 1,
        "run": "",
        "state": "done",
        "started": f"2026-11-20T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000Z",
        "ended": f"2026-11-21T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000Z",
        "seconds": 1.5,
        "metrics": {"score": {"value": 1.0 + number / 7, "low": None, "high": None}},
        "baselines": {"sum": {"score": 6}},
        "usage": {"cpu_s": 1.2, "peak_bytes": 1 << 24, "read_bytes": 10, "write_bytes": 20},
        "environment": environment,
        "files": files,
    }


if __name__ == "__main__":
    sys.exit(main())
