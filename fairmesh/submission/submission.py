"""The submission of a study: request, best point, and content, gathered and checked before a file is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.jobs.reading import read_checked
from fairmesh.results import Metric, Outcome, RankedPoint, StudyResults
from fairmesh.results.compare import value_json, value_of
from fairmesh.results.ranking import ranked_points, require_best
from fairmesh.runner.protocol import EXPERIMENT, STAGES, marker_name
from fairmesh.stages import walk_needs
from fairmesh.submission import identity
from fairmesh.submission.logs import Log, read_log
from fairmesh.submission.repository import DIRTY, Repository, without_password

PDF = "sientific_contribution.pdf"  # sic: so it is called in submit.adoc


@dataclass(frozen=True)
class Request:
    """A request for a submission.

    Parameters
    ----------
    given : mapping
        Who submits what, by the names of `fairmesh.submission.identity.REQUIRED`; what is missing comes from the logs.
    descriptor : str
        Name of the innermost folder; the study's name if empty.
    repository : str
        Where the code can be cloned from; git is asked if empty.
    pdf : Path or None
        The description of the scientific contribution, which only people can write.
    references : mapping
        What the reference model reaches, by the name of the metric, in its unit.
    """

    given: Mapping[str, str]
    descriptor: str = ""
    repository: str = ""
    pdf: Path | None = None
    references: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """The best point of a study.

    Parameters
    ----------
    ranked : list of RankedPoint
        All points that have the metric, the best first.
    unfinished : int
        How many of the planned runs have no result.
    """

    ranked: list[RankedPoint]
    unfinished: int

    @property
    def metric(self) -> Metric:
        """The ranking metric."""
        return self.ranked[0].metric

    @property
    def point(self) -> RankedPoint:
        """The best point."""
        return self.ranked[0]

    @property
    def submitted(self) -> tuple[Outcome, ...]:
        """The repeats of the best point that have a result, in the order of the plan."""
        return self.point.measured

    @property
    def best(self) -> Outcome:
        """The first submitted repeat, which represents the point."""
        return self.point.run


def choose(study: StudyResults) -> Choice:
    """Choose the best point by the primary metric.

    Raises
    ------
    FairmeshError
        If no run has a result, or the metric has no direction.
    """
    require_best(study)
    return Choice(ranked_points(study), len(study.experiments) - len(study.done))


Value = float | None


@dataclass(frozen=True)
class Measurement:
    """A row of the README's table: a metric with the values of the reference and of the submission."""

    title: str
    unit: str
    reference: Value
    submitted: float
    low: Value
    high: Value


@dataclass(frozen=True)
class Submission:
    """A submission.

    Parameters
    ----------
    study : StudyResults
        All of the study.
    request : Request
        What was asked for.
    choice : Choice
        The best point, and how it was chosen.
    logs : list of Log
        Of the submitted runs, in their order.
    given : mapping
        Who submits what: the ``submission_*`` events of every log.
    """

    study: StudyResults
    request: Request
    choice: Choice
    logs: list[Log]
    given: Mapping[str, str]

    @property
    def application(self) -> identity.Application:
        """The application."""
        application = self.study.plan["application"]
        return identity.Application(str(application["name"]), str(application["version"]))

    @property
    def place(self) -> Path:
        """The folder of the submission: organization, application, system, descriptor."""
        descriptor = self.request.descriptor or self.study.name
        return Path(*map(_folder_name, (self.given["org"], self.application.name, self.given["platform"], descriptor)))

    @cached_property
    def code(self) -> Path | None:
        """The folder of the application, if this computer has it."""
        application = self._read(self.choice.best.folder / EXPERIMENT).get("application")
        folder = str(application.get("folder") or "") if isinstance(application, dict) else ""
        return Path(folder) if Path(folder).is_absolute() and Path(folder).is_dir() else None

    def _read(self, path: Path) -> dict[str, Any]:
        """Read a JSON object; an unreadable file is added to the study's problems."""
        content, problem = read_checked(path)
        self.study.problems.extend(filter(None, [problem]))
        return content

    @cached_property
    def repository(self) -> Repository:
        """The repository of the code, as far as known."""
        known = Repository.of(self.code) if self.code else Repository()
        address = without_password(self.request.repository) or known.address
        return Repository(address, known.branch, known.tag)

    @cached_property
    def preparations(self) -> list[list[str]]:
        """The commands of the stages behind the best run, in order."""
        folder = self.study.folder.parent / STAGES / self.application.name
        commands: dict[str, list[str]] = {}

        def needs(marker: str) -> list[str]:
            stage = self._read(folder / marker / EXPERIMENT)
            commands[marker] = [re.sub("\0(.*?)\0", r"<\1>", text) for text in stage.get("command") or []]
            return _markers(stage)

        return [commands[marker] for marker in walk_needs(_markers(self.choice.best.record or {}), needs)]

    @property
    def measurements(self) -> list[Measurement]:
        """The means of the best point's metrics over the submitted runs, the primary one first."""
        declared = self.study.plan["application"].get("metrics") or {}
        runs = self.choice.submitted
        measurements = []
        for metric in sorted(self.study.metrics, key=lambda metric: metric is not self.choice.metric):
            measured = value_of([run.metrics[metric.name] for run in runs if metric.name in run.metrics])
            if measured is not None:
                value = value_json(measured)
                reference = self.request.references.get(metric.name, (declared.get(metric.name) or {}).get("target"))
                measurements.append(
                    Measurement(metric.title, metric.unit, reference, value["mean"], value["low"], value["high"])
                )
        return measurements

    @property
    def parameters(self) -> dict[str, Any]:
        """All parameters of the first submitted run."""
        return self.choice.best.parameters

    @property
    def notes(self) -> list[str]:
        """Requirements that only a person can meet."""
        notes = []
        if self.request.pdf is None:
            notes.append(_PDF_NOTE)
        if not self.repository.address:
            notes.append("repository: the address of the code is not known to git; give it with --repository")
        if not self.repository.tag:
            notes.append("tag: the commit has no tag; the rules ask for a tagged version")
        if self.study.plan.get("measure") != "exclusive":
            notes.append("measure: the runs shared their machine; times are only comparable with `measure: exclusive`")
        return notes


