"""Find the jobs of a plan and read their files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from fairmesh.jobs.paths import StudyPaths
from fairmesh.names import experiment_key
from fairmesh.runner import protocol
from fairmesh.short_names import ShortNames
from fairmesh.stages import walk_needs
from fairmesh.status.cache import CachedValue, FileCache, Map
from fairmesh.status.events import JobEvents, Name
from fairmesh.status.job_files import Facts, TrackedJob
from fairmesh.status.model import EXPERIMENT, STAGE

Need = tuple[str, str]
"""Name and fingerprint of a stage."""


class StudyJobs:
    """The jobs of a study.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    is_cached : bool
        Whether the files are read more than once.
    is_whole : bool
        Whether the whole records and statuses are kept.
    """

    def __init__(self, paths: StudyPaths, is_cached: bool, is_whole: bool = False) -> None:
        self.paths = paths
        self._is_whole = is_whole
        self._folder = str(paths.folder)
        self._is_cached = is_cached
        self._recorded = _Folders(f"{self._folder}/{protocol.RECORDS}", is_cached)
        self._rendered = _Folders(f"{self._folder}/{protocol.EXPERIMENTS}", is_cached)
        self._points: Sequence[Map] = ()
        self._names: Mapping[str, str] = {}
        self._seen = -1
        self._planned: dict[Name, TrackedJob] = {}
        self._elsewhere: dict[tuple[Name, str], TrackedJob] = {}
        self._by_file: dict[str, Name] = {}
        self._files: dict[str, set[str]] = defaultdict(set)
        self._all: list[TrackedJob] = []
        self._needs: dict[Need, bool] = {}
        self._contents = FileCache(is_cached)
        self._stages: dict[Need, TrackedJob] = {}

    def experiments(self, plan: Map) -> Iterable[TrackedJob]:
        """Return the planned experiments, and the same experiments on other machines with results."""
        seen = self._recorded.look() + self._rendered.look()
        if plan["experiments"] is not self._points:
            self._plan(plan["experiments"], ShortNames.of_plan(plan))
        if seen != self._seen:
            self._place()
            self._seen = seen
        for job in self._all:
            job.look(seen)
        if not self._elsewhere:
            return self._all
        return [job for job in self._all if job.facts.good or job.name in self._planned]

    @property
    def problems(self) -> dict[str, str]:
        """The reasons why files could not be used when last read, by path."""
        looked_at = (job.kept.problems for job in (*self._all, *self._stages.values()))
        return self._contents.problems | {
            path: why for problems in looked_at if problems for path, why in problems.items()
        }

    def _plan(self, points: Sequence[Map], names: ShortNames) -> None:
        """Set a new plan; facts of unchanged points are kept."""
        known, self._planned = self._planned, {}
        for point in points:
            name = (point["machine"], point["id"])
            key = point.get("key") or experiment_key(self.paths.study, *name)
            job = self._planned[name] = self._new_job(name, key, point, bool(point.get("selected", True)))
            before = known.get(name)
            if before and before.fingerprint == job.fingerprint:
                job.kept, job.record, job.has_folder = before.kept, before.record, before.has_folder
        self._elsewhere, self._by_file, self._needs = {}, {}, {}
        self._files.clear()
        for point in points:
            for need in _needs(point):
                self._needs[need] = self._needs.get(need, False) or bool(point.get("selected", True))
        self._points, self._seen = points, -1
        self._names = {point["id"]: names.of(point["axes"]) for point in points}

    def _new_job(self, name: Name, key: str, point: Map, selected: bool) -> TrackedJob:
        folder = f"{self._folder}/{protocol.EXPERIMENTS}/{name[0]}/{name[1]}"
        kept = CachedValue[Facts](self._is_cached)
        fingerprint = point["fingerprint"]
        return TrackedJob(EXPERIMENT, *name, key, fingerprint, folder, point, selected, kept, is_whole=self._is_whole)

    def _place(self) -> None:
        """Update which points have a record and a folder, and which have a record on other machines."""
        recorded, rendered = self._recorded.names, self._rendered.names
        for (machine, identity), job in self._planned.items():
            has_record = machine in recorded and f"{identity}.json" in recorded[machine]
            job.place(self._record(job.name) if has_record else "", identity in rendered.get(machine, ()))
        others = self._others()
        self._elsewhere = {
            location: self._elsewhere.get(location) or self._job_elsewhere(*location)
            for locations in others.values()
            for location in locations
        }
        self._all = []
        for name, job in self._planned.items():
            self._all.append(job)
            self._all.extend(self._elsewhere[location] for location in others.get(name, ()))
        has_several = len({job.machine for job in self._all}) > 1
        for job in self._all:
            job.label = self._names[job.id] + (f" on {job.machine}" if has_several else "")

    def _record(self, name: Name) -> str:
        return f"{self._folder}/{protocol.RECORDS}/{name[0]}/{name[1]}.json"

    def _others(self) -> dict[Name, list[tuple[Name, str]]]:
        """Return the records of planned points on other machines, by point."""
        if self._recorded.names and not self._by_file:
            for name in self._planned:
                self._by_file.setdefault(f"{name[1]}.json", name)
                self._files[name[0]].add(f"{name[1]}.json")
        others: dict[Name, list[tuple[Name, str]]] = defaultdict(list)
        for machine, names in self._recorded.names.items():
            for file in (names - self._files[machine]) & self._by_file.keys():
                others[self._by_file[file]].append((self._by_file[file], machine))
        return others

    def _job_elsewhere(self, original: Name, machine: str) -> TrackedJob:
        point, name = self._planned[original].point, (machine, original[1])
        job = self._new_job(name, experiment_key(self.paths.study, *name), point, False)
        job.place(self._record(name), False)
        return job

    def stages(self, application: str, news: Mapping[Name, JobEvents]) -> Iterator[TrackedJob]:
        """Yield the shared stages that the plan needs, each after its own dependencies."""

        def needs(need: Need) -> Iterable[Need]:
            stage = self._stage(application, need)
            stage.point = self._contents.read(f"{stage.folder}/{protocol.EXPERIMENT}")
            return _needs(stage.point)

        for need in walk_needs(self._needs, needs):
            stage = self._stages[need]
            stage.is_selected = self._needs.get(need, False) or stage.name in news
            stage.look(0)
            yield stage

    def _stage(self, application: str, need: Need) -> TrackedJob:
        name, fingerprint = need
        marker = protocol.marker_name(name, fingerprint)
        folder = str(self.paths.stage_job(application, marker).folder)
        stage = self._stages.get(need)
        if stage is None or stage.folder != folder:
            stage = TrackedJob(
                STAGE, "", marker, fingerprint[:12], fingerprint, folder, {}, True, CachedValue(self._is_cached)
            )
            self._stages[need] = stage
        return stage


class _Folders:
    """The names of the entries in each subfolder of a folder."""

    def __init__(self, folder: str, is_cached: bool) -> None:
        self._folder = folder
        self._is_cached = is_cached
        self._machines: CachedValue[frozenset[str]] = CachedValue(is_cached)
        self._listed: dict[str, CachedValue[frozenset[str]]] = {}
        self.names: dict[str, frozenset[str]] = {}

    def look(self) -> int:
        """List changed folders; return a number that changes with them."""
        machines = sorted(self._machines.get(lambda dependencies: dependencies.names(self._folder)))
        for machine in machines:
            if machine not in self._listed:
                self._listed[machine] = CachedValue(self._is_cached)
        listing = {machine: self._names(machine) for machine in machines}
        self.names = {machine: names for machine, names in listing.items() if names}
        return self._machines.makes + sum(value.makes for value in self._listed.values())

    def _names(self, machine: str) -> frozenset[str]:
        return self._listed[machine].get(lambda dependencies: dependencies.names(f"{self._folder}/{machine}"))


def _needs(point: Map) -> Iterable[Need]:
    return (point.get("stages") or {}).items()
