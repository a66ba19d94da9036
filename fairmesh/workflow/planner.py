"""Plans in processes of their own: each ends when a plan takes too long, or when nobody waits for it any more."""

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
SPARE = 5  # seconds after which a process ends itself whose parent has not done so


class OverloadError(FairmeshError):
    """A plan takes more time or memory than one may, or too many are being made."""


class Planner:
    """Processes that make plans.

    Parameters
    ----------
    at_once : int
        How many of them.
    seconds : int
        How long a plan may take; and how long one may wait for its turn.
    memory : int
        How many bytes of addresses a process may have.
    """

    def __init__(self, at_once: int = AT_ONCE, seconds: int = SECONDS, memory: int = MEMORY) -> None:
        self.seconds, self.memory = seconds, memory
        self.changed = threading.Condition()
        self._at_once, self._busy = at_once, 0
        self._idle: list[subprocess.Popen[str]] = []

    def begin(self, project: Project, request: PlanRequest) -> Planning:
        """Return a plan to be made; ``result`` of it makes it."""
        return Planning(self, project, request)

    def preview(self, project: Project, request: PlanRequest) -> Preview:
        """Make a plan, and wait for it.

        Raises
        ------
        FairmeshError
            As `Planning.result`.
        """
        return self.begin(project, request).result()

    def close(self) -> None:
        """End all processes that do nothing."""
        while self._idle:
            end(self._idle.pop())

    def take(self, planning: Planning) -> subprocess.Popen[str] | None:
        """Wait for a turn, and return a process that is there already, or None if one must be started.

        Raises
        ------
        OverloadError
            If that takes too long.
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
        """Take a process back that can make another plan; None in place of one that has ended."""
        with self.changed:
            self._busy -= 1
            if process:
                self._idle.append(process)
            self.changed.notify_all()


class Planning:
    """A plan that is made in a process of its own.

    Parameters
    ----------
    planner : Planner
        Which has the processes.
    project : Project
        Where the study is.
    request : PlanRequest
        What is wanted.
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
            With all mistakes of the study, or of what was asked for.
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
        """Have a process make the plan, for as long as somebody waits, and not longer than it may take."""
        late = threading.Timer(self._planner.seconds, self._give_up)
        with self._planner.changed:
            self._process = process
        late.start()
        try:
            return {} if self.is_cancelled else self._ask(process)
        finally:
            late.cancel()
            with self._planner.changed:
                self._process = None  # nobody ends it from now on

    def cancel(self) -> None:
        """End the work, from any thread: nobody waits for it any more."""
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
        project = {name: str(getattr(self._project, name)) for name in ("folder", "root", "results")}
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
    """Start a process that makes plans; it gets no signal of our terminal."""
    paths = [str(Path(fairmesh.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "fairmesh.workflow.planning"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        start_new_session=True,
    )


def end(process: subprocess.Popen[str]) -> None:
    """End a process, and close what leads to it."""
    process.kill()
    with contextlib.suppress(OSError), process:  # what was not sent any more
        process.wait()


PLANNER = Planner()
"""The processes of this one."""
atexit.register(PLANNER.close)
