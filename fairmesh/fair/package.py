"""The package of a study: its results, files and publisher, as all documents describe them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from fairmesh.fair.dates import Publication
from fairmesh.fair.inventory import File, Inventory
from fairmesh.fair.publisher import About
from fairmesh.files import text_sha256
from fairmesh.jobs.reading import BAD_ENDS, read_environment, read_map
from fairmesh.results import Outcome, StudyResults
from fairmesh.results.load import PLAN
from fairmesh.runner.protocol import (
    ATTEMPTS,
    CONFIG,
    DONE,
    ENVIRONMENTS,
    EXPERIMENT,
    EXPERIMENTS,
    FAILED,
    JOB,
    LOG,
    RECORDS,
    RUNNING,
    STAGES,
    marker_name,
)
from fairmesh.stages import walk_needs

RESULTS = "results.csv"
PROJECT, APPLICATIONS = "project", "applications"
MAIN = f"{PROJECT}/Snakefile"
_STAGE = re.compile("[a-z][a-z0-9_]*-[0-9a-f]{64}")
MANY = 500  # experiments; in larger packages, each is one action with one data set and the hash of its manifest


@dataclass(frozen=True)
class Experiment:
    """An experiment with its files.

    Parameters
    ----------
    outcome : Outcome
        What became of it.
    files : list of File
        Those of its folder that belong to the package.
    record : File or None
        Its record.
    """

    outcome: Outcome
    files: list[File]
    record: File | None

    @property
    def folder(self) -> str:
        """Its folder, relative to the study's."""
        return f"{EXPERIMENTS}/{self.outcome.machine}/{self.outcome.id}"


