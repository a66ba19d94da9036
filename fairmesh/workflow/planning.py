"""Plans that a request asks for: bounded, checked, and told in numbers and rows that go through a pipe."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fairmesh.api.project import PROFILES, Project
from fairmesh.api.uploads import check_paths, check_text, path_values
from fairmesh.errors import FairmeshError, InputError, Problem, nearest
from fairmesh.study import Plan, load_plan
from fairmesh.study.cost import Cost, total_cost
from fairmesh.study.selection import PlanSelection
from fairmesh.workflow.configuration import LOCAL, read_profile
from fairmesh.workflow.estimate import Estimate, estimate
from fairmesh.workflow.forecast import Forecast, forecast

WARNINGS = 100


@dataclass(frozen=True)
class PlanRequest:
    """A plan that somebody asks for.

    Parameters
    ----------
    name : str
        A study with a file here; empty if the text is meant.
    text : str
        A study that somebody wrote.
    profile : str
        The name of a profile; this computer without one.
    where, part, first, set
        Which experiments, and which values in place of the study's, as in the configuration.
    offset, limit : int
        Which of the experiments are described.
    expects : bool
        Whether the time that they will take is estimated.
    """

    name: str = ""
    text: str = ""
    profile: str = ""
    where: str = ""
    part: str = ""
    first: int | None = None
    set: Mapping[str, Any] = field(default_factory=dict)
    offset: int = 0
    limit: int = 0
    expects: bool = False


@dataclass(frozen=True)
class Expectation:
    """How long experiments will take.

    Parameters
    ----------
    seconds : float or None
        From start to end without waiting in a queue; None if nothing is known.
    at_once, earlier, unknown : int
        How many run at the same time, how many earlier results this rests on, and of how many nothing is known.
    """

    seconds: float | None
    at_once: int
    earlier: int
    unknown: int

    @classmethod
    def of(cls, expected: Estimate) -> Expectation:
        """Make it of an estimate."""
        unknown = len(expected.to_run) - len(expected.known)
        return cls(expected.wall_seconds, expected.at_once, len(expected.rests_on), unknown)


@dataclass(frozen=True)
class Preview:
    """What a plan comes to.

    Parameters
    ----------
    study, machine : str
        Their names.
    axes : list of str
        The study's.
    whole, total, to_run : int
        The number of the study's experiments, of those that are selected, and of those of them that would run.
    cost, cost_to_run : Cost
        What the selected, and those that would run, ask for.
    warnings : list of str
        A line each.
    reasons : dict of str to int
        How many would run, or would not, for which reason.
    experiments : list of dict
        Those that are described.
    expected : Expectation or None
        If it was asked for.
    """

    study: str
    machine: str
    axes: list[str]
    whole: int
    total: int
    to_run: int
    cost: Cost
    cost_to_run: Cost
    warnings: list[str]
    reasons: dict[str, int]
    experiments: list[dict[str, Any]]
    expected: Expectation | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> Preview:
        """Make it of what ``to_json`` gave."""
        costs = {name: Cost(**content[name]) for name in ("cost", "cost_to_run")}
        expected = Expectation(**content["expected"]) if content["expected"] else None
        return cls(**{**content, **costs, "expected": expected})


def preview(project: Project, request: PlanRequest) -> Preview:
    """Make a plan that somebody asks for.

    Raises
    ------
    InputError
        With all mistakes, or if it is larger, or names other files, than requests may.
    """
    machine = machine_of(project, request.profile) if request.profile else LOCAL
    plan = PlanSelection(request.where, request.part, request.first).of(_plan(project, request, machine))
    predictions = list(forecast(plan, project.paths(plan.study)))
    to_run = [prediction.experiment for prediction in predictions if prediction.why]
    shown = predictions[request.offset : request.offset + request.limit]
    return Preview(
        study=plan.study,
        machine=machine,
        axes=list(plan.axes),
        whole=len(plan.experiments),
        total=len(predictions),
        to_run=len(to_run),
        cost=total_cost(plan.selected),
        cost_to_run=total_cost(to_run),
        warnings=plan.warnings[:WARNINGS],
        reasons=dict(
            Counter(prediction.why.partition(":")[0] or "done, not again" for prediction in predictions).most_common()
        ),
        experiments=[_row(prediction) for prediction in shown],
        expected=_expected(project, request, plan) if request.expects else None,
    )


def machine_of(project: Project, profile: str) -> str:
    """Return the machine of a profile, by the profile's name.

    Raises
    ------
    InputError
        If there is no such profile here.
    """
    known = project.profiles()
    if profile not in known:
        message = f"there is no profile {profile!r}"
        raise InputError([Problem(message, "profile", ", ".join(known), nearest(profile, known))])
    return known[profile]


def _plan(project: Project, request: PlanRequest, machine: str) -> Plan:
    limits = project.requests()
    folders = [(project.folder / folder).absolute() for folder in limits.folders]
    if not request.name:
        plan = check_text(project, request.text, machine, limits.points)
        check_paths(plan, folders)
        return plan
    source = project.study_file(request.name)
    plan = load_plan(source, project.root, machine, request.set, limits.points)
    if request.set and path_values(plan):
        check_paths(plan, folders, _own_paths(source, project, machine, limits.points))
    return plan


def _own_paths(source: Path, project: Project, machine: str, most: int) -> dict[str, set[str]]:
    """Return the paths that a study names itself; none if it is right only with what a request sets."""
    try:
        return path_values(load_plan(source, project.root, machine, most=most))
    except InputError:
        return {}


def _expected(project: Project, request: PlanRequest, plan: Plan) -> Expectation:
    return Expectation.of(estimate(plan, project.results, read_profile(project.folder / PROFILES / request.profile)))


def _row(prediction: Forecast) -> dict[str, Any]:
    names = ("machine", "id", "key", "parameters", "axes", "resources")
    values = {name: getattr(prediction.experiment, name) for name in names}
    return values | {"state": prediction.state, "why": prediction.why, "note": prediction.note}


LARGE = 256 << 10  # KiB: after a plan that took as much, a new process is smaller
NICE = 5  # who asks how a study stands comes first


def main() -> int:
    """Make plans until nobody asks any more, or one has taken much memory."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints by chance prints elsewhere
    os.nice(NICE)
    small = max(LARGE, _peak())  # the peak of whoever started this process counts as well
    for line in sys.stdin:
        answer = _answer(json.loads(line))
        answer["is_last"] = _peak() > small or "memory" in answer
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        signal.alarm(0)
        if answer["is_last"]:
            break
    return 0


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _limit(seconds: int, memory: int) -> None:
    signal.alarm(seconds)  # ends this process, also when nobody is left to do it
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    with contextlib.suppress(ValueError, OSError):  # less is allowed already
        resource.setrlimit(resource.RLIMIT_AS, (memory, hard))


def _answer(order: Mapping[str, Any]) -> dict[str, Any]:
    _limit(order["seconds"], order["memory"])
    project = Project(*(Path(order["project"][name]) for name in ("folder", "root", "results")))
    try:
        return {"plan": preview(project, PlanRequest(**order["request"])).to_json()}
    except InputError as error:
        return {"problems": [asdict(problem) for problem in error.problems]}
    except FairmeshError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"memory": order["memory"]}


if __name__ == "__main__":
    sys.exit(main())
