"""What a job folder says of its job: files alone are read, and of those only the ones that can matter."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from fairmesh.jobs.records import check_record
from fairmesh.runner import protocol
from fairmesh.runner.claims import Claims
from fairmesh.runner.status import CancelRequest
from fairmesh.status.memo import NOTHING, Dependencies, Map, only

_OF_RESULT = ("fingerprint", "attempt", "run", "started", "ended", "seconds", "usage")
_OF_STATUS = (
    *("state", "reason", "progress", "message", "host", "node", "job_id", "run", "fingerprint"),
    *("started", "updated", "ended"),
)


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one job.

    Parameters
    ----------
    good : mapping
        Its commit, if that is one of the planned fingerprint; else empty.
    attempt : int
        The number of the last attempt at what is planned; 0 if there is none.
    status : mapping
        What that attempt said last.
    is_over : bool
        Whether nobody works at it: its end was said, or (once it is judged) its runner is proven to be gone.
    claim : int
        The number of a claim whose attempt has not begun; 0 if there is none, or (once it is judged) its owner is gone.
    cancelled : str
        Who wished its end and when; empty if nobody did.
    broken : str
        Which of its files cannot be read, and why; empty if that can change nothing.
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
        """Whether nobody has to be asked whether its owner lives."""
        return self.is_over and not self.claim


NO_FACTS = Facts()


def from_record(
    trail: Dependencies, record: str, folder: str, fingerprint: str, is_whole: bool = False
) -> Facts | None:
    """Return the facts of a job that has a record of what is planned; None if it has none.

    Parameters
    ----------
    trail : Dependencies
        Notes what is read.
    record, folder, fingerprint : str
        The file, the job's folder, and what is planned.
    is_whole : bool
        Whether to keep all of the record and of the status, and not only what a state follows from.
    """
    good = _result(trail, record, fingerprint)
    return _done(trail, folder, good, is_whole) if good else None


def _result(trail: Dependencies, path: str, fingerprint: str) -> Map:
    """Return a record or a commit if it is a sound one of what is planned; else an empty map."""
    content = trail.read(path, follow_links=True)
    if content.get("fingerprint") != fingerprint:
        return NOTHING
    try:
        check_record(content)
    except ValueError as error:
        trail.add_problem(path, str(error))
        return NOTHING
    return content


def _done(trail: Dependencies, folder: str, good: Map, is_whole: bool) -> Facts:
    number = good["attempt"]
    return Facts(
        good if is_whole else only(good, _OF_RESULT), number, _status(trail, _attempt(folder, number), is_whole)
    )


def from_folder(trail: Dependencies, folder: str, fingerprint: str, is_whole: bool = False) -> Facts:
    """Return the facts of a job that has no record."""
    names = trail.names(folder)
    if protocol.COMMIT in names:
        good = _result(trail, f"{folder}/{protocol.COMMIT}", fingerprint)
        if good:
            return _done(trail, folder, good, is_whole)
    cancelled = ""
    if protocol.CANCEL in names:
        cancelled = str(CancelRequest.of(dict(trail.read(f"{folder}/{protocol.CANCEL}"))))
    if names.isdisjoint((protocol.ATTEMPTS, protocol.CLAIMS)):
        return Facts(cancelled=cancelled) if cancelled else NO_FACTS
    number = max(trail.numbers(f"{folder}/{protocol.ATTEMPTS}"), default=0) if protocol.ATTEMPTS in names else 0
    ahead = _claim_ahead(trail, f"{folder}/{protocol.CLAIMS}", number) if protocol.CLAIMS in names else 0
    status = _status(trail, _attempt(folder, number), is_whole) if number else NOTHING
    if not number or _fingerprint(trail, folder, number, status, fingerprint) != fingerprint:
        return Facts(claim=ahead, cancelled=cancelled)
    return Facts(NOTHING, number, status, status.get("state") in protocol.ENDS, ahead, cancelled)


def with_broken(facts: Facts, problems: Map, record: str, folder: str) -> Facts:
    """Return facts that name the file that a result, or the end of an attempt, would be in if it could be read."""
    if facts.good or not problems:
        return facts
    status = f"{_attempt(folder, facts.attempt)}/{protocol.STATUS}"
    names = {record: "its record", f"{folder}/{protocol.COMMIT}": "its commit", status: "its status"}
    broken = [f"{name} cannot be read: {problems[path]}" for path, name in names.items() if path in problems]
    return replace(facts, broken=broken[0]) if broken else facts


def judge(facts: Facts, folder: str, fingerprint: str, is_whole: bool = False) -> Facts:
    """Look for proof that the owners of claims are gone; the scheduler has been asked for their jobs by now."""
    claims = Claims(folder)
    if facts.claim and claims.is_over(facts.claim):
        facts = replace(facts, claim=0)
    if facts.attempt and not facts.is_over and claims.is_over(facts.attempt):
        # A runner writes its commit and says its end before it goes: both may have come since.
        facts = replace(
            from_folder(Dependencies(None), folder, fingerprint, is_whole), is_over=True, broken=facts.broken
        )
    return facts


def _attempt(folder: str, number: int) -> str:
    return f"{folder}/{protocol.ATTEMPTS}/{number}"


def _status(trail: Dependencies, attempt: str, is_whole: bool) -> Map:
    status = trail.read(f"{attempt}/{protocol.STATUS}")
    return status if is_whole else only(status, _OF_STATUS)


def _fingerprint(trail: Dependencies, folder: str, number: int, status: Map, planned: str) -> str:
    """Return what an attempt is at; one that has only just begun is taken to be at what is planned."""
    said = status.get("fingerprint")
    return str(said or trail.read(f"{_attempt(folder, number)}/{protocol.EXPERIMENT}").get("fingerprint", planned))


def _claim_ahead(trail: Dependencies, claims: str, number: int) -> int:
    """Return the last claim after an attempt, 0 if there is none: a claim is one above what was there before."""
    trail.look(claims)
    claim = number
    while os.path.lexists(f"{claims}/{claim + 1}"):
        claim += 1
    return claim if claim > number else 0