@dataclass
class Package(About):
    """A study's package.

    Parameters
    ----------
    study : StudyResults
        The results.
    inventory : Inventory
        Everything that belongs to it, but for the documents that are still to be written.
    experiments : list of Experiment
        Those that have a result, and those that failed, in the order of the plan.
    given : Publication or None
        Version and days of what this is a copy of, whose records are not the same; else the study's folder says them.
    """

    inventory: Inventory
    experiments: list[Experiment] = field(default_factory=list)
    given: Publication | None = None

    @classmethod
    def gather(cls, study: StudyResults, given: Publication | None = None) -> Package:
        """Return the package of a study whose folder is self-contained."""
        made = cls(study, Inventory(study.folder), given=given)
        made.inventory.problems += study.problems
        for path in (PLAN, RESULTS):
            made.inventory.add(path)
        for below in (PROJECT, APPLICATIONS):
            made.inventory.add_tree(below)
        for outcome in study.experiments:
            if outcome.record is not None or outcome.state in BAD_ENDS:
                made.experiments.append(made._experiment(outcome))
        for path in sorted(made._shared()):
            made.inventory.add(path)
        return made

    def _experiment(self, outcome: Outcome) -> Experiment:
        below = f"{EXPERIMENTS}/{outcome.machine}/{outcome.id}"
        names = [JOB, EXPERIMENT, CONFIG]
        if outcome.record is None:
            attempt = outcome.attempt.name if outcome.attempt else ""
            names += [f"{ATTEMPTS}/{attempt}/{LOG}"] if attempt else []
        own = [file for name in names if (file := self.inventory.add(f"{below}/{name}"))]
        if outcome.record is None:
            return Experiment(outcome, own, None)
        recorded = outcome.record.get("files")
        whose = f"{outcome.id} on {outcome.machine}"
        own += self.inventory.add_recorded(below, recorded if isinstance(recorded, list) else [], whose)
        return Experiment(outcome, own, self.inventory.add(f"{RECORDS}/{outcome.machine}/{outcome.id}.json"))

    def _shared(self) -> set[str]:
        """Return the paths of what several experiments refer to: commits of stages, environments."""
        records = [experiment.outcome.record for experiment in self.done]
        direct = [path for record in records for path in stage_paths(record)]

        def needs(path: str) -> list[str]:
            records.append(read_map(self.study.folder / path))
            return stage_paths(records[-1])

        stages = set(walk_needs(direct, needs))
        return {f"{ENVIRONMENTS}/{digest}.json" for record in records if (digest := environment_of(record))} | stages

    @property
    def done(self) -> list[Experiment]:
        """The experiments that have a result."""
        return [experiment for experiment in self.experiments if experiment.outcome.record is not None]

    @property
    def failed(self) -> list[Experiment]:
        """The experiments without a result."""
        return [experiment for experiment in self.experiments if experiment.outcome.record is None]

    @property
    def is_large(self) -> bool:
        """Whether there are too many experiments to list all files."""
        return len(self.experiments) > MANY

    @cached_property
    def version(self) -> str:
        """A hash of the results, 12 hex digits; a redacted copy has the version of its original."""
        if self.given:
            return self.given.version
        files = [experiment.record for experiment in self.done if experiment.record]
        return text_sha256("\n".join(sorted(f"{file.path} {file.sha256}" for file in files)))[:12]

    @cached_property
    def started(self) -> str:
        """Start of the first experiment, as ISO 8601 with time zone; empty if unknown."""
        return min(filter(None, (time(experiment.outcome.record, "started") for experiment in self.done)), default="")

    @cached_property
    def ended(self) -> str:
        """End of the last experiment."""
        return max(filter(None, (time(experiment.outcome.record, "ended") for experiment in self.done)), default="")

    @cached_property
    def publication(self) -> Publication:
        """The dates of its publications."""
        return self.given or Publication.of(self.study.folder, self.version)

    @property
    def state(self) -> str:
        """State of the run: failed if an experiment failed, done if all selected ones have a result."""
        if any(outcome.state in BAD_ENDS or outcome.is_blocked for outcome in self.study.experiments):
            return FAILED
        points = self.study.plan["experiments"]
        unselected = {(point["machine"], point["id"]) for point in points if not point.get("selected", True)}
        without = [outcome for outcome in self.study.experiments if outcome.record is None]
        return DONE if all((outcome.machine, outcome.id) in unselected for outcome in without) else RUNNING

    @cached_property
    def engine_version(self) -> str:
        """The version of Snakemake in the last run that recorded it."""
        runs = sorted(map(read_map, self.study.folder.glob("runs/*/run.json")), key=lambda run: str(run.get("started")))
        versions = [
            str(run["versions"].get("snakemake") or "") for run in runs if isinstance(run.get("versions"), dict)
        ]
        return versions[-1] if versions else ""

    @cached_property
    def stages(self) -> dict[str, dict[str, Any]]:
        """The commits of the shared stages behind the results, by path in the package."""
        paths = [path for path in self.inventory.files if path.startswith(f"{STAGES}/")]
        return {path: read_map(self.study.folder / path) for path in sorted(paths)}

    def environment(self, experiment: Experiment) -> dict[str, Any]:
        """Return the environment of an experiment; empty if its file is missing."""
        digest = environment_of(experiment.outcome.record)
        if digest not in self._environments:
            environment, problem = read_environment(self.study.folder / ENVIRONMENTS / f"{digest}.json")
            self.inventory.problems.extend(filter(None, [problem]))
            self._environments[digest] = environment
        return self._environments[digest]

    @cached_property
    def _environments(self) -> dict[str, dict[str, Any]]:
        return {}

    def inputs(self, experiment: Experiment) -> list[File]:
        """Return the input files of an experiment: commits of stages, and its environment."""
        names = [
            *stage_paths(experiment.outcome.record),
            f"{ENVIRONMENTS}/{environment_of(experiment.outcome.record)}.json",
        ]
        return [self.inventory.files[name] for name in names if name in self.inventory.files]


def time(record: dict[str, Any] | None, key: str) -> str:
    """Return a record's time as ISO 8601 with milliseconds and time zone; empty if it is invalid.

    >>> time({"ended": "2026-11-20T10:01:30Z"}, "ended")
    '2026-11-20T10:01:30.000+00:00'
    """
    try:
        moment = datetime.fromisoformat(str((record or {}).get(key)))
    except ValueError:
        return ""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds") if moment.tzinfo else ""


def stage_paths(record: dict[str, Any] | None) -> list[str]:
    """Return the paths of the commits that a record came from; records also come from elsewhere."""
    found = (record or {}).get("stages")
    named = [(str(name), str(mark)) for name, mark in found.items()] if isinstance(found, dict) else []
    return [f"{STAGES}/{marker_name(*need)}.json" for need in named if _STAGE.fullmatch("-".join(need))]


def environment_of(record: dict[str, Any] | None) -> str:
    """Return the hash of a record's environment; empty if it has none."""
    digest = str((record or {}).get("environment") or "")
    return digest if re.fullmatch("[0-9a-f]{64}", digest) else ""
