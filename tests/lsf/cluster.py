"""A folder of stand-ins for LSF's programs, and what can be done to what runs there. This is no real LSF."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import clusters
from tests.waiting import wait_until

PROGRAMS = ("bsub", "bjobs", "bkill", "brequeue", "bresume", "bhist", "lsid", "bqueues", "bhosts")


@dataclass(frozen=True)
class LsfStandIn(clusters.Cluster):
    """Stand-ins of LSF's programs with one host."""

    slots: int

    @property
    def variables(self) -> dict[str, str]:
        """The variable by which the programs find their folder."""
        return {"LSF_STAND_IN": str(self.folder)}

    def describe(self) -> str:
        """Return the line for the test report."""
        return "NOT a real LSF: stand-ins for its programs, written after the manual of LSF 10.1"

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
        with clusters.hanging(self.folder / "bin/bjobs"):
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
        return clusters.processes_where(self._is_ours)

    def _is_ours(self, process: Path) -> bool:
        is_job = clusters.has_variable(process, "LSB_JOBID=") or b"\0watch\0" in (process / "cmdline").read_bytes()
        return is_job and clusters.has_variable(process, f"LSF_STAND_IN={self.folder}\0")

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
            clusters.kill_at_once(running)


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
