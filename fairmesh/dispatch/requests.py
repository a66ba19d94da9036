"""Requests of rules for jobs on other machines, and the dispatcher's answers: files in the folder of a run."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from fairmesh import files
from fairmesh.installed import installed
from fairmesh.runner.protocol import EXPERIMENTS, STAGES
from fairmesh.runner.text import printable_lines

REQUESTS = "requests"
SCRIPT = installed("workflow/dispatch.sh")
"""The script of the rules: it makes a request and waits for the answer: ``bash dispatch.sh REQUEST RECORD PID``."""

_ANSWER = ",answer"  # no name of an experiment or a stage has a comma
_GOOD = "0"


@dataclass(frozen=True)
class JobRequest:
    """The request of a rule.

    Parameters
    ----------
    kind : str
        ``experiments`` or ``stages``.
    machine : str
        The machine that runs the job.
    id : str
        The id of the experiment, or the name of the stage's folder.
    """

    kind: str
    machine: str
    id: str


def request_path(run_folder: Path, machine: str, kind: str, identity: str) -> Path:
    """Return the file by which a rule requests a job."""
    return run_folder / REQUESTS / machine / kind / identity


class Mailbox:
    """The requests for one machine.

    Parameters
    ----------
    run_folder : Path
        The folder of the run.
    machine : str
        The name of the machine.

    Attributes
    ----------
    run : str
        The id of the run.
    """

    def __init__(self, run_folder: Path, machine: str) -> None:
        self._run_folder, self.machine = run_folder, machine
        self.run = run_folder.name
        self._known: set[tuple[str, str]] = set()

    def new_requests(self) -> list[JobRequest]:
        """Return the requests that were made since the last call, in the order of their names."""
        new = [(kind, name) for kind in (STAGES, EXPERIMENTS) for name in self._names(kind)]
        new = sorted(entry for entry in new if entry not in self._known)
        self._known.update(new)
        return [JobRequest(kind, self.machine, name) for kind, name in new]

    def has_received(self, expected: Collection[tuple[str, str]]) -> bool:
        """Return whether `new_requests` has returned all of these requests, given by kind and id."""
        return self._known.issuperset(expected)

    def _names(self, kind: str) -> list[str]:
        try:
            names = os.listdir(self._run_folder / REQUESTS / self.machine / kind)  # noqa: PTH208  called often
        except OSError:  # no request yet; or the file system is unavailable for a while
            return []
        return [name for name in names if not name.endswith(_ANSWER) and not name.startswith(".")]

    def answer(self, request: JobRequest, problem: str = "") -> None:
        """Answer a request: the record is there, or the problem, which the rule prints before it fails."""
        path = request_path(self._run_folder, request.machine, request.kind, request.id)
        text = printable_lines(problem).strip() or _GOOD
        files.write_text(path.with_name(path.name + _ANSWER), f"{text}\n")
