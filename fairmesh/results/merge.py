"""Plan a merge of results folders: which results are new, which exist already, and which conflict.

Nothing is overwritten. Equal results are fine; a different result under the same name is a conflict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairmesh import files
from fairmesh.jobs.lookup import framework_key
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.jobs.reading import read_map
from fairmesh.names import experiment_key
from fairmesh.results.merge_machines import MachineNames
from fairmesh.results.merge_runs import SourceAttempt, SourceRun
from fairmesh.results.merge_source import MergeSource, SourceResult, canonical_result, read_source
from fairmesh.results.owners import ResultOwner
from fairmesh.runner.claims import Claims, numbers
from fairmesh.runner.protocol import CLAIMS, RUN_FILE, STATUS
from fairmesh.study.values import FRAMEWORK_AXES


@dataclass(frozen=True)
class MergeItem:
    """A result to copy, with its machine, id and axes in the target."""

    result: SourceResult
    machine: str
    id: str
    axes: dict[str, Any]

    @property
    def changes(self) -> dict[str, Any]:
        """What is changed in its record."""
        result, changes = self.result, dict[str, Any]()
        if self.id != result.id:
            changes |= {"id": self.id, "axes": self.axes, "reused": result.id}
        if self.machine != result.machine:
            changes["machine"] = self.machine
        if changes:
            changes["key"] = experiment_key(result.study, self.machine, self.id)
        if self.machine != result.original_machine:
            changes["owner"] = {**result.owner.to_json(), "machine": result.original_machine}
        elif "owner" not in result.record and result.owner:
            changes["owner"] = result.owner.to_json()
        return changes

    @property
    def record(self) -> dict[str, Any]:
        """The record in the target."""
        return {**self.result.record, **self.changes}

    @property
    def data(self) -> bytes:
        """The content of its record and commit."""
        return files.json_text(self.record).encode() if self.changes else self.result.data


@dataclass(frozen=True)
class AttemptItem:
    """An attempt without a result to copy, with its machine and id in the target."""

    attempt: SourceAttempt
    machine: str
    id: str


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
    attempts : list of AttemptItem
        New attempts without a result.
    runs : dict
        New runs by study and uuid, each with the names of its machines in the target.
    renamed : dict
        The machines that have another name in the target, by study and name, each with its owner.
    """

    into: Path
    items: list[MergeItem] = field(default_factory=list)
    same: Counter[str] = field(default_factory=Counter)
    conflicts: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    plans: dict[str, dict[str, Any]] = field(default_factory=dict)
    stages: dict[tuple[str, str], bytes] = field(default_factory=dict)
    attempts: list[AttemptItem] = field(default_factory=list)
    runs: dict[tuple[str, str], tuple[SourceRun, dict[str, str]]] = field(default_factory=dict)
    renamed: dict[tuple[str, str], tuple[str, ResultOwner]] = field(default_factory=dict)

    @property
    def studies(self) -> list[str]:
        """The studies that are changed."""
        of_items = {item.result.study for item in self.items} | {item.attempt.study for item in self.attempts}
        return sorted({*of_items, *self.plans, *(study for study, _ in (*self.stages, *self.runs))})

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        """Number of new results by study and machine."""
        return dict(Counter((item.result.study, item.machine) for item in self.items))

    @property
    def attempt_counts(self) -> dict[tuple[str, str], int]:
        """Number of new attempts without a result by study and machine."""
        return dict(Counter((item.attempt.study, item.machine) for item in self.attempts))

    @property
    def run_counts(self) -> dict[str, int]:
        """Number of new runs by study."""
        return dict(Counter(study for study, _ in self.runs))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        new = [
            {"study": study, "machine": machine, "results": count} for (study, machine), count in self.counts.items()
        ]
        attempts = [
            {"study": study, "machine": machine, "attempts": count}
            for (study, machine), count in self.attempt_counts.items()
        ]
        renamed = [
            {"study": study, "machine": machine, "name": name, "owner": owner.to_json()}
            for (study, machine), (name, owner) in self.renamed.items()
        ]
        return {
            "into": str(self.into),
            "new": new,
            "same": dict(self.same),
            "attempts": attempts,
            "runs": self.run_counts,
            "renamed": renamed,
            "plans": sorted(self.plans),
            "conflicts": self.conflicts,
            "passed_over": self.skipped,
        }


