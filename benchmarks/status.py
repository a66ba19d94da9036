"""Measure the status of a study of 10,000 experiments: ``python -m benchmarks.status``."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import Report, measure
from fairmesh import files
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.names import experiment_key
from fairmesh.runner import owner, protocol
from fairmesh.status import Reader
from fairmesh.status.cache import SETTLED
from fairmesh.status.events import EventLog

COUNT = 10_000
RUN = "5b0f7a52-2a5e-4a52-9d1c-0d2f6a1b9c11"
NOW = "2026-11-20T10:00:{:06.3f}Z"
MEGABYTE = 1e6
LONG = 100 * MEGABYTE  # bytes of events


def main() -> int:
    """Measure everything; return 1 if a goal was missed."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="fairmesh-benchmark-") as name:
        place = Path(name)
        paths = StudyPaths(place / "results", "sweep")
        points = write_plan(paths)
        steps = {
            "nothing started": lambda _: "",
            "half done, 200 running, 200 failed": mixed,
            "all done": lambda _: protocol.DONE,
            "all failed": lambda _: protocol.FAILED,
        }
        for title, state in steps.items():
            write_states(paths, points, state)
            measured = measure(["fairmesh", "status", str(paths.folder)], place)
            report.line(f"{COUNT:,} experiments, {title}: fairmesh status", measured.cpu_s, 1, "s CPU")
            report.line("memory for that", measured.peak_bytes / MEGABYTE, 250, "MB")
            report.line("a further look of a program that watches", _again(paths), 0.15, "s CPU")
        write_states(paths, points, mixed)
        running = running_attempts(paths, points)
        report.line("a further look at the half done", _again(paths), 0.06, "s CPU")
        report.line("the same when 40 said something new", _again(paths, running[:40]), 0.1, "s CPU")
        _measure_long_log(paths, report)
        as_json = measure(["fairmesh", "status", str(paths.folder), "--json"], place)
        report.line("fairmesh status --json", as_json.cpu_s, 1.5, "s CPU")
    return int(report.missed > 0)


def _again(paths: StudyPaths, speakers: Sequence[Path] = (), looks: int = 5) -> float:
    """Return the CPU seconds of reading the status again, after the file system's clock has advanced."""
    reader = Reader(paths)
    reader.read()
    time.sleep(SETTLED)
    reader.read()
    took = []
    for number in range(looks):
        for attempt in speakers:
            say(attempt, number)
        before = time.process_time()
        reader.read()
        took.append(time.process_time() - before)
    return min(took)


def say(attempt: Path, progress: int) -> None:
    """Write the progress of a running experiment."""
    status = files.read_json(attempt / protocol.STATUS)
    files.write_json(attempt / protocol.STATUS, status | {"progress": progress})


def running_attempts(paths: StudyPaths, points: list[dict[str, Any]]) -> list[Path]:
    """Return the running attempts of a half-done study."""
    running = (point for number, point in enumerate(points) if mixed(number) == protocol.RUNNING)
    return [paths.job(point["machine"], point["id"]).attempt(1) for point in running]


def _measure_long_log(paths: StudyPaths, report: Report) -> None:
    """Measure the reading of a very long event log and of events appended to it."""
    path = paths.run(RUN) / protocol.EVENTS
    text = path.read_text(encoding="utf-8")
    with path.open("a", encoding="utf-8") as file:
        while file.tell() < LONG:
            file.write(text)
    log = EventLog(str(path))
    tracemalloc.start()
    log.read()
    report.line(f"{LONG / MEGABYTE:g} MB of events: memory", tracemalloc.get_traced_memory()[1] / MEGABYTE, 50, "MB")
    tracemalloc.stop()
    files.append_lines(path, text.splitlines()[:20])
    before = time.process_time()
    log.read()
    report.line("20 events more: to read them", time.process_time() - before, 0.01, "s CPU")


def mixed(number: int) -> str:
    """Return the state of an experiment of a half-done study."""
    if number < COUNT // 2:
        return protocol.DONE
    return {0: protocol.FAILED, 1: protocol.RUNNING}.get(number % 25, "")


