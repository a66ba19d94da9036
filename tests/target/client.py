"""A client of the target for tests: it renders jobs, and sends requests to a process of this computer."""

from __future__ import annotations

import hashlib
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from fairmesh.jobs.paths import JobPaths
from fairmesh.jobs.render import JobFolder, render
from fairmesh.jobs.templates import Templates
from fairmesh.machines.process import ProcessTransport
from tests.machine_jobs import end_jobs
from tests.waiting import wait_until

TEMPLATES = Path(__file__).parents[2] / "workflow/templates"
HOME = "study-0123abcd"
FOLDER = "sweep/experiments/far/x=1"
FINGERPRINT = "f" * 64
GOOD = "import json; json.dump({'score': 1.5}, open('metrics.json', 'w'))"
# Appends a line to a file outside of the job folder: each start of the program is counted there.
COUNTED = "open({!r}, 'a').write('start\\n'); import time; time.sleep({}); "
MACHINE = {"scheduler": "none", "setup": [], "modules": [], "resources": {}, "gpus": {}, "patience": 10}


@dataclass
class Client:
    """A client with jobs of its own, and a machine that is a process of this computer."""

    place: Path
    python: str = sys.executable
    environment: Mapping[str, str] | None = None
    machine: dict[str, Any] = field(default_factory=lambda: dict(MACHINE))

    @property
    def base(self) -> Path:
        """The base folder on the machine."""
        return self.place / "base"

    @property
    def home(self) -> Path:
        """The home folder on the machine."""
        return self.base / HOME

    @property
    def job(self) -> Path:
        """The job folder on the machine."""
        return self.home / FOLDER

    @property
    def count(self) -> Path:
        """The file with a line for each start of the program."""
        return self.place / "count"

    def starts(self) -> int:
        """Return how often the program was started."""
        return len(self.count.read_text().splitlines()) if self.count.exists() else 0

    def transport(self) -> ProcessTransport:
        """Return a transport to the machine."""
        return ProcessTransport(self.base, self.python, "far", self.environment)

    def call(self, verb: str, payload: Any = None, save: Path | None = None, **arguments: Any) -> dict[str, Any]:
        """Send a request about the home."""
        return self.transport().call({"verb": verb, "home": HOME, **arguments}, payload, save)

    def render(self, code: str = "", seconds: float = 0.0, folder: str = FOLDER, **changes: Any) -> Path:
        """Render a job folder on the side of the client."""
        code = code or COUNTED.format(str(self.count), seconds) + GOOD
        content = {
            "format": 1,
            "study": "sweep",
            "machine": "far",
            "id": folder.rpartition("/")[2],
            "key": "0123456789ab",
            "fingerprint": FINGERPRINT,
            "application": {"name": "toy", "version": "1", "folder": ""},
            "parameters": {"x": 1},
            "axes": {"x": 1},
            "resources": {},
            "stages": {},
            "command": [sys.executable, "-IS", "-c", code],
            "measure": "shared",
            "keep": [],
        } | changes
        paths = JobPaths(self.place / "local" / folder)
        render(
            JobFolder(paths, {"x": 1}, content),
            Templates.of_jobs(TEMPLATES, self.machine["scheduler"], ()),
            self.machine,
        )
        return paths.folder

    def store(self, folder: str = FOLDER, is_whole: bool = False, **changes: Any) -> dict[str, Any]:
        """Store a folder of the client on the machine."""
        files = self.files(folder)
        request = {"folders": [{"path": folder, "is_whole": is_whole}], "files": files} | changes
        return self.call("store", payload=lambda stream: self.write(stream, list(files)), **request)

    def files(self, folder: str) -> dict[str, str]:
        """Return the files of a folder of the client, with their SHA-256."""
        local = self.place / "local"
        paths = sorted(path for path in (local / folder).rglob("*") if path.is_file())
        return {str(path.relative_to(local)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    def write(self, stream: BinaryIO, names: list[str]) -> None:
        """Write an archive of files of the client."""
        with tarfile.open(fileobj=stream, mode="w|") as archive:
            for name in names:
                archive.add(self.place / "local" / name, name, recursive=False)

    def start(self, number: int = 1, folder: str = FOLDER, **changes: Any) -> dict[str, Any]:
        """Start the job; return its state."""
        job = {"folder": folder, "number": number, "fingerprint": FINGERPRINT, "run": "run-1"} | changes
        state: dict[str, Any] = self.call("start", jobs=[job])["jobs"][folder]
        return state

    def poll(self, folder: str = FOLDER, fingerprint: str = FINGERPRINT) -> dict[str, Any]:
        """Return the state of the job."""
        jobs = [{"folder": folder, "fingerprint": fingerprint}]
        state: dict[str, Any] = self.call("poll", jobs=jobs)["jobs"][folder]
        return state

    def wait(self, state: str, folder: str = FOLDER) -> dict[str, Any]:
        """Wait for a state of the job."""
        seen: list[dict[str, Any]] = []

        def is_reached() -> bool:
            seen.append(self.poll(folder))
            return bool(seen[-1]["state"] == state)

        wait_until(is_reached, f"{folder} is {state}; last {seen[-1] if seen else None}")
        return seen[-1]

    def end(self) -> None:
        """End what still runs."""
        end_jobs(self.base)
