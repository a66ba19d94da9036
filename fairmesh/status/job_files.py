"""Read the relevant files of a job; a tracked job is read again only after a change."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from fairmesh.jobs.reading import check_record
from fairmesh.runner import protocol
from fairmesh.runner.claims import Claims
from fairmesh.runner.protocol import ENDS
from fairmesh.runner.status import CancelRequest
from fairmesh.status.cache import NOTHING, CachedValue, Dependencies, Map, only
from fairmesh.status.events import Name

_OF_RESULT = ("fingerprint", "attempt", "run", "started", "ended", "seconds", "usage", "metrics")
_OF_STATUS = (
    *("state", "reason", "progress", "message", "host", "node", "job_id", "run", "fingerprint"),
    *("started", "updated", "ended", "machine", "is_silent"),
)


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts from the files of one job.

    Parameters
    ----------
    good : mapping
        Its commit, if it has the planned fingerprint; else empty.
    attempt : int
        The number of the last attempt with the planned fingerprint; 0 if there is none.
    status : mapping
        The last status of that attempt.
    is_over : bool
        Whether the attempt has ended: its end is recorded or, once judged, its runner is known to have ended.
    claim : int
        The number of a claim whose attempt has not begun; 0 if there is none or, once judged, its owner has ended.
    cancelled : str
        The user and time of a request to cancel; empty if there is none.
    broken : str
        The file that cannot be read, and why; empty if it does not matter.
    """

    good: Map = field(default_factory=dict)
    attempt: int = 0
    status: Map = field(default_factory=dict)
    is_over: bool = True
    claim: int = 0
    cancelled: str = ""
    broken: str = ""

    @property
    def is_certain(self) -> bool:
        """Whether the facts do not depend on a live owner of a claim."""
        return self.is_over and not self.claim


NO_FACTS = Facts()


def from_record(
    dependencies: Dependencies, record: str, folder: str, fingerprint: str, is_whole: bool = False
) -> Facts | None:
    """Return the facts of a job with a record of the planned fingerprint; None if it has none.

    Parameters
    ----------
    dependencies : Dependencies
        Records the files that are read.
    record, folder, fingerprint : str
        The record file, the job folder, and the planned fingerprint.
    is_whole : bool
        Whether to keep the whole record and status, and not only the keys that determine the state.
    """
    good = _result(dependencies, record, fingerprint)
    return _done(dependencies, folder, good, is_whole) if good else None


def _result(dependencies: Dependencies, path: str, fingerprint: str) -> Map:
    """Return a record or commit if it is valid and has the planned fingerprint; else an empty map."""
    content = dependencies.read(path, follow_links=True)
    if content.get("fingerprint") != fingerprint:
        return NOTHING
    try:
        check_record(content)
    except ValueError as error:
        dependencies.add_problem(path, str(error))
        return NOTHING
    return content


def _done(dependencies: Dependencies, folder: str, good: Map, is_whole: bool) -> Facts:
    number = good["attempt"]
    return Facts(
        good if is_whole else only(good, _OF_RESULT), number, _status(dependencies, _attempt(folder, number), is_whole)
    )


def from_folder(dependencies: Dependencies, folder: str, fingerprint: str, is_whole: bool = False) -> Facts:
    """Return the facts of a job that has no record."""
    names = dependencies.names(folder)
    if protocol.COMMIT in names:
        good = _result(dependencies, f"{folder}/{protocol.COMMIT}", fingerprint)
        if good:
            return _done(dependencies, folder, good, is_whole)
    cancelled = ""
    if protocol.CANCEL in names:
        cancelled = str(CancelRequest.of(dict(dependencies.read(f"{folder}/{protocol.CANCEL}"))))
    if names.isdisjoint((protocol.ATTEMPTS, protocol.CLAIMS)):
        return Facts(cancelled=cancelled) if cancelled else NO_FACTS
    number = max(dependencies.numbers(f"{folder}/{protocol.ATTEMPTS}"), default=0) if protocol.ATTEMPTS in names else 0
    ahead = _claim_ahead(dependencies, f"{folder}/{protocol.CLAIMS}", number) if protocol.CLAIMS in names else 0
    status = _status(dependencies, _attempt(folder, number), is_whole) if number else NOTHING
    if not number or _fingerprint(dependencies, folder, number, status, fingerprint) != fingerprint:
        return Facts(claim=ahead, cancelled=cancelled)
    return Facts(NOTHING, number, status, status.get("state") in protocol.ENDS, ahead, cancelled)


def with_broken(facts: Facts, problems: Map, record: str, folder: str) -> Facts:
    """Return facts that name the unreadable file of a result or of the end of an attempt, if there is one."""
    if facts.good or not problems:
        return facts
    status = f"{_attempt(folder, facts.attempt)}/{protocol.STATUS}"
    names = {record: "its record", f"{folder}/{protocol.COMMIT}": "its commit", status: "its status"}
    broken = [f"{name} cannot be read: {problems[path]}" for path, name in names.items() if path in problems]
    return replace(facts, broken=broken[0]) if broken else facts


