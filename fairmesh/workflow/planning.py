"""Make the plans of requests: limited, checked, and returned as numbers and rows that fit through a pipe."""

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

from fairmesh.api.project import Project
from fairmesh.api.uploads import check_paths, check_text, path_values
from fairmesh.dispatch.placed import result_finder
from fairmesh.errors import FairmeshError, InputError, Problem, nearest
from fairmesh.study import Plan, load_plan
from fairmesh.study.cost import Cost, total_cost
from fairmesh.study.selection import PlanSelection
from fairmesh.workflow.configuration import LOCAL, reruns_other_code
from fairmesh.workflow.forecast import Forecast, forecast

WARNINGS = 100


@dataclass(frozen=True)
class PlanRequest:
    """A request for a plan.

    Parameters
    ----------
    name : str
        The name of a study with a file; empty to use ``text``.
    text : str
        The text of a study.
    profile : str
        The name of a profile; empty for this computer.
    where, part, first, set
        The selected experiments and the changed values, as in the configuration.
    offset, limit : int
        The range of experiments to describe.
    expects : bool
        Whether to estimate what the experiments will use.
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
class Preview:
    """The summary of a plan.

    Parameters
    ----------
    study, machine : str
        The names of study and machine.
    axes : list of str
        The axes of the study.
    whole, total, to_run : int
        The number of all experiments, of the selected ones, and of those that would run.
    cost, cost_to_run : Cost
        The requested resources of the selected experiments, and of those that would run.
    warnings : list of str
        The warnings.
    reasons : dict of str to int
        The number of experiments by the reason why they would run or not.
    experiments : list of dict
        The described experiments.
    expected : dict or None
        The estimate as JSON, if requested.
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
    expected: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return JSON-compatible data."""
        return asdict(self)

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> Preview:
        """Return the preview from the result of ``to_json``."""
        costs = {name: Cost(**content[name]) for name in ("cost", "cost_to_run")}
        return cls(**{**content, **costs})


def preview(project: Project, request: PlanRequest) -> Preview:
    """Return the plan of a request.

    Raises
    ------
    InputError
        With all errors, or if the plan is too large or names files that are not allowed.
    """
    machine = machine_of(project, request.profile) if request.profile else LOCAL
    plan = PlanSelection(request.where, request.part, request.first).of(_plan(project, request, machine))
    predictions = list(forecast(plan, project.paths(plan.study), reruns_other_code(plan, project.folder)))
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
        experiments=[_row(prediction, plan) for prediction in shown],
        expected=_expected(project, request, plan) if request.expects else None,
    )


def machine_of(project: Project, profile: str) -> str:
    """Return the machine of a profile, by the profile's name.

    Raises
    ------
    InputError
        If there is no such profile.
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
    has_result = result_finder(project.results)
    plan = load_plan(source, project.folder, machine, request.set, limits.points, has_result)
    if request.set and path_values(plan):
        check_paths(plan, folders, _own_paths(source, project, machine, limits.points))
    return plan


def _own_paths(source: Path, project: Project, machine: str, most: int) -> dict[str, set[str]]:
    """Return the paths that a study names itself; none if it is valid only with the changes of a request."""
    try:
        return path_values(load_plan(source, project.folder, machine, most=most))
    except InputError:
        return {}


def _expected(project: Project, request: PlanRequest, plan: Plan) -> dict[str, Any]:
    """Return the estimate of a plan, with the experiments that the request describes."""
    from fairmesh.workflow.estimate import estimate_plan  # noqa: PLC0415  numpy takes a tenth of a second

    content = estimate_plan(plan, project.folder, project.results, request.profile).to_json()
    content["experiments"] = content["experiments"][request.offset : request.offset + request.limit]
    return content


def _row(prediction: Forecast, plan: Plan) -> dict[str, Any]:
    names = ("machine", "id", "key", "parameters", "axes", "resources")
    values = {name: getattr(prediction.experiment, name) for name in names}
    values["name"] = plan.short_name(prediction.experiment)
    return values | {"state": prediction.state, "why": prediction.why, "note": prediction.note}


LARGE = 256 << 10  # KiB: a process that used more is replaced by a new one
NICE = 5  # requests for the status of a study have priority


def main() -> int:
    """Make plans until the input ends, or a plan has used much memory."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # keeps stray prints out of the answers
    os.nice(NICE)
    small = max(LARGE, _peak())  # includes the peak of the parent process
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
    signal.alarm(seconds)  # ends this process even without a parent
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    with contextlib.suppress(ValueError, OSError):  # the limit is lower already
        resource.setrlimit(resource.RLIMIT_AS, (memory, hard))


def _answer(order: Mapping[str, Any]) -> dict[str, Any]:
    _limit(order["seconds"], order["memory"])
    project = Project(*(Path(order["project"][name]) for name in ("folder", "results")))
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
