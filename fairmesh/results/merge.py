"""Plan a merge of results folders: which results are new, which exist already, and which conflict.

Nothing is overwritten. Equal results are fine; a different result under the same name is a conflict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairmesh import files
from fairmesh.jobs.reading import read_map
from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.lookup import framework_key
from fairmesh.names import experiment_key
from fairmesh.results.merge_source import SourceResult, MergeSource, read_source, canonical_result
from fairmesh.runner.protocol import CLAIMS
from fairmesh.study.values import FRAMEWORK_AXES


@dataclass(frozen=True)
class MergeItem:
    """A result to copy, with its id and axes in the target."""

    result: SourceResult
    id: str
    axes: dict[str, Any]

    @property
    def record(self) -> dict[str, Any]:
        """The record under its id in the target."""
        result = self.result
        if self.id == result.id:
            return result.record
        key = experiment_key(result.study, result.machine, self.id)
        return {**result.record, "id": self.id, "key": key, "axes": self.axes, "reused": result.id}

    @property
    def data(self) -> bytes:
        """The content of its record and commit."""
        return self.result.data if self.id == self.result.id else files.json_text(self.record).encode()


@dataclass
class Merge:
    """A planned merge.

    Parameters
    ----------
    into : Path
        The target results folder.
    items : list of MergeItem
        The new results.
    same : Counter
        Number of existing results by study.
    conflicts : list of str
        Conflicts, one message each; nothing is merged if there are any.
    skipped : list of str
        Skipped files, with reasons.
    plans : dict
        New and extended plans, by study.
    stages : dict
        New records of shared stages, by study and name.
    """

    into: Path
    items: list[MergeItem] = field(default_factory=list)
    same: Counter[str] = field(default_factory=Counter)
    conflicts: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    plans: dict[str, dict[str, Any]] = field(default_factory=dict)
    stages: dict[tuple[str, str], bytes] = field(default_factory=dict)

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        """Number of new results by study and machine."""
        return dict(Counter((item.result.study, item.result.machine) for item in self.items))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        new = [{"study": study, "machine": machine, "results": count} for (study, machine), count in self.counts.items()]
        return {
            "into": str(self.into),
            "new": new,
            "same": dict(self.same),
            "plans": sorted(self.plans),
            "conflicts": self.conflicts,
            "passed_over": self.skipped,
        }


def prepare(sources: Sequence[Path], into: Path) -> Merge:
    """Plan a merge without changing anything.

    Parameters
    ----------
    sources : sequence of Path
        Results folders, or folders of single studies in them.
    into : Path
        The target results folder; it may not exist.
    """
    preparation = _MergePlanner(Merge(into))
    for folder in sources:
        preparation.add(read_source(folder))
    return preparation.merge


class _MergePlanner:
    """Decides for each result whether it is new, equal, or in conflict."""

    def __init__(self, merge: Merge) -> None:
        self.merge = merge
        self._taken: dict[tuple[str, str, str], SourceResult] = {}
        self._points: dict[str, _Points] = {}

    def add(self, source: MergeSource) -> None:
        """Add all results of a source."""
        self.merge.skipped += source.skipped
        refused = {study for study, plan in source.plans.items() if not self._add_plan(source, study, plan)}
        for result in source.results:
            if result.study not in refused:
                self._add_result(result)
        for key, data in source.stages.items():
            if not StudyPaths(self.merge.into, key[0]).stage_marker(key[1]).exists():
                self.merge.stages.setdefault(key, data)

    def _add_plan(self, source: MergeSource, study: str, plan: dict[str, Any]) -> bool:
        """Add missing points to the target's plan; return False if the applications differ."""
        own = self.merge.plans.get(study) or read_map(StudyPaths(self.merge.into, study).plan)
        if not own:
            self.merge.plans[study] = plan
        elif (ours := own["application"]["name"]) != (theirs := plan["application"]["name"]):
            self.merge.conflicts.append(f"{source.source.folder}/{study} is of {theirs}, {self.merge.into}/{study} of {ours}")
            return False
        elif missing := _Points(own).missing(plan):
            machines = sorted({*own.get("machines", ()), *(point["machine"] for point in missing)})
            self.merge.plans[study] = own | {"machines": machines, "experiments": [*own["experiments"], *missing]}
        self._points.pop(study, None)
        return True

    def _add_result(self, result: SourceResult) -> None:
        target = self._target(result)
        place = (result.study, result.machine, target.id)
        earlier = self._taken.get(place)
        study = StudyPaths(self.merge.into, result.study)
        job = study.job(result.machine, target.id)
        existing = earlier.record if earlier else read_map(study.record(result.machine, target.id)) or read_map(job.commit)
        if existing:
            self._compare(result, existing, earlier.where if earlier else str(job.folder))
        elif job.attempts.exists() or (job.folder / CLAIMS).exists():
            self.merge.conflicts.append(f"{result.where}: {job.folder} has attempts without a result; move it away")
        else:
            self._taken[place] = result
            self.merge.items.append(target)

    def _target(self, result: SourceResult) -> MergeItem:
        """Return the item for a result: under its own id, or that of an equivalent point."""
        if result.study not in self._points:
            plan = self.merge.plans.get(result.study) or read_map(StudyPaths(self.merge.into, result.study).plan)
            self._points[result.study] = _Points(plan)
        return MergeItem(result, *self._points[result.study].place_of(result))

    def _compare(self, result: SourceResult, existing: dict[str, Any], where: str) -> None:
        if canonical_result(existing) == canonical_result(result.record):
            self.merge.same[result.study] += 1
            return
        what = "another result" if existing.get("fingerprint") == result.record["fingerprint"] else "something else"
        self.merge.conflicts.append(f"{result.where}: {where} has {what} under this name")


class _Points:
    """The points of a plan, by id and by what they compute."""

    def __init__(self, plan: dict[str, Any]) -> None:
        points = plan.get("experiments") or []
        self._fingerprints = {point["id"]: point["fingerprint"] for point in points}
        self._stand_ins = {_stands_for(point): point for point in reversed(points)}

    def missing(self, plan: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the points of another plan that this one lacks."""
        points = plan["experiments"]
        return [point for point in points if point["id"] not in self._fingerprints and _stands_for(point) not in self._stand_ins]

    def place_of(self, result: SourceResult) -> tuple[str, dict[str, Any]]:
        """Return the id and axes of a result in this plan."""
        own, axes = result.id, result.record.get("axes") or {}
        point = self._stand_ins.get(_stands_for({"fingerprint": result.record["fingerprint"], "axes": axes}))
        if point is None or self._fingerprints.get(own) == result.record["fingerprint"]:
            return own, axes
        return point["id"], point["axes"]


def _stands_for(point: dict[str, Any]) -> str:
    return framework_key(point["fingerprint"], point["axes"], FRAMEWORK_AXES)
