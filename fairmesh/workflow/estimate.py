"""What a study will take: the hours it asks for, and time and energy as earlier results let expect."""

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
    """What is expected of the experiments that would run.

    Parameters
    ----------
    plan : Plan
        With what is selected.
    profile : Profile
        Where it would run.
    to_run : list of Experiment
        Those that have no result yet.
    expected : list of ExpectedCost or None
        For each of them; None where nothing is known.
    stages : dict of str to float or None
        The shared stages that would run, with how long each takes if that is known.
    problems : list of str
        The earlier results that are there and cannot be read.
    """

    plan: Plan
    profile: Profile
    to_run: Sequence[Experiment]
    expected: Sequence[ExpectedCost | None]
    stages: dict[str, float | None]
    problems: list[str]

    @property
    def known(self) -> list[ExpectedCost]:
        """What is expected where something is."""
        return [cost for cost in self.expected if cost]

    @property
    def asked(self) -> Cost:
        """The hours of processors and GPUs that the experiments ask for."""
        return total_cost(self.to_run)

    @property
    def seconds(self) -> float | None:
        """The time of all that something is known of, one after another."""
        return sum(cost.seconds for cost in self.known) if self.known else None

    @property
    def core_hours(self) -> float | None:
        """The hours of processors that they will use, if they use what they ask for."""
        if not self.known:
            return None
        pairs = zip(self.to_run, self.expected, strict=True)
        return sum(cost.seconds * processors(job.resources) for job, cost in pairs if cost) / 3600

    @property
    def at_once(self) -> int:
        """How many experiments can run at the same time."""
        most = len(self.to_run)
        if self.profile.executor:
            return max(1, min(most, self.profile.jobs or most))
        if self.plan.measure == EXCLUSIVE or not self.to_run:
            return 1
        largest = max(processors(experiment.resources) for experiment in self.to_run)
        return max(1, min(most, self.profile.cores // largest))

    @property
    def wall_seconds(self) -> float | None:
        """The time from start to end without waiting in a queue, of all that something is known of."""
        if self.seconds is None:
            return None
        stages = sum(seconds for seconds in self.stages.values() if seconds)
        return stages + max(self.seconds / self.at_once, *(cost.seconds for cost in self.known))

    @property
    def energy_j(self) -> float | None:
        """The energy of those of which it is known."""
        energies = [cost.energy_j for cost in self.known if cost.energy_j is not None]
        return sum(energies) if energies else None

    @property
    def rests_on(self) -> list[PastResult]:
        """The earlier results, each once."""
        return list({id(result): result for cost in self.known for result in cost.rests_on}.values())

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data; hours and seconds are those of what is known."""
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
        """How many of the earlier results are of which study and machine."""
        return dict(Counter((result.study, result.machine) for result in self.rests_on))

    @property
    def energy_methods(self) -> list[str]:
        """How the energy of the earlier results is known."""
        return sorted({result.energy_method for result in self.rests_on if result.energy_j is not None})


def estimate(plan: Plan, results: Path, profile: Profile) -> Estimate:
    """Estimate what the selected experiments without a result will take.

    Parameters
    ----------
    plan : Plan
        Expanded for the machine of the profile.
    results : Path
        Where earlier results are.
    profile : Profile
        Where it would run.
    """
    paths = StudyPaths(results, plan.study)
    to_run = [prediction.experiment for prediction in forecast(plan, paths) if prediction.why]
    seed = plan.application.seed or ""
    problems = list[str]()
    memory = PastResults(load_past_results(results, plan.application.name, seed, problems), profile.machine, seed)
    stages = _stages(plan, to_run, paths, problems)
    return Estimate(plan, profile, to_run, [memory.expect(experiment) for experiment in to_run], stages, problems)


def _stages(
    plan: Plan, to_run: Sequence[Experiment], paths: StudyPaths, problems: list[str]
) -> dict[str, float | None]:
    """Return the shared stages that have no result, with the median time of earlier ones of the same name."""
    if not plan.stages:
        return {}
    application = plan.application.name
    times = stage_seconds(paths.home, application, problems)

    def has_result(stage: StageInstance) -> bool:
        job = paths.stage_job(application, marker_name(stage.name, stage.fingerprint))
        return folder_state(job, stage.fingerprint) is FolderState.COMMIT

    needed = plan.needed_stages(to_run, has_result)
    return {marker_name(stage.name, stage.fingerprint): times.get(stage.name) for stage in needed}
