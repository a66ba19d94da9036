"""A folder of stand-ins for LSF's programs, and what can be done to what runs there. This is no real LSF."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.sge.cluster import hanging
from tests.waiting import wait_until

PROGRAMS = ("bsub", "bjobs", "bkill", "brequeue", "bresume", "bhist", "lsid", "bqueues", "bhosts")
LABEL = "NOT a real LSF: stand-ins for its programs, written after the manual of LSF 10.1"


@dataclass(frozen=True)
class LsfStandIn:
    """Stand-ins of LSF's programs with one host."""

    folder: Path
    slots: int

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which the programs are found."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("LSB_", "SGE_", "SLURM"))}
        path = f"{self.folder}/bin{os.pathsep}{kept['PATH']}"
        return kept | {"LSF_STAND_IN": str(self.folder), "PATH": path}

    def ask(self, *command: str, check: bool = True) -> str:
        """Run one of the programs, and return its output."""
        done = subprocess.run(
            command, env=self.environment, check=False, capture_output=True, text=True, timeout=60, cwd=self.folder
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done.stdout

    def states(self) -> dict[str, str]:
        """Return the state of each unfinished job by number."""
        output = self.ask("bjobs", "-noheader", "-o", "jobid stat", check=False)
        return dict(line.split() for line in output.splitlines())

    def submitted(self, names: Iterable[str]) -> int:
        """Count the jobs with some names that were submitted, those that have ended too."""
        jobs = [json.loads(path.read_text()) for path in self.folder.glob("jobs/*/job.json")]
        return sum(job["name"] in set(names) for job in jobs)

    def delete(self, job: str) -> None:
        """Delete a job, as a person does."""
        self.ask("bkill", job)

    def requeue(self, job: str) -> None:
        """Put a running job back into the queue."""
        self.ask("brequeue", job)

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Start no further job for a while."""
        with self._marked("closed", ""):
            yield

    @contextmanager
    def limited(self, jobs: int) -> Iterator[None]:
        """Limit the jobs of a user for a while, those that run too."""
        with self._marked("limit", str(jobs)):
            yield

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Replace the program that shows jobs by one that hangs, for a while."""
        with hanging(self.folder / "bin/bjobs"):
            yield

    @contextmanager
    def _marked(self, name: str, content: str) -> Iterator[None]:
        (self.folder / name).write_text(content)
        try:
            yield
        finally:
            (self.folder / name).unlink()

    def processes(self) -> list[int]:
        """Return the processes of jobs, and what watches them."""
        mark = f"\0LSF_STAND_IN={self.folder}\0".encode()
        return [
            int(path.name)
            for path in Path("/proc").glob("[0-9]*")
            if mark in (environ := _environ(path)) and (b"\0LSB_JOBID=" in environ or b"\0watch\0" in _command(path))
        ]

    def wait_idle(self) -> None:
        """Wait until no job is left, and everything is open again."""
        for name in ("closed", "limit", "down"):
            (self.folder / name).unlink(missing_ok=True)
        if self.states():
            self.ask("bkill", *self.states(), check=False)
        wait_until(lambda: not self.states(), "no job is left")

    def end(self) -> None:
        """Kill everything that runs."""
        while running := self.processes():
            for process in running:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)


def _environ(process: Path) -> bytes:
    try:
        return b"\0" + (process / "environ").read_bytes()
    except OSError:
        return b""


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


@contextmanager
def stand_in(slots: int = 6) -> Iterator[LsfStandIn]:
    """Make the stand-ins, and end everything that they run."""
    with tempfile.TemporaryDirectory(prefix="lsf-") as place:
        folder = Path(place)
        (folder / "jobs").mkdir()
        (folder / "bin").mkdir()
        (folder / "slots").write_text(str(slots))
        (folder / "name").write_text(f"stand-in-{folder.name}")
        source = Path(__file__).with_name("programs.py")
        for name in PROGRAMS:
            program = folder / "bin" / name
            program.write_text(f"#!{sys.executable} -IS\n{source.read_text()}")
            program.chmod(0o755)
        found = LsfStandIn(folder, slots)
        try:
            yield found
        finally:
            found.end()
