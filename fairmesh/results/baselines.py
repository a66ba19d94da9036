"""What simpler methods reach, by the data that they were measured on; copies of one measurement count once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fairmesh.files import canonical_json
from fairmesh.names import REPEAT
from fairmesh.results.load import Outcome, StudyResults
from fairmesh.results.ranking import points_of
from fairmesh.results.statistics import Summary, summarise


@dataclass(frozen=True)
class Baseline:
    """A simpler method on some data.

    Parameters
    ----------
    name : str
        What the application calls it.
    metrics : dict of str to Summary
        By name of the metric, over its different measurements.
    outcomes : tuple of Outcome
        The experiments on the same data, which it can be held against.
    """

    name: str
    metrics: dict[str, Summary]
    outcomes: tuple[Outcome, ...]


def baselines(study: StudyResults) -> list[Baseline]:
    """Return the baselines of a study, one for each name and each setting of the data.

    Points have the same data if the shared stages that they need have the same fingerprints; all repeats of a point
    count as one setting, and without shared stages each point is one. Settings in which a baseline has the same values
    are one, too.
    """
    found: dict[tuple[str, str], list[Outcome]] = {}
    measurements: dict[tuple[str, str], list[dict[str, float]]] = {}
    for setting in _settings(study):
        for name in dict.fromkeys(name for outcome in setting for name in outcome.baselines):
            distinct = _distinct(name, setting)
            key = name, canonical_json(sorted(distinct))
            found.setdefault(key, []).extend(setting)
            measurements[key] = list(distinct.values())
    return [Baseline(key[0], _summaries(measurements[key]), tuple(found[key])) for key in found]


def _settings(study: StudyResults) -> Iterator[list[Outcome]]:
    """Yield the experiments with a result by the data that they are about, in the order of the plan."""
    stages = {point["id"]: point.get("stages") for point in study.plan["experiments"]}
    found: dict[str, list[Outcome]] = {}
    for repeats in points_of(study):
        first = repeats[0]
        axes = {name: value for name, value in first.axes.items() if name != REPEAT}
        data = canonical_json(stages.get(first.id) or ["point", axes])
        found.setdefault(data, []).extend(outcome for outcome in repeats if outcome.record is not None)
    yield from filter(None, found.values())


def _distinct(name: str, outcomes: Iterable[Outcome]) -> dict[str, dict[str, float]]:
    """Return the different measurements of a baseline by their text."""
    values = (
        {metric: found.value for metric, found in outcome.baselines[name].items()}
        for outcome in outcomes
        if name in outcome.baselines
    )
    return {canonical_json(measured): measured for measured in values}


def _summaries(measurements: list[dict[str, float]]) -> dict[str, Summary]:
    return dict(_summarised(measurements))


def _summarised(measurements: list[dict[str, float]]) -> Iterator[tuple[str, Summary]]:
    for metric in dict.fromkeys(metric for measured in measurements for metric in measured):
        if summary := summarise(measured[metric] for measured in measurements if metric in measured):
            yield metric, summary
