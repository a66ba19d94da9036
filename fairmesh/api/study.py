"""A study: its file, plan, runs and results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from fairmesh.api.project import Project
from fairmesh.api.run import Run
from fairmesh.dispatch.placed import result_finder
from fairmesh.jobs.paths import StudyPaths
from fairmesh.names import plain_text
from fairmesh.printing import count_text, html_table
from fairmesh.project import is_path
from fairmesh.results import StudyResults, load_study
from fairmesh.results.machines import MachineComparison, compare_machines
from fairmesh.status import StudyStatus, read_status
from fairmesh.status.launch import PROFILE
from fairmesh.study import load_plan
from fairmesh.study.plan import Plan
from fairmesh.study.selection import PlanSelection

if TYPE_CHECKING:
    import pandas as pd

    from fairmesh.workflow.estimate import Estimate


class RunOptions(TypedDict, total=False):
    """The options of a run: see the configuration's keys of these names."""

    where: str
    part: str
    first: int | None
    set: Mapping[str, Any]
    probe: bool
    again: bool
    wait: bool


_HOW = ("probe", "again", "wait")  # options that do not select experiments


@dataclass(frozen=True)
class Study:
    """A study that was read from a valid file.

    Parameters
    ----------
    name, title, application : str
        From the file.
    source : Path
        The file.
    project : Project
        The project.

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
            A name in config/studies, or the path of a study file, relative to the project folder if that is given.
        folder : str or Path, optional
            The project folder; by default the nearest one upward from the current folder.
        machine : str
            The machine to plan for.

        Raises
        ------
        InputError
            With all mistakes in the file and in its application.
        """
        project = Project.of(folder)
        given = Path(folder or "", study).absolute() if isinstance(study, Path) or is_path(study) else study
        plan = load_plan(given, project.folder, machine, has_result=result_finder(project.results))
        return cls(plan.study, plan.title, plan.application.name, plan.source, project, plan)

    @property
    def paths(self) -> StudyPaths:
        """The paths of its results."""
        return StudyPaths(self.project.results, self.name)

    def plan(
        self,
        where: str = "",
        part: str = "",
        first: int | None = None,
        set: Mapping[str, Any] | None = None,  # noqa: A002  the word of the configuration
        machine: str = "",
    ) -> Plan:
        """Return the experiments in order, or a selection of them.

        Parameters
        ----------
        where : str
            Only experiments for which this expression is true.
        part : str
            ``K/N``: the K-th of N parts.
        first : int, optional
            The largest number of experiments.
        set : mapping, optional
            Values that replace those in the file, by the name of the axis.
        machine : str
            The machine to plan for; by default the one with which the study was loaded.

        Raises
        ------
        InputError
            If no experiment is selected, or an argument is not valid.
        """
        plan = self._plan
        if set or machine:
            has_result = result_finder(self.project.results)
            plan = load_plan(
                self.source, self.project.folder, machine or plan.machine, dict(set or {}), has_result=has_result
            )
        return PlanSelection(where, part, first).of(plan)

    def run(self, profile: str = PROFILE, **options: Unpack[RunOptions]) -> Run:
        """Start a run, like ``fairmesh.run``."""
        return run(self, profile, **options)

    def estimate(self, profile: str = PROFILE, **options: Any) -> Estimate:
        """Estimate what the experiments that would run will use, like ``fairmesh.estimate``."""
        import fairmesh  # noqa: PLC0415  the estimate is in a higher layer

        return fairmesh.estimate(self, profile, **options)

    def last_run(self) -> Run:
        """Return the run that was started last, by any process.

        Raises
        ------
        InputError
            If there was none.
        """
        return Run.of(self.name, folder=self.project.folder)

    def status(self) -> StudyStatus:
        """Return its current status.

        Raises
        ------
        FairmeshError
            If it was never run.
        """
        return read_status(self.paths)

    def outcomes(self) -> StudyResults:
        """Return its results as objects: every planned point with its record, or the reason why it has none."""
        return load_study(self.project.results, self.name)

    def compare_machines(self, reference: str = "") -> MachineComparison:
        """Compare its machines over the points that they have in common, like ``fairmesh compare --by machine``.

        Parameters
        ----------
        reference : str
            The machine that the others are compared with; by default the first one with results.

        Raises
        ------
        InputError
            If fewer than two machines have results, or the reference has none.
        """
        return compare_machines(self.outcomes(), reference)

    def results(self) -> pd.DataFrame:
        """Return its results as a frame, like ``fairmesh.load_results``."""
        from fairmesh.results.table import load_results  # noqa: PLC0415  pandas takes half a second

        return load_results(self.paths.folder)

    def _repr_html_(self) -> str:
        axes = [(name, ", ".join(map(plain_text, values))) for name, values in self._plan.axes.items()]
        about = f"{self.application}, {count_text(len(self._plan), 'experiment')}, {self._plan.cost}"
        return f"<b>{escape(self.title)}</b><br>{escape(about)}{html_table(('axis', 'values'), axes)}"


def run(
    study: Study | str | Path,
    profile: str = PROFILE,
    *,
    folder: str | Path | None = None,
    key: str = "",
    snakemake: Sequence[str] = (),
    **options: Unpack[RunOptions],
) -> Run:
    """Start a run of a study without waiting for it; it continues when this process ends.

    Parameters
    ----------
    study : Study, str or Path
        A study, a name in config/studies, or the path of a study file.
    profile : str
        The name or the folder of a Snakemake profile.
    folder : str or Path, optional
        The project folder; by default that of the study, or the nearest one upward from the current folder.
    key : str
        Idempotency key: the same key returns the same run.
    snakemake : sequence of str
        Further arguments of Snakemake.
    **options
        ``where``, ``part``, ``first`` and ``set`` select experiments, as in the configuration; ``probe`` runs the
        cheapest of each kind first; ``again`` also runs experiments that have a result, which becomes history; ``wait``
        waits for the end of another run of the study.

    Raises
    ------
    BusyError
        If a run of the study is in progress.
    InputError
        If the study, the profile or the selection is not valid.

    Examples
    --------
    >>> import fairmesh
    >>> run = fairmesh.run("quick", profile="profiles/slurm", where="epochs > 1")  # doctest: +SKIP
    """
    loaded = study if isinstance(study, Study) else Study.load(study, folder)
    config = {name: value for name, value in options.items() if value}
    loaded.plan(**{name: value for name, value in config.items() if name not in _HOW})  # type: ignore[arg-type]
    return Run.start(loaded.project, loaded.name, loaded.source, profile, config, key, snakemake)
