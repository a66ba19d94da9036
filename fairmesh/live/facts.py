"""What a job folder says of its job: files alone are read, and of those only the ones that can matter."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from fairmesh.live.memo import NOTHING, Map, Memo, only
from fairmesh.runner import cancel, protocol
from fairmesh.runner.claims import Claims, numbers


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
    """

    good: Map = field(default_factory=dict)
    attempt: int = 0
    status: Map = field(default_factory=dict)
    is_over: bool = True
    claim: int = 0
    cancelled: str = ""


NO_FACTS = Facts()


class FactReader:
    """Reads facts, and remembers what does not change."""

    def __init__(self) -> None:
        self._results = Memo(only("fingerprint", "attempt", "run", "started", "ended", "seconds"))
        self._statuses = Memo()
        self._fingerprints = Memo(only("fingerprint"))

    def from_record(self, record: str, folder: str, fingerprint: str) -> Facts | None:
        """Give the facts of a job that has a record of what is planned; None if it has none."""
        good = self._results.read(record)
        return self._done(folder, good) if good.get("fingerprint") == fingerprint else None

    def _done(self, folder: str, good: Map) -> Facts:
        number = good.get("attempt")
        if not isinstance(number, int):
            return Facts(good)
        return Facts(good, number, self._statuses.read(f"{folder}/{protocol.ATTEMPTS}/{number}/{protocol.STATUS}"))

    def from_folder(self, folder: str, fingerprint: str) -> Facts:
        """Give the facts of a job that has no record."""
        try:
            names = frozenset(os.listdir(folder))  # noqa: PTH208  ten thousand times in half a second
        except OSError:
            return NO_FACTS
        if protocol.COMMIT in names:
            good = self._results.read(f"{folder}/{protocol.COMMIT}")
            if good.get("fingerprint") == fingerprint:
                return self._done(folder, good)
        wish = cancel.reason(folder) if protocol.CANCEL in names else ""
        if names.isdisjoint((protocol.ATTEMPTS, protocol.CLAIMS)):
            return Facts(cancelled=wish) if wish else NO_FACTS
        return self._attempted(folder, fingerprint, wish)

    def _attempted(self, folder: str, fingerprint: str, wish: str) -> Facts:
        number = max(numbers(f"{folder}/{protocol.ATTEMPTS}"), default=0)
        ahead = _claim_ahead(folder, number)
        attempt = f"{folder}/{protocol.ATTEMPTS}/{number}"
        status = self._statuses.read(f"{attempt}/{protocol.STATUS}")
        if not number or (status.get("fingerprint") or self._fingerprint(attempt, fingerprint)) != fingerprint:
            return Facts(claim=ahead, cancelled=wish)
        return Facts(NOTHING, number, status, status.get("state") in protocol.ENDS, ahead, wish)

    def judge(self, folder: str, fingerprint: str, facts: Facts) -> Facts:
        """Look for proof that the owners of claims are gone; the scheduler has been asked for their jobs by now."""
        claims = Claims(folder)
        if facts.claim and claims.is_over(facts.claim):
            facts = replace(facts, claim=0)
        if facts.attempt and not facts.is_over and claims.is_over(facts.attempt):
            # A runner writes its commit and says its end before it goes: both may have come since.
            facts = replace(self.from_folder(folder, fingerprint), is_over=True)
        return facts

    def _fingerprint(self, attempt: str, planned: str) -> str:
        """Give what an attempt is at; one that has only just begun is taken to be at what is planned."""
        return str(self._fingerprints.read(f"{attempt}/{protocol.EXPERIMENT}").get("fingerprint", planned))


def _claim_ahead(folder: str, number: int) -> int:
    """Give the last claim after an attempt, 0 if there is none: a claim is one above what was there before."""
    claim = number
    while os.path.lexists(f"{folder}/{protocol.CLAIMS}/{claim + 1}"):
        claim += 1
    return claim if claim > number else 0
