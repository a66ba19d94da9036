"""A study, from its file to its plan, its runs and its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from fairmesh.api.launching import launch
from fairmesh.api.project import Project
from fairmesh.api.running import Run
from fairmesh.jobs.paths import StudyPaths
from fairmesh.names import plain_text
from fairmesh.printing import html_table
from fairmesh.results import StudyResults, load_study
from fairmesh.status import StudyStatus, read_status
from fairmesh.status.launch import PROFILE
from fairmesh.study import load_plan
from fairmesh.study.plan import Plan
from fairmesh.study.selection import PlanSelection

if TYPE_CHECKING:
    import pandas as pd


class Wishes(TypedDict, total=False):
    """Which experiments of a study: see the configuration's keys of these names."""

    where: str
    part: str
    first: int | None
    set: Mapping[str, Any]
    probe: bool
    wait: bool


_HOW = ("probe", "wait")  # wishes that do not choose experiments


@dataclass(frozen=True)
class Study:
    """A study that was read from its file, and found to be right.

    Parameters
    ----------
    name, title, application : str
        From the file.
    source : Path
        The file.
    project : Project
        Where it is run.

    Examples
    --------
    >>> import fairmesh
    >>> study = fairmesh.Study.load("quick")  # doctest: +SKIP
    >>> study.plan(where="epochs > 1").cost.cpu_hours  # doctest: +SKIP
    2.0
    """

    name: str
    title: str
    application: str
    source: Path
    project: Project
    _plan: Plan = field(repr=False, compare=False)

    @classmethod
    def load(cls, study: str | Path, folder: str | Path | None = None, machine: str = "local") -> Study:
        """Load a study.

        Parameters
        ----------
        study : str or Path
            A name in config/studies, or the path of a study file.
        folder : str or Path, optional
            The working folder; this process's by default.
        machine : str
            Where it would run.

        Raises
        ------
        InputError
            With all mistakes of the file, and of its application.
        """
        project = Project.of(folder)
        given = project.folder / study if isinstance(study, Path) or "/" in study or study.endswith(".yaml") else study
        plan = load_plan(given, project.root, machine)
        return cls(plan.study, plan.title, plan.application.name, plan.source, project, plan)

    @property
    def paths(self) -> StudyPaths:
        """Where its results are."""
        return StudyPaths(self.project.results, self.name)

    def plan(
        self,
        where: str = "",
        part: str = "",
        first: int | None = None,
        set: Mapping[str, Any] | None = None,  # noqa: A002  the word of the configuration
        machine: str = "",
    ) -> Plan:
        """Return the experiments in order, or some of them.

        Parameters
        ----------
        where : str
            Those for which this expression is true.
        part : str
            ``K/N``: the K-th of N parts.
        first : int, optional
            At most so many.
        set : mapping, optional
            Values in place of the file's, by the name of the axis.
        machine : str
            Where they would run; that with which the study was loaded by default.

        Raises
        ------
        InputError
            If nothing is selected, or something cannot be understood.
        """
        plan = self._plan
        if set or machine:
            plan = load_plan(self.source, self.project.root, machine or plan.machines[0], dict(set or {}))
        return PlanSelection(where, part, first).of(plan)

    def run(self, profile: str = PROFILE, **wishes: Unpack[Wishes]) -> Run:
        """Start a run of it, like ``fairmesh.run``."""
        return run(self, profile, **wishes)

    def last_run(self) -> Run:
        """Return the run that was started last, whoever did.

        Raises
        ------
        InputError
            If there was none.
        """
        return Run.of(self.name, folder=self.project.folder)

    def status(self) -> StudyStatus:
        """Return how it stands now.

        Raises
        ------
        FairmeshError
            If it was never run.
        """
        return read_status(self.paths)

    def outcomes(self) -> StudyResults:
        """Return its results as objects: every planned point, with its record or with why it has none."""
        return load_study(self.project.results, self.name)

    def results(self) -> pd.DataFrame:
        """Return its results as a frame, as ``fairmesh.results`` does."""
        from fairmesh.results.frame import frame  # noqa: PLC0415  pandas takes half a second

        return frame(self.paths.folder)

    def _repr_html_(self) -> str:
        axes = [(name, ", ".join(map(plain_text, values))) for name, values in self._plan.axes.items()]
        about = f"{self.application}, {len(self._plan)} experiments, {self._plan.cost}"
        return f"<b>{escape(self.title)}</b><br>{escape(about)}{html_table(('axis', 'values'), axes)}"


def run(
    study: Study | str | Path,
    profile: str = PROFILE,
    *,
    folder: str | Path | None = None,
    key: str = "",
    snakemake: Sequence[str] = (),
    **wishes: Unpack[Wishes],
) -> Run:
    """Start a run of a study, and give it at once; it goes on when this process ends.

    Parameters
    ----------
    study : Study, str or Path
        What to run: a study, a name in config/studies, or a study file.
    profile : str
        Where: the folder of a profile of Snakemake's.
    folder : str or Path, optional
        The working folder; this process's, or that of the study, by default.
    key : str
        Names this wish: the same key gives the same run, however often it is asked for.
    snakemake : sequence of str
        Further arguments of Snakemake's.
    **wishes
        ``where``, ``part``, ``first`` and ``set`` say which experiments, as in the configuration; ``probe`` to run the
        cheapest of each kind first; ``wait`` to wait for the end of another run of the study.

    Raises
    ------
    BusyError
        If a run of the study goes on.
    InputError
        If the study, the profile or the selection is wrong.

    Examples
    --------
    >>> import fairmesh
    >>> run = fairmesh.run("quick", profile="profiles/slurm", where="epochs > 1")  # doctest: +SKIP
    """
    loaded = study if isinstance(study, Study) else Study.load(study, folder)
    config = {name: value for name, value in wishes.items() if value}
    loaded.plan(**{name: value for name, value in config.items() if name not in _HOW})  # type: ignore[arg-type]
    return launch(loaded.project, loaded.name, loaded.source, profile, config, key, snakemake)
