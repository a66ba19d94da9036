"""A job of the plan with what its files say, looked at again only where that can have changed."""

from __future__ import annotations

from dataclasses import dataclass, field

from fairmesh.runner.protocol import ENDS
from fairmesh.status.facts import NO_FACTS, Facts, from_folder, from_record, judge, with_broken
from fairmesh.status.memo import CachedValue, Dependencies, Map
from fairmesh.status.news import Name


@dataclass(slots=True, eq=False)
class TrackedJob:
    """A job, and what was found of it last.

    Parameters
    ----------
    kind, machine, id, key, folder : str
        As in ``JobStatus``.
    fingerprint : str
        What it computes, as planned.
    point : mapping
        Its entry in the plan; of a stage, its experiment.json.
    is_selected : bool
        Whether the last run was to run it.
    kept : CachedValue of Facts
        What its files said.
    record : str
        The file that its record is; empty if there is none.
    has_folder : bool
        Whether there is a job folder.
    is_whole : bool
        Whether all of its record and status is kept, and not only what its state follows from.
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
    facts: Facts = NO_FACTS
    name: Name = field(init=False)
    _seen: int = -1
    _rests: bool = False
    _judged: tuple[Facts, Facts] = (NO_FACTS, NO_FACTS)

    def __post_init__(self) -> None:
        self.name = (self.machine, self.id)

    def place(self, record: str, has_folder: bool) -> None:
        """Take over where its files are."""
        if record != self.record or has_folder != self.has_folder:
            self.record, self.has_folder = record, has_folder
            self.kept.forget()

    def look(self, seen: int) -> None:
        """Find what its files say.

        Parameters
        ----------
        seen : int
            Another one if something was added to, or taken out of, the folders that its record and its folder are in:
            only then can a job change that has a record, and whose attempt said its end.
        """
        if self._rests and self._seen == seen:
            return
        self.facts = facts = self.kept.get(self._read)
        self._seen = seen
        self._rests = bool(self.record and facts.good) and self.kept.is_settled and facts.status.get("state") in ENDS

    def _read(self, trail: Dependencies) -> Facts:
        about = (self.folder, self.fingerprint, self.is_whole)
        found = from_record(trail, self.record, *about) if self.record else None
        if found is None and self.has_folder and self.record not in trail.problems:
            found = from_folder(trail, *about)
        return with_broken(found or NO_FACTS, trail.problems, self.record, self.folder)

    def judge(self) -> Facts:
        """Return what its files say, with what is proven of the owners of its claims; a proof holds for ever."""
        facts, known = self.facts, self._judged
        if facts.is_certain:
            return facts
        if known[0] is facts and known[1].is_certain:
            return known[1]
        self._judged = (facts, judge(facts, self.folder, self.fingerprint, self.is_whole))
        return self._judged[1]

    @property
    def judged(self) -> Facts:
        """What its files say, with what was proven when it was judged last."""
        return self._judged[1] if self._judged[0] is self.facts else self.facts
