"""Estimate what a study will use: requested hours; time, memory, storage, energy and cost from earlier results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict, Unpack

from fairmesh.api.study import Study
from fairmesh.errors import InputError, Problem, nearest
from fairmesh.jobs.lookup import FolderState, folder_state
from fairmesh.jobs.paths import StudyPaths
from fairmesh.project import MACHINES, find_profile, own_or_installed
from fairmesh.results.estimates.backtest import BackTest, back_test
from fairmesh.results.estimates.estimator import LEVEL, Estimator
from fairmesh.results.estimates.quantities import QUANTITIES, SECONDS
from fairmesh.results.estimates.totals import Total, add_totals
from fairmesh.results.past_results import PastResult, load_past_results, stage_seconds
from fairmesh.runner.protocol import RECORDS, marker_name
from fairmesh.status.launch import PROFILE
from fairmesh.study import Experiment, Plan
from fairmesh.study.cost import Cost, processors, total_cost
from fairmesh.study.machines import Machine, load_machines
from fairmesh.study.plan import StageInstance
from fairmesh.workflow.configuration import Profile, read_profile, reruns_other_code
from fairmesh.workflow.forecast import forecast
from fairmesh.workflow.machine_estimate import ExperimentEstimate, MachineEstimate, MachineEstimator, target_of

EXCLUSIVE = "exclusive"


class SelectionOptions(TypedDict, total=False):
    """The options that select experiments: see the configuration's keys of these names."""

    where: str
    part: str
    first: int | None
    set: Mapping[str, Any]


@dataclass(frozen=True)
class Estimate:
    """What the experiments that would run will probably use.

    Parameters
    ----------
    plan : Plan
        The plan with its selection.
    profile : Profile
        The profile of the run.
    to_run : list of Experiment
        The selected experiments without a result.
    machines : list of MachineEstimate
        The estimates by machine.
    stages : dict of str to float or None
        The shared stages that would run, with the seconds of each if known.
    estimators : dict of str to Estimator
        By the name of the quantity.
    problems : list of str
        The earlier results that cannot be read.
    """

    plan: Plan
    profile: Profile
    to_run: Sequence[Experiment]
    machines: list[MachineEstimate]
    stages: dict[str, float | None]
    estimators: dict[str, Estimator] = field(repr=False)
    problems: list[str]
    level = LEVEL

    @property
    def experiments(self) -> list[ExperimentEstimate]:
        """The estimates of the experiments."""
        return [experiment for machine in self.machines for experiment in machine.experiments]

    @property
    def asked(self) -> Cost:
        """The hours of processors and GPUs that the experiments request."""
        return total_cost(self.to_run)

    @property
    def seconds(self) -> Total:
        """The sum of the run times."""
        return add_totals(machine.seconds for machine in self.machines)

    @property
    def wall(self) -> Total:
        """The time from start to end without waiting in a queue: that of the machine that takes longest."""
        known = [machine.wall for machine in self.machines if machine.wall.value is not None]
        return max(
            known, key=lambda wall: (wall.high or 0.0, wall.value or 0.0), default=Total(unknown=len(self.to_run))
        )

    @property
    def remarks(self) -> dict[str, int]:
        """What lies beyond the measurements, with the number of experiments."""
        return dict(Counter(remark for experiment in self.experiments for remark in experiment.seconds.remarks))

    @property
    def reasons(self) -> dict[str, int]:
        """Why experiments have no estimate, or one without interval, with the number of experiments."""
        return dict(Counter(experiment.seconds.why for experiment in self.experiments if experiment.seconds.why))

    @property
    def law(self) -> str:
        """The law that was fitted to run times, if an estimate is based on it."""
        used = any(experiment.seconds.basis == "fit" for experiment in self.experiments)
        return self.estimators[SECONDS.name].law if used else ""

    @cached_property
    def back_tests(self) -> dict[str, BackTest]:
        """The estimates of earlier results from the others, against what was measured."""
        return {name: back_test(estimator) for name, estimator in self.estimators.items()}

    @property
    def rests_on(self) -> list[PastResult]:
        """The earlier results that the estimate of time is based on, without duplicates."""
        estimator = self.estimators[SECONDS.name]
        results: dict[int, PastResult] = {}
        for target in {target.key: target for target in self._targets}.values():
            results |= {id(result): result for result in estimator.rests_on(target)}
            if len(results) == len(estimator.past):
                break
        return list(results.values())

    @property
    def _targets(self) -> Iterable[Any]:
        known = (experiment for experiment in self.experiments if experiment.seconds.value is not None)
        return (target_of(experiment.experiment, self.plan.application) for experiment in known)

    @property
    def sources(self) -> dict[tuple[str, str], int]:
        """The number of earlier results by study and machine."""
        return dict(Counter((result.study, result.machine) for result in self.rests_on))

    def to_json(self, with_experiments: bool = True) -> dict[str, Any]:
        """Return JSON-compatible data.

        Parameters
        ----------
        with_experiments : bool
            Whether the estimate of each experiment is included.
        """
        asked = self.asked
        experiments = (
            {"experiments": [experiment.to_json() for experiment in self.experiments]} if with_experiments else {}
        )
        return {
            "study": self.plan.study,
            "machine": self.profile.machine,
            "selected": len(self.plan.selected),
            "to_run": len(self.to_run),
            "asked": {"cpu_hours": asked.cpu_hours, "gpu_hours": asked.gpu_hours, "without_runtime": asked.without},
            "level": LEVEL / 100,
            "seconds": self.seconds.to_json(),
            "wall": self.wall.to_json(),
            "machines": [machine.to_json() for machine in self.machines],
            "stages": self.stages,
            "basis": dict(
                Counter(
                    experiment.seconds.basis for experiment in self.experiments if experiment.seconds.value is not None
                )
            ),
            "remarks": self.remarks,
            "reasons": self.reasons,
            "law": self.law,
            "back_tests": {name: test.to_json() for name, test in self.back_tests.items()},
            "rests_on": [
                {"study": study, "machine": machine, "count": count} for (study, machine), count in self.sources.items()
            ],
            **experiments,
        }


