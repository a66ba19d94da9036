"""Results of several machines or people in one folder: everything is looked at first, then all of it is brought, or none.

Nothing that is there is overwritten. The same result twice is fine; another one under the same name is a conflict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairmesh import files
from fairmesh.jobs.attempts import read_map
from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.reuse import framework_key
from fairmesh.names import experiment_key
from fairmesh.results.offers import Offer, Offers, offers, result_of
from fairmesh.runner.protocol import CLAIMS
from fairmesh.study.values import FRAMEWORK_AXES


@dataclass(frozen=True)
class Bringing:
    """A result that is to be brought, and the id that it gets."""

    offer: Offer
    id: str
    axes: dict[str, Any]

    @property
    def record(self) -> dict[str, Any]:
        """The record under its new id; as it was if that is the old one."""
        offer = self.offer
        if self.id == offer.id:
            return offer.record
        key = experiment_key(offer.study, offer.machine, self.id)
        return {**offer.record, "id": self.id, "key": key, "axes": self.axes, "reused": offer.id}

    @property
    def data(self) -> bytes:
        """The content of its record and of its commit."""
        return self.offer.data if self.id == self.offer.id else files.json_text(self.record).encode()


@dataclass
class Merge:
    """What a merge comes to.

    Parameters
    ----------
    into : Path
        The results folder that gets everything.
    bring : list of Bringing
        The results that are new.
    same : Counter
        How many results of each study are there already.
    conflicts : list of str
        What cannot be brought, a line each; then nothing is.
    odd : list of str
        What was passed over, and why.
    plans : dict
        The plans that are new, or have more points than before, by study.
    stages : dict
        Records of shared stages, by study and name.
    """

    into: Path
    bring: list[Bringing] = field(default_factory=list)
    same: Counter[str] = field(default_factory=Counter)
    conflicts: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    plans: dict[str, dict[str, Any]] = field(default_factory=dict)
    stages: dict[tuple[str, str], bytes] = field(default_factory=dict)

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        """How many results are new, by study and machine."""
        return dict(Counter((each.offer.study, each.offer.machine) for each in self.bring))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        new = [{"study": study, "machine": machine, "results": count} for (study, machine), count in self.counts.items()]
        return {
            "into": str(self.into),
            "new": new,
            "same": dict(self.same),
            "plans": sorted(self.plans),
            "conflicts": self.conflicts,
            "passed_over": self.odd,
        }


def prepare(sources: Sequence[Path], into: Path) -> Merge:
    """Look at everything, and say what a merge would do; nothing is changed.

    Parameters
    ----------
    sources : sequence of Path
        Results folders, or studies' folders in such.
    into : Path
        The results folder that would get everything; it may not be there yet.
    """
    preparation = _Preparation(Merge(into))
    for each in sources:
        preparation.add(offers(each))
    return preparation.merge


class _Preparation:
    """Decides what becomes of what is offered."""

    def __init__(self, merge: Merge) -> None:
        self.merge = merge
        self._taken: dict[tuple[str, str, str], Offer] = {}
        self._points: dict[str, _Points] = {}

    def add(self, found: Offers) -> None:
        """Decide on all that a source offers."""
        self.merge.odd += found.odd
        refused = {study for study, plan in found.plans.items() if not self._add_plan(found, study, plan)}
        for offer in found.results:
            if offer.study not in refused:
                self._add_result(offer)
        for key, data in found.stages.items():
            if not StudyPaths(self.merge.into, key[0]).stage_marker(key[1]).exists():
                self.merge.stages.setdefault(key, data)

    def _add_plan(self, found: Offers, study: str, plan: dict[str, Any]) -> bool:
        """Add the points that the plan here has not; False if the study is one of another application."""
        own = self.merge.plans.get(study) or read_map(StudyPaths(self.merge.into, study).plan)
        if not own:
            self.merge.plans[study] = plan
        elif (ours := own["application"]["name"]) != (theirs := plan["application"]["name"]):
            self.merge.conflicts.append(f"{found.source.folder}/{study} is of {theirs}, {self.merge.into}/{study} of {ours}")
            return False
        elif more := _Points(own).missing(plan):
            machines = sorted({*own.get("machines", ()), *(each["machine"] for each in more)})
            self.merge.plans[study] = own | {"machines": machines, "experiments": [*own["experiments"], *more]}
        self._points.pop(study, None)
        return True

    def _add_result(self, offer: Offer) -> None:
        target = self._target(offer)
        place = (offer.study, offer.machine, target.id)
        twin = self._taken.get(place)
        study = StudyPaths(self.merge.into, offer.study)
        job = study.job(offer.machine, target.id)
        there = twin.record if twin else read_map(study.record(offer.machine, target.id)) or read_map(job.commit)
        if there:
            self._compare(offer, there, twin.where if twin else str(job.folder))
        elif job.attempts.exists() or (job.folder / CLAIMS).exists():
            self.merge.conflicts.append(f"{offer.where}: {job.folder} has attempts without a result; move it away first")
        else:
            self._taken[place] = offer
            self.merge.bring.append(target)

    def _target(self, offer: Offer) -> Bringing:
        """Return the id of a result: its own, or that of the point for which it can stand."""
        if offer.study not in self._points:
            plan = self.merge.plans.get(offer.study) or read_map(StudyPaths(self.merge.into, offer.study).plan)
            self._points[offer.study] = _Points(plan)
        return Bringing(offer, *self._points[offer.study].place_of(offer))

    def _compare(self, offer: Offer, there: dict[str, Any], where: str) -> None:
        if result_of(there) == result_of(offer.record):
            self.merge.same[offer.study] += 1
            return
        what = "another result" if there.get("fingerprint") == offer.record["fingerprint"] else "something else"
        self.merge.conflicts.append(f"{offer.where}: {where} has {what} under this name")


class _Points:
    """The points of a plan: by id, and by what they compute and on what."""

    def __init__(self, plan: dict[str, Any]) -> None:
        points = plan.get("experiments") or []
        self._fingerprints = {each["id"]: each["fingerprint"] for each in points}
        self._stand_ins = {_stands_for(each): each for each in reversed(points)}

    def missing(self, plan: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the points of another plan that have no place in this one."""
        points = plan["experiments"]
        return [each for each in points if each["id"] not in self._fingerprints and _stands_for(each) not in self._stand_ins]

    def place_of(self, offer: Offer) -> tuple[str, dict[str, Any]]:
        """Return the id and the axes under which a result counts."""
        own, axes = offer.id, offer.record.get("axes") or {}
        point = self._stand_ins.get(_stands_for({"fingerprint": offer.record["fingerprint"], "axes": axes}))
        if point is None or self._fingerprints.get(own) == offer.record["fingerprint"]:
            return own, axes
        return point["id"], point["axes"]


def _stands_for(point: dict[str, Any]) -> str:
    return framework_key(point["fingerprint"], point["axes"], FRAMEWORK_AXES)