def judge(facts: Facts, folder: str, fingerprint: str, is_whole: bool = False) -> Facts:
    """Return facts updated with whether the owners of claims have ended; the scheduler has been queried before."""
    claims = Claims(folder)
    if facts.claim and claims.is_over(facts.claim):
        facts = replace(facts, claim=0)
    if facts.attempt and not facts.is_over and claims.is_over(facts.attempt):
        # A runner writes its commit and its end before it exits; both may be newer than the facts.
        facts = replace(
            from_folder(Dependencies(is_cached=False), folder, fingerprint, is_whole), is_over=True, broken=facts.broken
        )
    return facts


def _attempt(folder: str, number: int) -> str:
    return f"{folder}/{protocol.ATTEMPTS}/{number}"


def _status(dependencies: Dependencies, attempt: str, is_whole: bool) -> Map:
    status = dependencies.read(f"{attempt}/{protocol.STATUS}")
    return status if is_whole else only(status, _OF_STATUS)


def _fingerprint(dependencies: Dependencies, folder: str, number: int, status: Map, planned: str) -> str:
    """Return the fingerprint of an attempt; for one that has only just begun, the planned fingerprint."""
    said = status.get("fingerprint")
    return str(
        said or dependencies.read(f"{_attempt(folder, number)}/{protocol.EXPERIMENT}").get("fingerprint", planned)
    )


def _claim_ahead(dependencies: Dependencies, claims: str, number: int) -> int:
    """Return the last claim after an attempt, or 0 if there is none; claims are numbered consecutively."""
    dependencies.add(claims)
    claim = number
    while os.path.lexists(f"{claims}/{claim + 1}"):
        claim += 1
    return claim if claim > number else 0


@dataclass(slots=True, eq=False)
class TrackedJob:
    """A job of the plan, and the facts of its files when last read.

    Parameters
    ----------
    kind, machine, id, key, folder : str
        As in ``JobStatus``.
    fingerprint : str
        The planned fingerprint.
    point : mapping
        Its entry in the plan; of a stage, its experiment.json.
    is_selected : bool
        Whether the last run was to run it.
    kept : CachedValue of Facts
        The facts of its files.
    record : str
        The path of its record; empty if there is none.
    has_folder : bool
        Whether there is a job folder.
    is_whole : bool
        Whether the whole record and status are kept, and not only the keys that determine the state.
    label : str
        Its name for people.
    """

    kind: str
    machine: str
    id: str
    key: str
    fingerprint: str
    folder: str
    point: Map
    is_selected: bool
    kept: CachedValue[Facts]
    record: str = ""
    has_folder: bool = True
    is_whole: bool = False
    label: str = ""
    facts: Facts = NO_FACTS
    name: Name = field(init=False)
    _seen: int = -1
    _rests: bool = False
    _judged: tuple[Facts, Facts] = (NO_FACTS, NO_FACTS)

    def __post_init__(self) -> None:
        self.name = (self.machine, self.id)

    def place(self, record: str, has_folder: bool) -> None:
        """Set the record, and whether there is a job folder."""
        if record != self.record or has_folder != self.has_folder:
            self.record, self.has_folder = record, has_folder
            self.kept.forget()

    def look(self, seen: int) -> None:
        """Read its files.

        Parameters
        ----------
        seen : int
            A number that changes when files are added to, or removed from, the parent folders of its record and job
            folder: a job with a record whose attempt has ended can change only then.
        """
        if self._rests and self._seen == seen:
            return
        self.facts = facts = self.kept.get(self._read)
        self._seen = seen
        self._rests = bool(self.record and facts.good) and self.kept.is_stable and facts.status.get("state") in ENDS

    def _read(self, dependencies: Dependencies) -> Facts:
        about = (self.folder, self.fingerprint, self.is_whole)
        facts = from_record(dependencies, self.record, *about) if self.record else None
        if facts is None and self.has_folder and self.record not in dependencies.problems:
            facts = from_folder(dependencies, *about)
        return with_broken(facts or NO_FACTS, dependencies.problems, self.record, self.folder)

    def judge(self) -> Facts:
        """Return the facts of its files, updated with whether the owners of its claims have ended."""
        facts, known = self.facts, self._judged
        if facts.is_certain:
            return facts
        if known[0] is facts and known[1].is_certain:
            return known[1]
        self._judged = (facts, judge(facts, self.folder, self.fingerprint, self.is_whole))
        return self._judged[1]

    @property
    def judged(self) -> Facts:
        """The facts of its files, as judged last."""
        return self._judged[1] if self._judged[0] is self.facts else self.facts
