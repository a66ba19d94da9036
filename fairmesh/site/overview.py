"""A website as a whole: its title, what was measured, how to cite it, and how to measure again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fairmesh.identifiers import is_web_url
from fairmesh.printing import count_text
from fairmesh.site.metadata import Citation
from fairmesh.site.project import SiteProject
from fairmesh.site.view import StudyView

_UNTITLED = "Benchmark results"
_STUDY_FILES = "studies"  # below config


@dataclass(frozen=True)
class Overview:
    """A website as a whole.

    Parameters
    ----------
    project : SiteProject
        What the project gives.
    views : sequence of StudyView
        The studies, the newest first.
    """

    project: SiteProject
    views: Sequence[StudyView]

    @property
    def title(self) -> str:
        """The title of the website."""
        given = (self.project.website.title, self.project.publisher.title, *self._published("title"))
        return next(filter(None, given), _UNTITLED)

    @property
    def description(self) -> str:
        """What the website is about, as given, or else what was measured."""
        return self.project.website.description or self._summary

    @property
    def _summary(self) -> str:
        done = sum(len(view.study.done) for view in self.views)
        return f"Results of {count_text(done, 'experiment')} with {', '.join(self.applications)}." if done else ""

    @property
    def address(self) -> str:
        """The address of the published website, with a slash at the end; empty if it is unknown."""
        given = filter(is_web_url, (self.project.publisher.url, *self._published("url")))
        return next((f"{address.rstrip('/')}/" for address in given), "")

    def _published(self, key: str) -> Iterator[str]:
        """Yield what the plans of the studies say about their publisher."""
        return (str((view.study.plan.get("publisher") or {}).get(key) or "") for view in self.views)

    @property
    def applications(self) -> list[str]:
        """Title and version of each application."""
        return list(
            dict.fromkeys(f"{view.application['title']} (version {view.application['version']})" for view in self.views)
        )

    @property
    def facts(self) -> dict[str, str]:
        """What was measured, by heading; facts without a value are left out."""
        done, planned = (
            sum(len(experiments) for experiments in lists)
            for lists in (
                [view.study.done for view in self.views],
                [view.study.experiments for view in self.views],
            )
        )
        facts = {
            "Programs" if len(self.applications) > 1 else "Program": ", ".join(self.applications),
            "Studies": str(len(self.views)),
            "Experiments": str(done) if done == planned else f"{done} of {planned}",
            "Machines" if len(self._machines) > 1 else "Machine": "; ".join(self._machines),
            "Measured": self._dates,
        }
        return {heading: text for heading, text in facts.items() if text}

    @cached_property
    def _machines(self) -> list[str]:
        """The machines, each with its processor and accelerators as far as known."""
        known: dict[str, str] = {}
        for view in self.views:
            first = {outcome.machine: outcome for outcome in reversed(view.study.done)}
            for name, outcome in first.items():
                known.setdefault(name, _hardware(view.study.environment(outcome)))
        return [f"{name} ({hardware})" if hardware else name for name, hardware in known.items()]

    @property
    def _dates(self) -> str:
        """The first and the last day on which an experiment ended."""
        records = (outcome.record or {} for view in self.views for outcome in view.study.done)
        days = sorted(day for record in records if (day := str(record.get("ended") or "")[:10]))
        return " to ".join(dict.fromkeys((days[0], days[-1]))) if days else ""

    @cached_property
    def citation(self) -> Citation | None:
        """How to cite the only study, or all of them by the title of the website; None without studies."""
        if not self.views:
            return None
        newest = Citation.of(self.views[0])
        if len(self.views) == 1:
            return newest
        return replace(newest, study="", title=self.title, version="", identifier=self.address)

    @cached_property
    def repository(self) -> str:
        """The address to clone the project from; empty if it is unknown."""
        recorded = (str(_code(view).get("repository") or "") for view in self.views)
        return next((address for address in (self.project.website.repository, *recorded) if is_web_url(address)), "")

    @property
    def commands(self) -> list[str]:
        """The commands that measure everything again."""
        name = self.repository.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")
        clone = [f"git clone {shlex.quote(self.repository)}", f"cd {shlex.quote(name)}"] if self.repository else []
        runs = [f"fairmesh run {shlex.quote(_study_argument(view, self.project.root))}" for view in self.views]
        return [*clone, *self.project.website.install, *runs]

    @property
    def results(self) -> str:
        """The folder of the newest study, relative to the project's folder as far as known."""
        folder = self.views[0].study.folder
        return shlex.quote(str(Path(folder.parent.name) / folder.name))


def _hardware(environment: dict[str, Any]) -> str:
    """Return processor and accelerators of an environment."""
    processor, gpus = environment.get("processor"), environment.get("gpus")
    name = processor.get("name") if isinstance(processor, dict) else ""
    return ", ".join(filter(None, map(str, [name or "", *dict.fromkeys(gpus if isinstance(gpus, list) else [])])))


def _code(view: StudyView) -> dict[str, Any]:
    """Return what the first result has recorded about the code of its project."""
    code = view.study.environment(view.study.done[0]).get("code") if view.study.done else None
    project = code.get("project") if isinstance(code, dict) else None
    return project if isinstance(project, dict) else {}


def _study_argument(view: StudyView, root: Path) -> str:
    """Return how ``fairmesh run`` takes a study: its name, or its file if that lies elsewhere in the project."""
    source = Path(str(view.study.plan.get("source") or view.study.name))
    if source.parent.name == _STUDY_FILES or not source.is_relative_to(root.resolve()):
        return view.study.name
    return f"./{source.relative_to(root.resolve())}"
