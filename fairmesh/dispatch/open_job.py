"""One job on a machine: what is known of it, and what to do next."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from fairmesh.dispatch import mirror
from fairmesh.dispatch.answers import RemoteState
from fairmesh.dispatch.backoff import FEW, LONGEST, pause_after
from fairmesh.dispatch.mirror import RemotePlace
from fairmesh.dispatch.remote_job import RemoteJob
from fairmesh.dispatch.requests import JobRequest
from fairmesh.jobs.paths import JobPaths
from fairmesh.runner import commit, jsonfiles, protocol
from fairmesh.runner.text import last_lines

SHOWN = 15  # last lines of the log in a message about a failure


class Step(Enum):
    """What to do next with a job."""

    WAIT = "wait"
    START = "start it"
    REPEAT_START = "repeat the request to start it"
    FETCH_AND_START = "fetch an earlier attempt, and start another one"
    FETCH = "fetch its result"
    REPORT_FAILURE = "fetch its attempt, and report the failure"
    REPORT_LOST = "report that it is lost; there is nothing to fetch"


FETCHING = {Step.FETCH, Step.REPORT_FAILURE, Step.FETCH_AND_START}
STARTING = {Step.START, Step.REPEAT_START, Step.FETCH_AND_START}


@dataclass(eq=False)
class OpenJob:
    """A job that a rule waits for, or that an earlier run has left on a machine.

    Parameters
    ----------
    job : RemoteJob
        The job.
    folder : str
        Its folder, relative to the home.
    request : JobRequest, optional
        The request of the rule; without one, nothing is started.
    run : str
        The id of the run.
    computer : str, optional
        The computer that it is on; None if none was chosen.
    started : int
        The number that this run has started; 0 if there is none.
    state : RemoteState
        Its state when it was polled last.
    is_cancelled : bool
        Whether its machine knows that it is to end.
    tries : int
        How often a problem of its own has occurred in succession.
    held_until : float
        When it is tried again after such a problem, by a clock that only goes forward; 0 if there is none.
    problem : str
        The problem if it needs attention.
    ended : float
        When its end was seen first, by the same clock; 0 if it has not ended.
    """

    job: RemoteJob
    folder: str
    request: JobRequest | None = None
    run: str = ""
    computer: str | None = None
    started: int = 0
    state: RemoteState = field(default_factory=RemoteState)
    is_cancelled: bool = False
    tries: int = 0
    held_until: float = 0.0
    problem: str = ""
    ended: float = 0.0

    @classmethod
    def of(cls, job: RemoteJob, results: Path, request: JobRequest | None = None, run: str = "") -> OpenJob:
        """Return a job of a results folder."""
        return cls(job, job.paths.folder.relative_to(results).as_posix(), request, run)

    @property
    def paths(self) -> JobPaths:
        """The local job folder."""
        return self.job.paths

    @property
    def name(self) -> str:
        """Its name in messages."""
        return self.job.paths.folder.name

    def next_number(self) -> int:
        """Return the number of its next attempt: above all that are known here and on the machine."""
        return max(self.state.number, mirror.highest(self.paths)) + 1

    def next_step(self) -> Step:
        """Return what to do, from its state on the machine."""
        state = self.state
        if state.is_committed and self._counts(state):
            return Step.FETCH
        if not state.is_over and not state.is_committed:
            return self._step_of_unfinished(state)
        if self.started and state.number >= self.started:
            return Step.REPORT_FAILURE
        place = RemotePlace.read(self.paths)
        if place and place.number > state.number and mirror.is_unfinished(self.paths, place.number):
            return Step.REPORT_LOST  # its folder is gone, or on a file system that is not mounted now
        is_here = place is None or place.number > state.number or mirror.is_fetched(self.paths, state.number)
        if self.request is None:
            return Step.REPORT_LOST if is_here else Step.REPORT_FAILURE
        return Step.START if is_here or state.is_committed else Step.FETCH_AND_START

    def _step_of_unfinished(self, state: RemoteState) -> Step:
        if state.is_silent and self.request is not None:
            return Step.START if self.is_given_up else Step.REPORT_LOST
        return Step.REPEAT_START if state.needs_start and self.request else Step.WAIT

    @property
    def is_given_up(self) -> bool:
        """Whether a user has vouched that its silent attempt has ended."""
        return self.state.is_silent and mirror.was_given_up(self.paths, self.state.number)

    def _counts(self, state: RemoteState) -> bool:
        """Return whether a result on the machine is the wanted one: not an old one that is to be measured again."""
        if (
            self.job.force
            and not (self.started and state.number >= self.started)
            and state.status.get("run") != self.run
        ):
            return False
        return state.number not in superseded(self.paths)

    @property
    def is_to_force(self) -> bool:
        """Whether the runner must start in spite of a result on the machine."""
        return self.job.force or self.state.is_committed

    def hold(self, problem: str, is_refused: bool) -> None:
        """Note a problem of this job, which is tried again later; others go on."""
        self.tries += 1
        self.problem = problem if is_refused or self.tries >= FEW else ""
        self.held_until = time.monotonic() + (LONGEST if is_refused else pause_after(self.tries))

    def release(self) -> None:
        """Note that it has no problem any more."""
        self.tries, self.held_until, self.problem = 0, 0.0, ""

    @property
    def was_ended_from_outside(self) -> bool:
        """Whether its attempt was killed or cancelled, and not by a request."""
        state = self.state
        is_killed = state.state in {protocol.LOST, protocol.CANCELLED} or state.reason.startswith("killed by")
        return is_killed and not self.is_cancelled

    def attempts_only_here(self) -> list[int]:
        """Return the attempts that are not on its computer, which is new, or has lost its folder."""
        attempts = self.paths.attempts
        known = [int(path.name) for path in attempts.iterdir() if path.name.isdecimal()] if attempts.is_dir() else []
        return sorted(number for number in known if number > self.state.number)

    def failure(self) -> str:
        """Return the message about an attempt that has ended without a result, as the runner writes it."""
        log = self.paths.attempt(self.state.number) / protocol.LOG
        first = f"fairmesh: {self.name} {self.state.state}: {self.state.reason or 'no reason'}"
        return "\n    ".join([first, *last_lines(log, SHOWN)])

    def remember(self, machine: str, results: Path) -> None:
        """Write where it is started, before that is requested."""
        record = self.job.record.relative_to(results).as_posix()
        place = RemotePlace(machine, self.computer or "", self.started, self.job.fingerprint, record)
        place.write(self.paths)


def superseded(paths: JobPaths) -> set[int]:
    """Return the attempts of a job whose results have become history, since it is measured again."""
    history = Path(commit.history_of(str(paths.folder)))
    results = (jsonfiles.read_map(str(path)) or {} for path in history.glob("*.json"))
    return {result["attempt"] for result in results if isinstance(result.get("attempt"), int)}