def prepare(sources: Sequence[Path], into: Path, shared: Collection[str] = ()) -> Merge:
    """Plan a merge without changing anything.

    Parameters
    ----------
    sources : sequence of Path
        Results folders, or folders of single studies in them.
    into : Path
        The target results folder; it may not exist.
    shared : collection of str
        The machines that several owners use, such as a cluster: they keep their names.
    """
    preparation = _MergePlanner(Merge(into), shared)
    for folder in sources:
        preparation.add(read_source(folder))
    return preparation.merge


class _MergePlanner:
    """Decides for each result whether it is new, equal, or in conflict."""

    def __init__(self, merge: Merge, shared: Collection[str] = ()) -> None:
        self.merge = merge
        self._machines = MachineNames(merge.into, self._plan, shared)
        self._taken: dict[tuple[str, str, str], SourceResult] = {}
        self._taken_attempts: dict[tuple[str, str, str, int], SourceAttempt] = {}
        self._points: dict[str, _Points] = {}

    def add(self, source: MergeSource) -> None:
        """Add everything of a source."""
        self.merge.skipped += source.skipped
        names = {study: self._names(source, study) for study in source.studies}
        refused = {study for study in source.plans if not self._add_plan(source, study, names[study])}
        for result in source.results:
            if result.study not in refused:
                self._add_result(result)
        points = {study: {point["id"]: point for point in plan["experiments"]} for study, plan in source.plans.items()}
        for attempt in source.attempts:
            if attempt.study not in refused:
                point = points.get(attempt.study, {}).get(attempt.id, {})
                self._add_attempt(attempt, point, names[attempt.study][attempt.machine])
        for run in source.runs:
            is_there = (StudyPaths(self.merge.into, run.study).run(run.uuid) / RUN_FILE).exists()
            if run.study not in refused and not is_there:
                self.merge.runs.setdefault((run.study, run.uuid), (run, names[run.study]))
        for key, data in source.stages.items():
            if not StudyPaths(self.merge.into, key[0]).stage_marker(key[1]).exists():
                self.merge.stages.setdefault(key, data)

    def _plan(self, study: str) -> dict[str, Any]:
        """Return the plan of a study in the target."""
        return self.merge.plans.get(study) or read_map(StudyPaths(self.merge.into, study).plan)

    def _names(self, source: MergeSource, study: str) -> dict[str, str]:
        """Return the names in the target of the machines of a source."""
        names = {}
        for machine, (original, owner) in source.machine_owners(study).items():
            names[machine] = name = self._machines.name(study, machine, owner, original)
            if name != machine:
                self.merge.renamed[study, machine] = (name, owner)
        return names

    def _add_plan(self, source: MergeSource, study: str, names: Mapping[str, str]) -> bool:
        """Add missing points to the target's plan; return False if the applications differ."""
        own, plan = self._plan(study), _with_names(source.plans[study], study, names)
        if not own:
            self.merge.plans[study] = plan
        elif (ours := own["application"]["name"]) != (theirs := plan["application"]["name"]):
            folder = source.source.folder
            self.merge.conflicts.append(f"{folder}/{study} is of {theirs}, {self.merge.into}/{study} of {ours}")
            return False
        elif missing := _Points(own).missing(plan):
            self._add_points(study, missing)
        self._points.pop(study, None)
        return True

    def _add_points(self, study: str, points: Sequence[dict[str, Any]]) -> None:
        own = self._plan(study)
        machines = sorted({*own.get("machines", ()), *(point["machine"] for point in points)})
        self.merge.plans[study] = own | {"machines": machines, "experiments": [*own["experiments"], *points]}

    def _add_result(self, result: SourceResult) -> None:
        target = self._target(result)
        place = (result.study, target.machine, target.id)
        earlier = self._taken.get(place)
        study = StudyPaths(self.merge.into, result.study)
        job, record = study.job(target.machine, target.id), study.record(target.machine, target.id)
        existing = earlier.record if earlier else read_map(record) or read_map(job.commit)
        if existing:
            self._compare(result, existing, earlier.where if earlier else str(job.folder))
        elif not _has_room(job, result.record["attempt"]):
            self.merge.conflicts.append(f"{result.where}: {job.folder} has attempts without a result; move it away")
        else:
            self._taken[place] = result
            self.merge.items.append(target)
        self._machines.add(result.study, target.machine, result.owner)

    def _target(self, result: SourceResult) -> MergeItem:
        """Return the item for a result: under its own id, or that of an equivalent point."""
        machine = self._machines.name(result.study, result.machine, result.owner, result.original_machine)
        place = self._points_of(result.study).place_of(
            result.id, result.record["fingerprint"], result.record.get("axes") or {}
        )
        return MergeItem(result, machine, *place)

    def _points_of(self, study: str) -> _Points:
        if study not in self._points:
            self._points[study] = _Points(self._plan(study))
        return self._points[study]

    def _add_attempt(self, attempt: SourceAttempt, point: Mapping[str, Any], machine: str) -> None:
        """Add an attempt without a result, unless there is one of this number; its point is of the source's plan."""
        study = attempt.study
        is_planned = bool(point) and attempt.fingerprint == point["fingerprint"]
        identity = attempt.id
        if is_planned:
            identity, _ = self._points_of(study).place_of(attempt.id, attempt.fingerprint, point["axes"])
        job = StudyPaths(self.merge.into, study).job(machine, identity)
        place = (study, machine, identity, attempt.number)
        earlier = self._taken_attempts.get(place)
        existing = earlier.status if earlier else read_map(job.attempt(attempt.number) / STATUS)
        if existing or attempt.number in _numbers(job):
            if existing != attempt.status:
                self.merge.skipped.append(f"{attempt.where}: {job.folder} has another attempt of this number")
            return
        self._taken_attempts[place] = attempt
        self.merge.attempts.append(AttemptItem(attempt, machine, identity))
        self._machines.add(study, machine, attempt.owner)
        if is_planned:
            self._plan_attempt(study, machine, identity)

    def _plan_attempt(self, study: str, machine: str, identity: str) -> None:
        """Add the point of an attempt to the plan, where its machine has no such point."""
        own = [point for point in _experiments(self._plan(study)) if point["id"] == identity]
        if own and all(point["machine"] != machine for point in own):
            key = experiment_key(study, machine, identity)
            self._add_points(study, [own[0] | {"machine": machine, "key": key, "selected": False}])

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
        return [
            point
            for point in points
            if point["id"] not in self._fingerprints and _stands_for(point) not in self._stand_ins
        ]

    def place_of(self, identity: str, fingerprint: str, axes: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return the id and axes of an experiment in this plan."""
        point = self._stand_ins.get(_stands_for({"fingerprint": fingerprint, "axes": axes}))
        if point is None or self._fingerprints.get(identity) == fingerprint:
            return identity, axes
        return point["id"], point["axes"]


def _stands_for(point: dict[str, Any]) -> str:
    return framework_key(point["fingerprint"], point["axes"], FRAMEWORK_AXES)


def _experiments(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    return plan.get("experiments") or []


def _with_names(plan: dict[str, Any], study: str, names: Mapping[str, str]) -> dict[str, Any]:
    """Return a plan with the names of its machines in the target."""
    if all(name == machine for machine, name in names.items()):
        return plan
    points = [_with_machine(point, study, names[point["machine"]]) for point in plan["experiments"]]
    return plan | {"experiments": points, "machines": sorted({point["machine"] for point in points})}


def _with_machine(point: dict[str, Any], study: str, machine: str) -> dict[str, Any]:
    return point | {"machine": machine, "key": experiment_key(study, machine, point["id"])}


def _numbers(job: JobPaths) -> set[int]:
    """Return the numbers of attempts and claims of a job folder."""
    return {*numbers(str(job.attempts)), *numbers(str(job.folder / CLAIMS))}


def _has_room(job: JobPaths, number: int) -> bool:
    """Return whether an attempt can be added to a job folder: the number is free, and the other attempts have ended."""
    claims = Claims(str(job.folder))
    return number not in _numbers(job) and all(claims.is_over(other) for other in _numbers(job))
