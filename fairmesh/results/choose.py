"""Some of a study's results, by a condition over what was asked for and what came out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fairmesh.expressions.conditions import Condition
from fairmesh.errors import InputError, Problem
from fairmesh.results.frame import USAGE_UNITS
from fairmesh.results.load import Outcome, StudyResults


def choose(study: StudyResults, where: str) -> StudyResults:
    """Return a study's results with the experiments alone for which a condition is true.

    Names in it are parameters, axes, resources, ``machine``, ``id``, ``state``, metrics, and what was used. An experiment
    that was not measured fulfils no condition over metrics.

    Raises
    ------
    InputError
        If it is no condition, or nothing is left.
    """
    measured = {*(metric.name for metric in study.metrics), *USAGE_UNITS}
    values = [(each, _values(each)) for each in study.experiments]
    known = dict.fromkeys([*(name for _, own in values for name in own), *measured])
    condition = Condition.parse(where, known, study.name)
    needed = condition.expression.names & measured
    found = [each for each, own in values if needed <= own.keys() and condition(own)]
    if not found:
        raise InputError([Problem(f"no experiment of {study.name} fulfils {where!r}", "--where")])
    return replace(study, experiments=found)


def _values(outcome: Outcome) -> dict[str, Any]:
    used = {"seconds": outcome.seconds, **outcome.usage}
    return {
        **{name: value for name, value in used.items() if value is not None},
        **{name: value.value for name, value in outcome.metrics.items()},
        **outcome.resources,
        **outcome.values,
        "machine": outcome.machine,
        "id": outcome.id,
        "state": outcome.state,
    }
