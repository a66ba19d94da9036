"""A submission: everything that its files say, gathered and checked before one of them is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.jobs.reading import read_checked
from fairmesh.results import StudyResults
from fairmesh.results.compare import value_json, value_of
from fairmesh.runner.protocol import EXPERIMENT, STAGES
from fairmesh.submission import identity
from fairmesh.submission.choice import Choice, choose
from fairmesh.submission.logs import Log, read_log
from fairmesh.submission.repository import DIRTY, Repository, without_password
from fairmesh.submission.request import PDF, Request

Value = float | None


@dataclass(frozen=True)
class Measurement:
    """A line of the table at the top of the README: a metric, and what reference and submission reach."""

    title: str
    unit: str
    reference: Value
    submitted: float
    low: Value
    high: Value


@dataclass(frozen=True)
class Submission:
    """What is submitted.

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
        """The application that was measured."""
        found = self.study.plan["application"]
        return identity.Application(str(found["name"]), str(found["version"]))

    @property
    def place(self) -> Path:
        """The folder of the submission: organisation, application, system, descriptor."""
        descriptor = self.request.descriptor or self.study.name
        return Path(*map(_folder_name, (self.given["org"], self.application.name, self.given["platform"], descriptor)))

    @cached_property
    def code(self) -> Path | None:
        """The folder of the application, if it is on this computer."""
        application = self._read(self.choice.best.folder / EXPERIMENT).get("application")
        folder = str(application.get("folder") or "") if isinstance(application, dict) else ""
        return Path(folder) if Path(folder).is_absolute() and Path(folder).is_dir() else None

    def _read(self, path: Path) -> dict[str, Any]:
        """Read a map; a file that is there and cannot be read is one of the study's problems."""
        found, problem = read_checked(path)
        self.study.problems.extend(filter(None, [problem]))
        return found

    @cached_property
    def repository(self) -> Repository:
        """Where the code comes from, as far as that is known."""
        found = Repository.of(self.code) if self.code else Repository()
        address = without_password(self.request.repository) or found.address
        return Repository(address, found.branch, found.tag)

    @cached_property
    def preparations(self) -> list[list[str]]:
        """The commands of the stages that made the data of the best run, each after those that it needs."""
        folder = self.study.folder.parent / STAGES / self.application.name
        found: dict[str, list[str]] = {}

        def add(needs: object) -> None:
            for name, fingerprint in needs.items() if isinstance(needs, dict) else ():
                if fingerprint not in found:
                    stage = self._read(folder / f"{name}-{fingerprint[:12]}" / EXPERIMENT)
                    add(stage.get("stages"))
                    found[fingerprint] = [re.sub("\0(.*?)\0", r"<\1>", text) for text in stage.get("command") or []]

        add((self.choice.best.record or {}).get("stages"))
        return list(found.values())

    @property
    def measurements(self) -> list[Measurement]:
        """The metrics of the best point, the primary one first: their means over the submitted runs."""
        declared = self.study.plan["application"].get("metrics") or {}
        runs = self.choice.submitted
        found = []
        for metric in sorted(self.study.metrics, key=lambda each: each is not self.choice.metric):
            measured = value_of([run.metrics[metric.name] for run in runs if metric.name in run.metrics])
            if measured is not None:
                value = value_json(measured)
                reference = self.request.references.get(metric.name, (declared.get(metric.name) or {}).get("target"))
                found.append(
                    Measurement(metric.title, metric.unit, reference, value["mean"], value["low"], value["high"])
                )
        return found

    @property
    def parameters(self) -> dict[str, Any]:
        """All parameters of the first of the submitted runs."""
        return self.choice.best.parameters

    @property
    def notes(self) -> list[str]:
        """What a reviewer will ask for and a program cannot make."""
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
    """Gather a submission of a study's best point.

    Raises
    ------
    InputError
        If something is missing that no submission is without; each by its name.
    FairmeshError
        If no run has a result, or one of the logs is missing or was changed.
    """
    choice = choose(study)
    measured = dict.fromkeys(name for run in choice.submitted for name in run.metrics)
    unknown = [name for name in request.references if name not in measured]
    if unknown:
        allowed = ", ".join(measured)
        raise InputError(Problem(f"no metric {name!r} was measured", "--reference", allowed) for name in unknown)
    logs = [read_log(each) for each in choice.submitted]
    found = study.plan["application"]
    own = {"benchmark": found["name"], "version": identity.Application(found["name"], found["version"]).tagged}
    given = own | {"division": identity.DIVISION} | _agreed(logs) | dict(request.given)
    problems = [Problem(text, "missing") for text in identity.missing(given)]
    if problems:
        raise InputError(problems)
    if not re.fullmatch("[0-9a-f]{40}", given[identity.COMMIT]):
        raise InputError([Problem(_bad_commit(given[identity.COMMIT]), "--commit")])
    return Submission(study, request, choice, logs, given)


def _agreed(logs: list[Log]) -> dict[str, str]:
    """Return what all logs say of who submits what.

    Raises
    ------
    FairmeshError
        If they were made by different commits.
    """
    said = [log.submission() for log in logs]
    commits = {each.get(identity.COMMIT, "") for each in said}
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
    """Return a name that is a folder's everywhere.

    >>> _folder_name("University of Virginia/BII")
    'university-of-virginia-bii'
    """
    plain = re.sub(r"[^a-z0-9._=+]+", "-", text.lower()).strip("-.")
    if not plain:
        raise InputError([Problem(f"{text!r} holds no letter or digit to name a folder with", "--to")])
    return plain[:100]