def estimate(
    plan: Plan,
    results: Path,
    profile: Profile,
    reruns_other_code: bool = False,
    machines: Mapping[str, Machine] | None = None,
    studies: Iterable[str] = (),
) -> Estimate:
    """Estimate the cost of the selected experiments without a result.

    Parameters
    ----------
    plan : Plan
        The plan, expanded for the machine of the profile.
    results : Path
        The folder of earlier results.
    profile : Profile
        The profile of the run.
    reruns_other_code : bool
        Whether results that were measured with other code are measured again.
    machines : mapping of str to Machine, optional
        The machines by name.
    studies : iterable of str
        Only results of these studies count; of all without any.
    """
    paths = StudyPaths(results, plan.study)
    to_run = [prediction.experiment for prediction in forecast(plan, paths, reruns_other_code) if prediction.why]
    problems = list[str]()
    application = plan.application
    defaults = {
        name: parameter.default if parameter.has_default else None for name, parameter in application.parameters.items()
    }
    past = load_past_results(results, application.name, application.seed or "", problems, studies, defaults)
    estimators = {quantity.name: Estimator(quantity, past) for quantity in QUANTITIES}
    stages = _stages(plan, to_run, paths, problems)
    by_machine: dict[str, list[Experiment]] = {}
    for experiment in to_run:
        by_machine.setdefault(experiment.machine, []).append(experiment)
    machine_estimator = MachineEstimator(estimators, application)
    before = sum(seconds for seconds in stages.values() if seconds)
    estimates = [
        machine_estimator.estimate(
            name, settings, experiments, at_once(plan.measure, profile, name, settings, experiments), before
        )
        for name, experiments in by_machine.items()
        for settings in [(machines or {}).get(name)]
    ]
    return Estimate(plan, profile, to_run, estimates, stages, estimators, problems)


