"""Whoever reads again and again sees what somebody sees who reads for the first time, whatever happened in between."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fairmesh.files import write_json
from fairmesh.jobs.paths import JobPaths
from fairmesh.runner import jsonfiles, protocol, scheduler
from fairmesh.runner.status import request_cancel
from fairmesh.schedulers import JobInfo
from fairmesh.status import Reader, cache, events, queue, read_status
from tests.schedulers.jobs import slurm_job
from tests.status.conftest import GONE, Study

NOW = "2026-11-20T10:05:00.000Z"
STAGE = "a" * 64
STATES = (*protocol.STATES[1:], "")


class Disk:
    """A file system whose clock ticks slowly, an hour beside ours, and which tells of a file but its last tick."""

    def __init__(self, folder: Path, tick: float) -> None:
        self._folder, self._tick = folder, tick
        self.now = 1000.0
        self._files: dict[str, object] = {}
        self._ticks: dict[str, int] = {}
        self.notice()

    def notice(self) -> None:
        """Take over what was changed just now."""
        found = {str(path): _real(path) for path in (self._folder, *self._folder.rglob("*"))}
        tick = int((3600 + self.now) // self._tick * self._tick * 1e9)
        self._ticks |= {path: tick for path, real in found.items() if self._files.get(path) != real}
        self._files = dict(found)

    def stamp(self, path: str) -> cache.Stamp | None:
        """Return what a file system like this tells."""
        return (0, 0, self._ticks[path], self._ticks[path]) if Path(path).exists() else None


def _real(path: Path) -> tuple[int, int, int, bytes]:
    found = path.lstat()
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, path.read_bytes() if path.is_file() else b""


class World:
    """A study to which things happen."""

    def __init__(self, results: Path) -> None:
        self.study = Study(results)
        self.jobs: dict[str, JobInfo] = {}
        self._events = 0
        for epochs in (1, 2, 4):
            self.study.add(epochs=epochs)["stages"] = {"store": STAGE}
        self.study.write_plan()
        self.study.run("first")

    def do(self, what: str, at: int, state: str) -> None:
        """Change something of one of the experiments."""
        point = self.study.points[at]
        getattr(self, what)(point, state, JobPaths(self.study.job(point)))

    def begin(self, point: dict[str, Any], state: str, job: JobPaths) -> None:
        number = 1 + max((int(path.name) for path in job.attempts.glob("*")), default=0)
        self._claim(point, number, state)
        started = "2026-11-20T10:01:00Z"
        self.study.start(point, state, number, run="first", job_id=str(number), started=started)

    def claim(self, point: dict[str, Any], state: str, job: JobPaths) -> None:
        self._claim(point, 1 + max((int(path.name) for path in job.attempts.glob("*")), default=0), state)

    def _claim(self, point: dict[str, Any], number: int, state: str) -> None:
        owners: list[dict[str, Any]] = [{}, GONE, {"start": "1"}]
        self.study.claim(point, number, **owners[len(state) % 3])

    def say(self, point: dict[str, Any], state: str, job: JobPaths) -> None:
        last = max((int(path.name) for path in job.attempts.glob("*")), default=0)
        if last and not list(self.study.folder.glob(f"records/*/{point['id']}.json")):
            status = {"state": state, "run": "first", "progress": len(state), "node": "n1"}
            write_json(job.attempt(last) / "status.json", status)

    def finish(self, point: dict[str, Any], state: str, job: JobPaths) -> None:
        if not job.attempts.exists():
            self.study.finish(point, {"accuracy": 0.9}, machine=["", "dgx"][len(state) % 2])

    def commit(self, point: dict[str, Any], state: str, job: JobPaths) -> None:
        if job.attempts.exists():
            write_json(job.commit, {"fingerprint": point["fingerprint"], "attempt": 1, "run": state})

    def copy(self, point: dict[str, Any], state: str, job: JobPaths) -> None:
        if job.commit.exists():
            target = self.study.paths.record(["local", "dgx"][len(state) % 2], point["id"])
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(job.commit, target)

    def lose(self, point: dict[str, Any], state: str, job: JobPaths) -> None:
        for record in self.study.folder.glob(f"records/*/{point['id']}.json"):
            record.rename(record.with_suffix(".stale"))

    def set_aside(self, point: dict[str, Any], state: str, job: JobPaths) -> None:
        if job.commit.exists():
            job.commit.rename(job.folder / "forced-commit.json")

    def remove(self, point: dict[str, Any], state: str, job: JobPaths) -> None:
        shutil.rmtree(job.folder, ignore_errors=True)

    def cancel(self, point: dict[str, Any], state: str, job: JobPaths) -> None:
        folder = self.study.paths.run("first") if not state else job.folder
        if folder.exists() and not request_cancel(str(folder), "ada"):
            (folder / "cancel.json").unlink()

    def tell(self, point: dict[str, Any], state: str, job: JobPaths) -> None:
        self._events += 1
        event = {"machine": "local", "id": point["id"], "time": f"2026-11-20T10:02:{self._events:02d}.000Z"}
        event |= {"event": ["submitted", "queued", "failed", "finished"][len(state) % 4], "job_id": str(len(state))}
        with (self.study.paths.run("first") / "events.jsonl").open("a") as file:
            file.write(f"{json.dumps(event)}\n" if state else '{"event": ')

    def run(self, point: dict[str, Any], state: str, job: JobPaths) -> None:
        self.study.run("first", ended=state or None)

    def plan(self, point: dict[str, Any], state: str, job: JobPaths) -> None:
        point["selected"] = bool(len(state) % 2)
        if state == protocol.LOST:
            point["fingerprint"] = "0" * 64
        self.study.write_plan()

    def stage(self, point: dict[str, Any], state: str, job: JobPaths) -> None:
        folder = self.study.paths.stage_job("cloudmask", f"store-{STAGE[:12]}").attempt(1)
        write_json(folder / "status.json", {"state": state})

    def schedule(self, point: dict[str, Any], state: str, job: JobPaths) -> None:
        names = {"running": "RUNNING", "queued": "PENDING", "failed": "FAILED", "timeout": "TIMEOUT"}
        number = str(1 + len(state) % 3)
        self.jobs[number] = slurm_job(number, names.get(state, "COMPLETED"), node="n2", name=point["key"])


HAPPENINGS = sorted(name for name in vars(World) if not name.startswith("_") and name != "do")
STEPS = st.tuples(st.sampled_from(HAPPENINGS), st.integers(0, 2), st.sampled_from(STATES))
WAITS = st.sampled_from([0.0, 0.3, 1.2, 2.5])


@pytest.fixture(scope="module", autouse=True)
def _no_scheduler() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        patch.setattr(queue, "PERIOD", -1.0)
        patch.setattr(jsonfiles, "now", lambda: NOW)
        yield


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([0.001, 1.0, 2.0]), st.lists(st.tuples(WAITS, st.lists(STEPS, max_size=4)), max_size=6))
@example(2.0, [(0, [("begin", 0, "running")]), (2.5, [("say", 0, "running")]), (0.3, [("say", 0, "failed")])])
@example(1.0, [(0, [("finish", 0, "done")]), (2.5, [("lose", 0, "")]), (0.3, [("commit", 0, ""), ("copy", 0, "")])])
@example(1.0, [(0, [("finish", 0, "done")]), (2.5, [("remove", 0, "")]), (2.5, [("begin", 0, "running")])])
@example(0.001, [(0, [("begin", 0, "lost")]), (2.5, [("commit", 0, "")]), (2.5, [("remove", 0, ""), ("tell", 0, "x")])])
def test_reading_again_is_like_reading_anew(tick: float, story: list[tuple[float, list[tuple[str, int, str]]]]) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        world = World(Path(name))
        disk = Disk(Path(name), tick)
        patch.setattr(cache, "stamp", disk.stamp)
        patch.setattr(cache.time, "monotonic", lambda: disk.now)
        patch.setattr(scheduler, "jobs", lambda *_, **__: dict(world.jobs))
        again = Reader(world.study.paths)
        again.read()
        for seconds, steps in story:
            disk.now += seconds
            if seconds > 1:
                again.read()
            for step in steps:
                world.do(*step)
                disk.notice()
            assert again.read().to_json() == read_status(world.study.paths).to_json()


@given(st.lists(st.integers(1, 90), max_size=12), st.integers(1, 60))
def test_events_are_read_once_and_whole_however_they_come(cuts: list[int], block: int) -> None:
    told = [{"id": f"x={at % 2}", "event": "submitted", "time": f"{at:03d}", "job_id": str(at)} for at in range(8)]
    data = b"".join(json.dumps(event).encode() + b"\n" for event in told)
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "BLOCK", block)
        path = Path(name, "events.jsonl")
        log = events.EventLog(str(path))
        begin = 0
        for length in [*cuts, len(data)]:
            with path.open("ab") as file:
                file.write(data[begin : begin + length])
            begin += length
            found = {name: event["submitted"].job_id for (_, name), event in log.read().items()}
            whole = [at for at in range(8) if len(b"".join(data.splitlines(True)[: at + 1])) <= begin]
            assert found == {f"x={at % 2}": str(at) for at in whole}


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_without_an_end_fills_no_memory_and_hides_no_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: bytes
) -> None:
    monkeypatch.setattr(events, "LONGEST", 1 << 18)
    monkeypatch.setattr(events, "BLOCK", 1 << 16)
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"x" * (1 << 24) + end)
    log = events.EventLog(str(path))
    tracemalloc.start()
    try:
        assert log.read() == {}
        assert tracemalloc.get_traced_memory()[1] < 1 << 21
    finally:
        tracemalloc.stop()
    with path.open("ab") as file:
        file.write(b'\n{"id": "x=1", "event": "submitted", "time": "1"}\n')
    assert list(log.read()) == [("", "x=1")]


def test_what_rests_is_told_by_the_same_object(study: Study) -> None:
    for epochs in (2, 4, 8):
        study.finish(study.add(epochs=epochs), {"accuracy": 0.9})
    point = study.add(epochs=16)
    study.start(point, "failed")
    reader = Reader(study.paths)
    before = reader.read().experiments
    study.start(point, "running", number=2)
    after = reader.read().experiments
    assert [old is new for old, new in zip(before, after, strict=True)] == [True, True, True, False]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of what is opened and listed from now on."""
    found: list[str] = []

    def told(call: Callable[..., Any]) -> Callable[..., Any]:
        return lambda path, *rest, **more: found.append(Path(path).name) or call(path, *rest, **more)

    monkeypatch.setattr(cache.os, "open", told(os.open))
    monkeypatch.setattr(cache.os, "listdir", told(os.listdir))
    return found


def test_only_what_has_changed_is_read_again(study: Study, opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for epochs in (2, 4, 8):
        study.finish(study.add(epochs=epochs), {"accuracy": 0.9})
    point = study.add(epochs=16)
    attempt = study.start(point, "failed")
    reader = Reader(study.paths)
    reader.read()
    began = cache.time.monotonic()
    monkeypatch.setattr(cache.time, "monotonic", lambda: began + cache.SETTLED + 1)
    reader.read()
    opened.clear()
    reader.read()
    assert opened == ["runs", "job.sh"]
    write_json(attempt / "status.json", {"state": "running"})
    opened.clear()
    assert reader.read().counts["lost"] == 1, "it says that it runs, and nobody has claimed it"
    assert "status.json" in opened
    assert not any(name.endswith(("commit.json", "plan.json", "records")) or "epochs=2." in name for name in opened)
