"""Estimate the cost of a study: requested hours, and time and energy from earlier results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh.jobs.lookup import FolderState, folder_state
from fairmesh.jobs.paths import StudyPaths
from fairmesh.results.past_results import ExpectedCost, PastResult, PastResults, load_past_results, stage_seconds
from fairmesh.runner.protocol import marker_name
from fairmesh.study import Experiment, Plan
from fairmesh.study.cost import Cost, processors, total_cost
from fairmesh.study.plan import StageInstance
from fairmesh.workflow.configuration import Profile
from fairmesh.workflow.forecast import forecast

EXCLUSIVE = "exclusive"


@dataclass(frozen=True)
class Estimate:
    """The expected cost of the experiments that would run.

    Parameters
    ----------
    plan : Plan
        The plan with its selection.
    profile : Profile
        The profile of the run.
    to_run : list of Experiment
        The selected experiments without a result.
    expected : list of ExpectedCost or None
        The expected cost of each of them; None if unknown.
    stages : dict of str to float or None
        The shared stages that would run, with the seconds of each if known.
    problems : list of str
        The earlier results that cannot be read.
    """

    plan: Plan
    profile: Profile
    to_run: Sequence[Experiment]
    expected: Sequence[ExpectedCost | None]
    stages: dict[str, float | None]
    problems: list[str]

    @property
    def known(self) -> list[ExpectedCost]:
        """The expected costs that are known."""
        return [cost for cost in self.expected if cost]

    @property
    def asked(self) -> Cost:
        """The hours of processors and GPUs that the experiments request."""
        return total_cost(self.to_run)

    @property
    def seconds(self) -> float | None:
        """The sum of all known times."""
        return sum(cost.seconds for cost in self.known) if self.known else None

    @property
    def core_hours(self) -> float | None:
        """The processor hours, if the experiments use all requested processors."""
        if not self.known:
            return None
        pairs = zip(self.to_run, self.expected, strict=True)
        return sum(cost.seconds * processors(job.resources) for job, cost in pairs if cost) / 3600

    @property
    def at_once(self) -> int:
        """The number of experiments that can run at the same time."""
        most = len(self.to_run)
        if self.profile.executor:
            return max(1, min(most, self.profile.jobs or most))
        if self.plan.measure == EXCLUSIVE or not self.to_run:
            return 1
        largest = max(processors(experiment.resources) for experiment in self.to_run)
        return max(1, min(most, self.profile.cores // largest))

    @property
    def wall_seconds(self) -> float | None:
        """The time from start to end without waiting in a queue, from all known times."""
        if self.seconds is None:
            return None
        stages = sum(seconds for seconds in self.stages.values() if seconds)
        return stages + max(self.seconds / self.at_once, *(cost.seconds for cost in self.known))

    @property
    def energy_j(self) -> float | None:
        """The sum of all known energies."""
        energies = [cost.energy_j for cost in self.known if cost.energy_j is not None]
        return sum(energies) if energies else None

    @property
    def rests_on(self) -> list[PastResult]:
        """The earlier results that the estimate is based on, without duplicates."""
        return list({id(result): result for cost in self.known for result in cost.rests_on}.values())

    def to_json(self) -> dict[str, Any]:
        """Return JSON-compatible data; hours and seconds are sums of known values."""
        known, asked = self.known, self.asked
        return {
            "study": self.plan.study,
            "machine": self.profile.machine,
            "selected": len(self.plan.selected),
            "to_run": len(self.to_run),
            "asked": {"cpu_hours": asked.cpu_hours, "gpu_hours": asked.gpu_hours, "without_runtime": asked.without},
            "expected": {
                "experiments": len(known),
                "unknown": len(self.expected) - len(known),
                "seconds": self.seconds,
                "core_hours": self.core_hours,
                "at_once": self.at_once,
                "wall_seconds": self.wall_seconds,
                "energy_j": self.energy_j,
                "energy_of": sum(cost.energy_j is not None for cost in known),
                "stages": self.stages,
            },
            "rests_on": {
                "likeness": dict(Counter(cost.likeness for cost in known)),
                "scaled": sum(cost.is_scaled for cost in known),
                "records": [
                    {"study": study, "machine": machine, "count": count}
                    for (study, machine), count in self.sources.items()
                ],
                "energy_methods": self.energy_methods,
            },
        }

    @property
    def sources(self) -> dict[tuple[str, str], int]:
        """The number of earlier results by study and machine."""
        return dict(Counter((result.study, result.machine) for result in self.rests_on))

    @property
    def energy_methods(self) -> list[str]:
        """The methods by which the energy of the earlier results was measured."""
        return sorted({result.energy_method for result in self.rests_on if result.energy_j is not None})


def estimate(plan: Plan, results: Path, profile: Profile, reruns_other_code: bool = False) -> Estimate:
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
    """
    paths = StudyPaths(results, plan.study)
    to_run = [prediction.experiment for prediction in forecast(plan, paths, reruns_other_code) if prediction.why]
    seed = plan.application.seed or ""
    problems = list[str]()
    memory = PastResults(load_past_results(results, plan.application.name, seed, problems), profile.machine, seed)
    stages = _stages(plan, to_run, paths, problems)
    return Estimate(plan, profile, to_run, [memory.expect(experiment) for experiment in to_run], stages, problems)


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