_PDF_NOTE = f"{PDF}: the scientific contribution, and what `result` means; write it and give it with --pdf"


def gather(study: StudyResults, request: Request) -> Submission:
    """Gather the submission of a study's best point.

    Raises
    ------
    InputError
        If required entries are missing; the message names them.
    FairmeshError
        If no run has a result, or one of the logs is missing or was changed.
    """
    choice = choose(study)
    measured = dict.fromkeys(name for run in choice.submitted for name in run.metrics)
    unknown = [name for name in request.references if name not in measured]
    if unknown:
        allowed = ", ".join(measured)
        raise InputError(Problem(f"no metric {name!r} was measured", "--reference", allowed) for name in unknown)
    logs = [read_log(outcome) for outcome in choice.submitted]
    application = study.plan["application"]
    own = {
        "benchmark": application["name"],
        "version": identity.Application(application["name"], application["version"]).tagged,
    }
    given = own | {"division": identity.DIVISION} | _agreed(logs) | dict(request.given)
    problems = [Problem(text, "missing") for text in identity.missing(given)]
    if problems:
        raise InputError(problems)
    if not re.fullmatch("[0-9a-f]{40}", given[identity.COMMIT]):
        raise InputError([Problem(_bad_commit(given[identity.COMMIT]), "--commit")])
    return Submission(study, request, choice, logs, given)


def _agreed(logs: list[Log]) -> dict[str, str]:
    """Return the submission entries that all logs share.

    Raises
    ------
    FairmeshError
        If they were made by different commits.
    """
    said = [log.submission() for log in logs]
    commits = {log.get(identity.COMMIT, "") for log in said}
    if len(commits) > 1:
        shown = ", ".join(sorted(commit or "an unknown one" for commit in commits))
        raise FairmeshError(f"the repeats of the best point were made by different commits: {shown}")
    return said[0]


def _bad_commit(commit: str) -> str:
    if commit.endswith(DIRTY):
        short = commit.removesuffix(DIRTY)
        return f"the runs were made from {short} with uncommitted changes; commit them and run again, or name a commit"
    return f"must be the 40 hex digits of `git rev-parse HEAD`, not {commit!r}"


def _folder_name(text: str) -> str:
    """Return a text as a portable folder name.

    >>> _folder_name("University of Virginia/BII")
    'university-of-virginia-bii'
    """
    plain = re.sub(r"[^a-z0-9._=+]+", "-", text.lower()).strip("-.")
    if not plain:
        raise InputError([Problem(f"{text!r} holds no letter or digit to name a folder with", "--to")])
    return plain[:100]


def _markers(content: Mapping[str, Any]) -> list[str]:
    """Return the folders of the stages that a record or a stage needs directly."""
    needs = content.get("stages")
    return [marker_name(*need) for need in needs.items()] if isinstance(needs, dict) else []