def write_plan(paths: StudyPaths) -> list[dict[str, Any]]:
    """Write a plan with as many parameters as CloudMask has."""
    points = []
    for number in range(COUNT):
        identity = f"epochs={number % 100}+learning_rate={number // 100}"
        parameters = {"epochs": number % 100, "learning_rate": number // 100} | {
            f"option_{option}": option for option in range(8)
        }
        axes = {"epochs": number % 100, "learning_rate": number // 100}
        point: dict[str, Any] = {"machine": "local", "id": identity, "key": experiment_key("sweep", "local", identity)}
        point |= {"parameters": parameters, "axes": axes, "resources": {}, "stages": {}}
        points.append(point | {"fingerprint": files.text_sha256(identity), "selected": True})
    plan = {"format": 1, "study": "sweep", "title": "Ten thousand", "application": {"name": "toy"}, "source": "x.yaml"}
    files.write_text(paths.plan, files.json_lines(plan | {"experiments": points}))
    about = {"uuid": RUN, "started": NOW.format(0), "owner": owner.current_process(), "ended": None, "exit_code": None}
    files.write_json(paths.run(RUN) / protocol.RUN_FILE, about)
    return points


def write_states(paths: StudyPaths, points: list[dict[str, Any]], state: Callable[[int], str]) -> None:
    """Write the files of a workflow with experiments in given states; an empty state is not started."""
    lines = []
    for folder in (protocol.EXPERIMENTS, protocol.RECORDS):
        shutil.rmtree(paths.folder / folder, ignore_errors=True)
    for number, point in enumerate(points):
        job, current = paths.job(point["machine"], point["id"]), state(number)
        files.write_folder(job.folder, [(protocol.EXPERIMENT, files.canonical_json(point), 0o644)])
        if current:
            write_attempt(job, paths.record(point["machine"], point["id"]), point, current)
            names = ["submitted", *{protocol.DONE: ["finished"], protocol.FAILED: ["failed"]}.get(current, [])]
            common = {"rule": "experiment", "machine": point["machine"], "id": point["id"], "job": number, "job_id": ""}
            reason = f"Missing output files: results/sweep/records/local/{point['id']}.json"
            for second, name in enumerate(names):
                lines.append(
                    files.canonical_json({"time": NOW.format(second), "event": name, "reason": reason, **common})
                )
    files.write_text(paths.run(RUN) / protocol.EVENTS, "".join(f"{line}\n" for line in lines))


def write_attempt(job: JobPaths, record: Path, point: dict[str, Any], state: str) -> None:
    """Write an attempt, and its record if it is done."""
    status = {"state": state, "reason": "", "progress": 50, "message": "epoch 3 of 8", "heartbeat": 7, "attempt": 1}
    status |= {"started": NOW.format(1), "ended": NOW.format(2), "host": "node-7", "job_id": "", "run": RUN}
    status |= {"fingerprint": point["fingerprint"]}
    contents = ((protocol.STATUS, status), (protocol.EXPERIMENT, point), (protocol.LOG, "epoch 1\nepoch 2\n"))
    files.write_folder(job.attempt(1), [(name, files.canonical_json(value), 0o644) for name, value in contents])
    files.write_folder(job.folder / protocol.CLAIMS, [("1", files.canonical_json(owner.current_process()), 0o644)])
    if state == protocol.DONE:
        made = [{"path": f"attempts/1/{name}", "sha256": "0" * 64, "bytes": 100} for name, _ in contents]
        metrics = {"accuracy": {"value": 0.9, "low": 0.8, "high": None}}
        result = {"attempt": 1, "run": RUN, "started": NOW.format(1), "ended": NOW.format(2), "metrics": metrics}
        files.write_folder(
            record.parent, [(record.name, files.canonical_json({**point, **result, "files": made}), 0o644)]
        )


if __name__ == "__main__":
    sys.exit(main())
