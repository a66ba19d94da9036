"""A study for tests whose jobs run on a machine that is a folder and processes of this computer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairmesh.dispatch.dispatcher import Dispatcher
from fairmesh.dispatch.remote_job import ApplicationFiles, NeededStage, RemoteJob
from fairmesh.dispatch.requests import request_path
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.jobs.render import JobFolder, render
from fairmesh.jobs.templates import Templates
from fairmesh.machines.computers import Computer, Computers, SingleComputer
from fairmesh.machines.process import ProcessTransport
from fairmesh.machines.transport import Transport
from fairmesh.study.machines import Machine
from tests.machine_jobs import end_jobs
from tests.waiting import wait_until

TEMPLATES = Path(__file__).parents[2] / "workflow/templates"
MACHINE = "far"
GOOD = "import json; json.dump({'score': 1.5}, open('metrics.json', 'w'))"
# Appends a line to a file outside of the job folder: each start of the program is counted there.
COUNTED = "open({!r}, 'a').write({!r} + '\\n'); import time; time.sleep({}); "


@dataclass
class RemoteStudy:
    """A study whose jobs run on a machine that is a folder and processes of this computer."""

    place: Path
    seconds: float = 0.0
    said: list[str] = field(default_factory=list)
    jobs: dict[str, RemoteJob] = field(default_factory=dict)

    @property
    def paths(self) -> StudyPaths:
        """The paths of its results."""
        return StudyPaths(self.place / "project/results", "sweep")

    @property
    def base(self) -> Path:
        """The base folder of the machine."""
        return self.place / "base"

    @property
    def home(self) -> Path:
        """The home folder on the machine."""
        return self.base / (self.paths.home / ".machine-home").read_text().strip()

    @property
    def count(self) -> Path:
        """The file with a line for each start of a program."""
        return self.place / "count"

    def starts(self, identity: str) -> int:
        """Return how often the program of a job was started."""
        return self.count.read_text().splitlines().count(identity) if self.count.exists() else 0

    def add(self, identity: str, code: str = GOOD, force: bool = False, **changes: Any) -> RemoteJob:
        """Render a job."""
        paths = self.paths.job(MACHINE, identity)
        content = self._content(identity, COUNTED.format(str(self.count), identity, self.seconds) + code) | changes
        self._render(paths, content)
        record = self.paths.record(MACHINE, identity)
        job = RemoteJob(paths, str(content["fingerprint"]), record, str(content["key"]), force=force)
        self.jobs[identity] = job
        return job

    def add_stage(
        self, name: str = "numbers-0123456789ab", code: str = "open('numbers.txt', 'w').write('1 2 3')"
    ) -> RemoteJob:
        """Render a stage."""
        paths = self.paths.stage_job("toy", name)
        content = self._content(name, COUNTED.format(str(self.count), name, self.seconds) + code)
        self._render(paths, content | {"stage": name.partition("-")[0], "fingerprint": "0123456789ab" + "0" * 52})
        record = self.paths.stage_marker(name)
        job = RemoteJob(paths, "0123456789ab" + "0" * 52, record, "0123456789ab")
        self.jobs[name] = job
        return job

    def _content(self, identity: str, code: str) -> dict[str, Any]:
        return {
            "format": 1,
            "study": "sweep",
            "machine": MACHINE,
            "id": identity,
            "key": f"{abs(hash(identity)) % 10**12:012d}",
            "fingerprint": "f" * 64,
            "application": {"name": "toy", "version": "1", "folder": ""},
            "parameters": {"x": 1},
            "axes": {"x": 1},
            "resources": {},
            "stages": {},
            "command": [sys.executable, "-IS", "-c", code],
            "measure": "shared",
            "keep": [],
        }

    def _render(self, paths: JobPaths, content: dict[str, Any]) -> None:
        entry = {"scheduler": "none", "setup": [], "modules": [], "resources": {}, "gpus": {}, "patience": 10}
        render(JobFolder(paths, {"x": 1}, content), Templates.of_jobs(TEMPLATES, "none", ()), entry)

    def transport(self) -> ProcessTransport:
        """Return a transport to the machine."""
        return ProcessTransport(self.base, host=MACHINE)

    def run_folder(self, run: str = "run-1") -> Path:
        """Return the folder of a run."""
        return self.paths.run(run)

    def dispatcher(
        self,
        transport: Transport | None = None,
        run: str = "run-1",
        computers: Callable[[str, Machine], Computers] | None = None,
        patience: float = 10,
        expected: Collection[str] = (),
    ) -> Dispatcher:
        """Return a dispatcher of a run."""
        machine = Machine(kind="ssh", host="far.example.org", patience=patience, slots=1000)
        single = SingleComputer(transport or self.transport(), 1000)
        return Dispatcher(
            self.paths,
            self.run_folder(run),
            lambda kind, _, identity: self.jobs[identity],
            {MACHINE: machine},
            self.place / "project",
            lambda text, _: self.said.append(text),
            computers or (lambda name, machine: single),
            {MACHINE: [("experiments", name) for name in expected]},
        )

    def request(self, *identities: str, kind: str = "experiments", run: str = "run-1") -> None:
        """Request jobs, as their rules do."""
        for identity in identities:
            path = request_path(self.run_folder(run), MACHINE, kind, identity)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def answer(self, identity: str, kind: str = "experiments", run: str = "run-1") -> str:
        """Return the answer for a rule; empty if there is none yet."""
        path = request_path(self.run_folder(run), MACHINE, kind, identity)
        answer = path.with_name(f"{path.name},answer")
        return answer.read_text().strip() if answer.exists() else ""

    def wait(self, *identities: str, kind: str = "experiments", run: str = "run-1", patience: float = 60) -> list[str]:
        """Wait for the answers for rules."""
        wait_until(
            lambda: all(self.answer(identity, kind, run) for identity in identities),
            f"answers for {identities}; said: {self.said}",
            patience,
        )
        return [self.answer(identity, kind, run) for identity in identities]

    def status(self, identity: str, attempt: int = 1) -> dict[str, Any]:
        """Return the local status of an attempt."""
        path = self.jobs[identity].paths.attempt(attempt) / "status.json"
        status: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return status

    def machine_state(self) -> dict[str, Any]:
        """Return the state of the machine that readers see."""
        path = self.paths.machine(MACHINE)
        state: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return state

    def end(self) -> None:
        """End what still runs on the machine."""
        for base in self.place.glob("base*"):
            end_jobs(base)


@dataclass
class RentedComputers:
    """Stand-in for computers of a cloud: folders of this computer, which tests take away."""

    study: RemoteStudy
    names: list[str]
    slots: int = 4
    gone: set[str] = field(default_factory=set)
    released: int = 0
    is_final: bool = False
    lines: list[str] = field(default_factory=list)
    problem: Exception | None = None

    def ready(self, wanted: int) -> Sequence[Computer]:
        """Return those that are not gone."""
        del wanted
        if self.problem:
            raise self.problem
        there = [name for name in self.names if name not in self.gone]
        return [Computer(name, self._transport(name), self.slots) for name in there]

    def _transport(self, name: str) -> ProcessTransport:
        return ProcessTransport(self.study.place / f"base-{name}", host=name)

    def is_gone(self, name: str) -> bool:
        """Return whether a test has taken it away."""
        return name in self.gone

    def messages(self) -> Sequence[str]:
        """Return the lines of the test."""
        lines, self.lines = self.lines, []
        return lines

    def release(self, is_final: bool = False) -> None:
        """Count."""
        self.released += 1
        self.is_final = is_final

    def close(self) -> None:
        """No-op."""


__all__ = ["ApplicationFiles", "NeededStage", "RemoteStudy", "RentedComputers"]
