"""How fast people see how a study of 10,000 experiments stands: ``python -m benchmarks.status``."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import Report, measure
from fairmesh import files
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.live import Reader
from fairmesh.names import experiment_key
from fairmesh.runner import owner, protocol

COUNT = 10_000
RUN = "5b0f7a52-2a5e-4a52-9d1c-0d2f6a1b9c11"
NOW = "2026-11-20T10:00:{:06.3f}Z"
MEGABYTE = 1e6


def main() -> int:
    """Measure everything, and give 1 if a goal was missed."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="fairmesh-benchmark-") as name:
        place = Path(name)
        paths = StudyPaths(place / "results", "sweep")
        points = write_plan(paths)
        steps = {
            "nothing started": lambda _: "",
            "half done, 200 running, 200 failed": _mixed,
            "all done": lambda _: protocol.DONE,
            "all failed": lambda _: protocol.FAILED,
        }
        for title, state in steps.items():
            write_states(paths, points, state)
            found = measure(["fairmesh", "status", str(paths.folder)], place)
            report.line(f"{COUNT:,} experiments, {title}: fairmesh status", found.cpu_s, 1, "s CPU")
            report.line("memory for that", found.peak_bytes / MEGABYTE, 250, "MB")
            report.line("a further look of a program that watches", _again(paths), 0.5, "s CPU")
        as_json = measure(["fairmesh", "status", str(paths.folder), "--json"], place)
        report.line("fairmesh status --json", as_json.cpu_s, 1.5, "s CPU")
    return int(report.missed > 0)


def _again(paths: StudyPaths) -> float:
    reader = Reader(paths)
    reader.read()
    before = time.process_time()
    reader.read()
    return time.process_time() - before


def _mixed(number: int) -> str:
    if number < COUNT // 2:
        return protocol.DONE
    return {0: protocol.FAILED, 1: protocol.RUNNING}.get(number % 25, "")


def write_plan(paths: StudyPaths) -> list[dict[str, Any]]:
    """Write a plan as large as CloudMask's would be."""
    points = []
    for number in range(COUNT):
        identity = f"epochs={number % 100}+learning_rate={number // 100}"
        parameters = {"epochs": number % 100, "learning_rate": number // 100} | {f"option_{at}": at for at in range(8)}
        axes = {"epochs": number % 100, "learning_rate": number // 100}
        point: dict[str, Any] = {"machine": "local", "id": identity, "key": experiment_key("sweep", "local", identity)}
        point |= {"parameters": parameters, "axes": axes, "resources": {}, "stages": {}}
        points.append(point | {"fingerprint": files.text_sha256(identity), "selected": True})
    plan = {"format": 1, "study": "sweep", "title": "Ten thousand", "application": {"name": "toy"}, "source": "x.yaml"}
    files.write_text(paths.plan, files.json_lines(plan | {"experiments": points}))
    about = {"uuid": RUN, "started": NOW.format(0), "owner": owner.me(), "ended": None, "exit_code": None}
    files.write_json(paths.run(RUN) / protocol.RUN_FILE, about)
    return points


def write_states(paths: StudyPaths, points: list[dict[str, Any]], state: Callable[[int], str]) -> None:
    """Write what the workflow leaves when each experiment is in some state; an empty one is not started."""
    lines = []
    for folder in (protocol.EXPERIMENTS, protocol.RECORDS):
        shutil.rmtree(paths.folder / folder, ignore_errors=True)
    for number, point in enumerate(points):
        job, found = paths.job(point["machine"], point["id"]), state(number)
        files.write_folder(job.folder, [(protocol.EXPERIMENT, files.canonical_json(point), 0o644)])
        if found:
            write_attempt(job, paths.record(point["machine"], point["id"]), point, found)
            names = ["submitted", *{protocol.DONE: ["finished"], protocol.FAILED: ["failed"]}.get(found, [])]
            common = {"rule": "experiment", "machine": point["machine"], "id": point["id"], "job": number, "job_id": ""}
            reason = f"Missing output files: results/sweep/records/local/{point['id']}.json"
            for at, name in enumerate(names):
                lines.append(files.canonical_json({"time": NOW.format(at), "event": name, "reason": reason, **common}))
    files.write_text(paths.run(RUN) / protocol.EVENTS, "".join(f"{line}\n" for line in lines))


def write_attempt(job: JobPaths, record: Path, point: dict[str, Any], state: str) -> None:
    """Write an attempt, and the record if it is done."""
    status = {"state": state, "reason": "", "progress": 50, "message": "epoch 3 of 8", "heartbeat": 7, "attempt": 1}
    status |= {"started": NOW.format(1), "ended": NOW.format(2), "host": "node-7", "job_id": "", "run": RUN}
    status |= {"fingerprint": point["fingerprint"]}
    contents = ((protocol.STATUS, status), (protocol.EXPERIMENT, point), (protocol.LOG, "epoch 1\nepoch 2\n"))
    files.write_folder(job.attempt(1), [(name, files.canonical_json(value), 0o644) for name, value in contents])
    files.write_folder(job.folder / protocol.CLAIMS, [("1", files.canonical_json(owner.me()), 0o644)])
    if state == protocol.DONE:
        made = [{"path": f"attempts/1/{name}", "sha256": "0" * 64, "bytes": 100} for name, _ in contents]
        metrics = {"accuracy": {"value": 0.9, "low": 0.8, "high": None}}
        own = {"attempt": 1, "run": RUN, "started": NOW.format(1), "ended": NOW.format(2), "metrics": metrics}
        files.write_folder(record.parent, [(record.name, files.canonical_json({**point, **own, "files": made}), 0o644)])


if __name__ == "__main__":
    sys.exit(main())