def at_once(
    measure: str, profile: Profile, machine: str, settings: Machine | None, experiments: Sequence[Experiment]
) -> int:
    """Return the number of experiments that can run on a machine at the same time."""
    most = len(experiments)
    if settings and settings.is_remote:
        return max(1, min(most, settings.instances if measure == EXCLUSIVE else settings.capacity))
    if machine != profile.machine and settings and settings.kind == "profile":
        return max(1, most)
    if profile.executor and machine == profile.machine:
        return max(1, min(most, profile.jobs or most))
    if measure == EXCLUSIVE or not experiments:
        return 1
    largest = max(processors(experiment.resources) for experiment in experiments)
    return max(1, min(most, profile.cores // largest))


def estimate_plan(
    plan: Plan, project: Path, results: Path, profile: str | Path, studies: Iterable[str] = ()
) -> Estimate:
    """Estimate a plan in a project.

    Parameters
    ----------
    plan : Plan
        The plan, expanded for the machine of the profile.
    project, results : Path
        The project folder, and the folder of earlier results.
    profile : str or Path
        The name or the folder of a profile.
    studies : iterable of str
        Only results of these studies count; of all without any.
    """
    settings = read_profile(find_profile(str(profile), project))
    machines = load_machines(own_or_installed(project, MACHINES))
    return estimate(plan, results, settings, reruns_other_code(plan, project), machines, studies)


def estimate_study(
    study: Study | str | Path,
    profile: str = PROFILE,
    *,
    folder: str | Path | None = None,
    machine: str = "",
    studies: Iterable[str] = (),
    **selection: Unpack[SelectionOptions],
) -> Estimate:
    """Estimate what the experiments of a study that would run will use, like ``fairmesh estimate``.

    Parameters
    ----------
    study : Study, str or Path
        A study, a name in config/studies, or the path of a study file.
    profile : str
        The name or the folder of a profile.
    folder : str or Path, optional
        The project folder; by default that of the study, or the nearest one upward from the current folder.
    machine : str
        The machine to plan for in place of that of the profile.
    studies : iterable of str
        Only results of these studies count; of all without any.
    **selection
        ``where``, ``part``, ``first`` and ``set`` select experiments, as in the configuration.

    Raises
    ------
    InputError
        If the study, the profile, the machine or the selection is not valid.

    Examples
    --------
    >>> import fairmesh
    >>> expected = fairmesh.Study.load("quick").estimate()  # doctest: +SKIP
    >>> expected.wall.value, expected.wall.low, expected.wall.high  # doctest: +SKIP
    (431.2, 402.9, 466.0)
    """
    loaded = study if isinstance(study, Study) else Study.load(study, folder)
    project = loaded.project
    settings = read_profile(find_profile(profile, project.folder))
    machines = load_machines(own_or_installed(project.folder, MACHINES))
    if machine:
        check_machine(machine, machines)
    given = list(studies)
    check_sources(project.results, given)
    plan = loaded.plan(machine=machine or settings.machine, **selection)
    reruns = reruns_other_code(plan, project.folder)
    return estimate(plan, project.results, settings, reruns, machines, given)


def check_machine(name: str, machines: Mapping[str, Machine]) -> None:
    """Check that a machine is known.

    Raises
    ------
    InputError
        If it is not.
    """
    if name not in machines:
        message = f"{MACHINES} names no machine {name!r}"
        raise InputError([Problem(message, "--machine", ", ".join(machines), nearest(name, machines))])


def check_sources(results: Path, studies: Sequence[str]) -> None:
    """Check that studies have results.

    Raises
    ------
    InputError
        If one has none.
    """
    known = sorted(path.parent.name for path in results.glob(f"*/{RECORDS}"))
    for study in studies:
        if study not in known:
            message = f"there are no results of {study!r} in {results}"
            raise InputError([Problem(message, "--from", ", ".join(known), nearest(study, known))])


def _stages(
    plan: Plan, to_run: Sequence[Experiment], paths: StudyPaths, problems: list[str]
) -> dict[str, float | None]:
    """Return the shared stages without a result, with the median time of earlier stages of the same name."""
    if not plan.stages:
        return {}
    application = plan.application.name
    times = stage_seconds(paths.home, application, problems)

    def has_result(stage: StageInstance) -> bool:
        job = paths.stage_job(application, marker_name(stage.name, stage.fingerprint))
        return folder_state(job, stage.fingerprint) is FolderState.COMMIT

    needed = plan.needed_stages(to_run, has_result)
    return {marker_name(stage.name, stage.fingerprint): times.get(stage.name) for stage in needed}
