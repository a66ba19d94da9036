"""Measure the service with 10,000 experiments and 50 listeners: ``python -m benchmarks.service [SECONDS]``."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from benchmarks.measure import Report
from benchmarks.status import COUNT, MEGABYTE, mixed, running_attempts, say, write_plan, write_states
from fairmesh import files
from fairmesh.jobs.paths import StudyPaths

LISTENERS = 50
ASKERS = 4
SECONDS = 20.0
CHANGES = 20  # progress updates per second
TOKEN = "a-token-of-the-benchmark-and-nothing-else"  # noqa: S105
PATHS = ("/studies/sweep/status", "/studies/sweep/experiments?limit=100", "/studies/sweep/experiments?state=running")


def main(arguments: Sequence[str] = sys.argv[1:]) -> int:
    """Measure everything; return 1 if a goal was missed."""
    seconds = float(arguments[0]) if arguments else SECONDS
    report = Report()
    with tempfile.TemporaryDirectory(prefix="fairmesh-benchmark-") as name:
        place = Path(name)
        paths = StudyPaths(place / "results", "sweep")
        points = write_plan(paths)
        write_states(paths, points, mixed)
        running = running_attempts(paths, points)
        service, port = _start(place)
        try:
            asyncio.run(_measure(port, service.pid, running, seconds, report))
        finally:
            service.terminate()
            service.wait()
    return int(report.missed > 0)


def _start(place: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start the service on one core."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = place / "token"
    files.write_text(token, TOKEN, 0o600)
    command = [sys.executable, "-m", "fairmesh.cli", "serve", "--port", str(port), "--token-file", str(token)]
    root = str(Path(__file__).parents[1])
    core = max(os.sched_getaffinity(0))
    service = subprocess.Popen(["taskset", "-c", str(core), *command], cwd=place, env=os.environ | {"PYTHONPATH": root})
    os.sched_setaffinity(0, os.sched_getaffinity(0) - {core} or {core})
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return service, port
    raise TimeoutError("the service does not answer")


async def _measure(port: int, pid: int, running: list[Path], seconds: float, report: Report) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    limits = httpx.Limits(max_connections=LISTENERS + ASKERS)
    base = f"http://127.0.0.1:{port}/api/v1"
    async with httpx.AsyncClient(base_url=base, headers=headers, limits=limits, timeout=60) as client:
        events = [0]
        listeners = [asyncio.create_task(_listen(client, events)) for _ in range(LISTENERS)]
        changing = asyncio.create_task(_change(running))
        await asyncio.sleep(5)
        cpu, before = _cpu_s(pid), _memory(pid)
        took: list[float] = []
        begin = time.monotonic()
        asking = [asyncio.create_task(_ask(client, number, begin + seconds, took)) for number in range(ASKERS)]
        seen_at_work = await _time_to_see(client, running[1], 98)
        await asyncio.gather(*asking)
        passed, after = time.monotonic() - begin, _memory(pid)
        used = _cpu_s(pid) - cpu
        seen = await _time_to_see(client, running[0], 99)
        for task in (*listeners, changing):
            task.cancel()
    report.line(f"{COUNT:,} experiments, {LISTENERS} streams: 99 of 100 requests answered within", _p99(took), 0.1, "s")
    report.line("time for a request (200 requests/s are 0.005)", passed / len(took), 0.005, "s")
    report.line("the same in CPU time of the service", used / len(took), 0.005, "s CPU")
    report.line("a change is seen by who asks after", seen, 3, "s")
    report.line("the same while all the others ask", seen_at_work, 3, "s")
    report.line(f"memory after {len(took)} requests and {events[0]} events sent", after / MEGABYTE, 400, "MB")
    report.line("growth of that meanwhile", (after - before) / MEGABYTE, 20, "MB")


async def _listen(client: httpx.AsyncClient, events: list[int]) -> None:
    async with client.stream("GET", "/studies/sweep/events", timeout=None) as answer:
        async for line in answer.aiter_lines():
            events[0] += line.startswith("data:")


async def _ask(client: httpx.AsyncClient, number: int, until: float, took: list[float]) -> None:
    while time.monotonic() < until:
        before = time.monotonic()
        answer = await client.get(PATHS[(number + len(took)) % len(PATHS)])
        took.append(time.monotonic() - before)
        answer.raise_for_status()


async def _change(running: list[Path]) -> None:
    """Write the progress of running experiments."""
    number = 0
    while True:
        # In another thread, so that a busy disk does not delay the requests.
        await asyncio.to_thread(say, running[2 + number % (len(running) - 2)], number // len(running) % 90)
        number += 1
        await asyncio.sleep(1 / CHANGES)


async def _time_to_see(client: httpx.AsyncClient, attempt: Path, progress: int) -> float:
    await asyncio.to_thread(say, attempt, progress)
    before = time.monotonic()
    while True:
        answer = (await client.get(f"/studies/sweep/experiments?where=progress == {progress}")).json()
        if any(experiment["progress"] == progress for experiment in answer["experiments"]):
            return time.monotonic() - before
        await asyncio.sleep(0.1)


def _p99(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.99)]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    sys.exit(main())
