"""What simpler methods reach, by the data that they were measured on; copies of one measurement count once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fairmesh.files import canonical_json
from fairmesh.names import REPEAT
from fairmesh.results.load import Outcome, StudyResults
from fairmesh.results.ranking import points_of
from fairmesh.results.statistics import Summary, summarise

Measured = dict[str, float]


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
    measurements: dict[tuple[str, str], list[Measured]] = {}
    stages = _stages(study)
    for setting in _settings(study, stages):
        for name in dict.fromkeys(name for outcome in setting for name in outcome.baselines):
            measured = _measurements(name, setting, stages)
            key = name, canonical_json(sorted({canonical_json(values) for values in measured}))
            found.setdefault(key, []).extend(setting)
            measurements[key] = measured
    return [Baseline(key[0], _summaries(measurements[key]), tuple(found[key])) for key in found]


def _stages(study: StudyResults) -> dict[str, str]:
    """Return the fingerprints of the shared stages that each experiment needs, as text; only where it needs some."""
    return {point["id"]: canonical_json(point["stages"]) for point in study.plan["experiments"] if point.get("stages")}


def _settings(study: StudyResults, stages: Mapping[str, str]) -> Iterator[list[Outcome]]:
    """Yield the experiments with a result by the data that they are about, in the order of the plan."""
    found: dict[str, list[Outcome]] = {}
    for repeats in points_of(study):
        first = repeats[0]
        axes = {name: value for name, value in first.axes.items() if name != REPEAT}
        data = stages.get(first.id) or canonical_json(["point", axes])
        found.setdefault(data, []).extend(outcome for outcome in repeats if outcome.record is not None)
    yield from filter(None, found.values())


def _measurements(name: str, outcomes: Iterable[Outcome], stages: Mapping[str, str]) -> list[Measured]:
    """Return what was measured of a baseline.

    Experiments that share their stages and have the same values have copies of what a stage measured, which count
    once. If their values differ, each has measured by itself, and all count.
    """
    by_source: dict[str, list[Measured]] = {}
    for outcome in outcomes:
        if name in outcome.baselines:
            values = {metric: value.value for metric, value in outcome.baselines[name].items()}
            by_source.setdefault(stages.get(outcome.id, f"{outcome.machine}/{outcome.id}"), []).append(values)
    for measured in by_source.values():
        if all(values == measured[0] for values in measured):
            del measured[1:]
    return [values for measured in by_source.values() for values in measured]


def _summaries(measurements: list[Measured]) -> dict[str, Summary]:
    return dict(_summarised(measurements))


def _summarised(measurements: list[Measured]) -> Iterator[tuple[str, Summary]]:
    for metric in dict.fromkeys(metric for measured in measurements for metric in measured):
        if summary := summarise(measured[metric] for measured in measurements if metric in measured):
            yield metric, summary
