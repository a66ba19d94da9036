"""Make plans in separate processes, which end if a plan takes too long or is cancelled."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, cast

import fairmesh
from fairmesh.api import Project
from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.workflow.planning import PlanRequest, Preview

AT_ONCE = 2
SECONDS = 30
MEMORY = 2 << 30
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}  # each thread of numpy's reserves address space
SPARE = 5  # additional seconds after which a process ends itself


class OverloadError(FairmeshError):
    """Raised if a plan takes too much time or memory, or too many plans are being made."""


class Planner:
    """Processes that make plans.

    Parameters
    ----------
    at_once : int
        The number of processes.
    seconds : int
        The time limit of a plan, and of waiting for a process.
    memory : int
        The limit of a process's address space in bytes.
    """

    def __init__(self, at_once: int = AT_ONCE, seconds: int = SECONDS, memory: int = MEMORY) -> None:
        self.seconds, self.memory = seconds, memory
        self.changed = threading.Condition()
        self._at_once, self._busy = at_once, 0
        self._idle: list[subprocess.Popen[str]] = []

    def begin(self, project: Project, request: PlanRequest) -> Planning:
        """Return a plan in preparation; its method ``result`` makes it."""
        return Planning(self, project, request)

    def preview(self, project: Project, request: PlanRequest) -> Preview:
        """Make a plan and return it.

        Raises
        ------
        FairmeshError
            As `Planning.result`.
        """
        return self.begin(project, request).result()

    def close(self) -> None:
        """End all idle processes."""
        while self._idle:
            end(self._idle.pop())

    def take(self, planning: Planning) -> subprocess.Popen[str] | None:
        """Wait for a free slot, and return an idle process, or None if one must be started.

        Raises
        ------
        OverloadError
            If no slot becomes free in time.
        """
        with self.changed:
            self.changed.wait_for(lambda: planning.is_cancelled or self._busy < self._at_once, self.seconds)
            if planning.is_cancelled or self._busy >= self._at_once:
                raise OverloadError("too many plans are being made at once; try again later")
            self._busy += 1
            while self._idle:
                process = self._idle.pop()
                if process.poll() is None:
                    return process
                end(process)
        return None

    def give_back(self, process: subprocess.Popen[str] | None) -> None:
        """Return a process that can make another plan; None if it has ended."""
        with self.changed:
            self._busy -= 1
            if process:
                self._idle.append(process)
            self.changed.notify_all()


class Planning:
    """A plan that is made in a separate process.

    Parameters
    ----------
    planner : Planner
        The owner of the processes.
    project : Project
        The project of the study.
    request : PlanRequest
        The request.
    """

    def __init__(self, planner: Planner, project: Project, request: PlanRequest) -> None:
        self._planner, self._project, self._request = planner, project, request
        self._process: subprocess.Popen[str] | None = None
        self._is_late = False
        self.is_cancelled = False

    def result(self) -> Preview:
        """Make the plan.

        Raises
        ------
        InputError
            With all errors of the study or the request.
        OverloadError
            If it takes too much time or memory, or too many plans are being made.
        FairmeshError
            If it was cancelled, or the process ended otherwise.
        """
        kept, process = None, self._planner.take(self)
        try:
            process = process or start()
            answer = self._answer_of(process)
            if not (answer.get("is_last", True) or self.is_cancelled or self._is_late):
                kept = process
        except OSError as error:
            raise FairmeshError(f"no process can be started that makes the plan: {error.strerror}") from error
        finally:
            if process and not kept:
                end(process)
            self._planner.give_back(kept)
        return self._preview(answer)

    def _answer_of(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """Return the answer of a process, which is killed on cancellation or at the time limit."""
        late = threading.Timer(self._planner.seconds, self._give_up)
        with self._planner.changed:
            self._process = process
        late.start()
        try:
            return {} if self.is_cancelled else self._ask(process)
        finally:
            late.cancel()
            with self._planner.changed:
                self._process = None  # not to be killed from now on

    def cancel(self) -> None:
        """Cancel the plan; safe to call from any thread."""
        with self._planner.changed:
            self.is_cancelled = True
            if self._process:
                self._process.kill()
            self._planner.changed.notify_all()

    def _give_up(self) -> None:
        with self._planner.changed:
            self._is_late = True
            if self._process:
                self._process.kill()

    def _ask(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        project = {name: str(getattr(self._project, name)) for name in ("folder", "results")}
        limits = {"seconds": self._planner.seconds + SPARE, "memory": self._planner.memory}
        order = {"project": project, "request": asdict(self._request), **limits}
        orders, answers = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
        try:
            orders.write(json.dumps(order) + "\n")
            orders.flush()
            line = answers.readline()
        except OSError:
            line = ""
        return json.loads(line) if line.endswith("\n") else {}

    def _preview(self, answer: dict[str, Any]) -> Preview:
        if "plan" in answer:
            return Preview.of_json(answer["plan"])
        if "problems" in answer:
            raise InputError(Problem(**problem) for problem in answer["problems"])
        if "error" in answer:
            raise FairmeshError(answer["error"])
        if self._is_late:
            raise OverloadError(f"the plan takes longer than {self._planner.seconds} s; make the study smaller")
        if "memory" in answer:
            raise OverloadError(f"the plan takes more than {answer['memory'] >> 20} MB; make the study smaller")
        raise FairmeshError("the plan was cancelled" if self.is_cancelled else "the process that makes plans has ended")


def start() -> subprocess.Popen[str]:
    """Start a process that makes plans; it does not receive signals of the terminal."""
    paths = [str(Path(fairmesh.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "fairmesh.workflow.planning"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | ONE_THREAD,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str]) -> None:
    """End a process and close its pipes."""
    process.kill()
    with contextlib.suppress(OSError), process:  # unsent data
        process.wait()


PLANNER = Planner()
"""The planner of this process."""
atexit.register(PLANNER.close)
