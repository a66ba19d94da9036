"""The ranking of a study: its points by the mean over repeats, and the baselines that they are compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from fairmesh.errors import FairmeshError
from fairmesh.files import canonical_json
from fairmesh.names import REPEAT, experiment_id
from fairmesh.results.load import Outcome, StudyResults
from fairmesh.results.metrics import Metric, MetricValue
from fairmesh.results.statistics import Summary, summarize

T = TypeVar("T")


@dataclass(frozen=True)
class RankedPoint:
    """A parameter point on a machine, with its value of the ranking metric.

    Parameters
    ----------
    name : str
        Its short name.
    metric : Metric
        The metric that ranks.
    outcomes : tuple of Outcome
        Its repeats, in the order of the plan.
    summary : Summary
        The metric over the repeats that have it.
    """

    name: str
    metric: Metric
    outcomes: tuple[Outcome, ...]
    summary: Summary

    @property
    def id(self) -> str:
        """The id of its experiments without the repeat."""
        return point_id(self.outcomes[0])

    @property
    def machine(self) -> str:
        """The machine."""
        return self.outcomes[0].machine

    @property
    def measured(self) -> tuple[Outcome, ...]:
        """The repeats that have the metric."""
        return tuple(outcome for outcome in self.outcomes if self.metric.name in outcome.metrics)

    @property
    def run(self) -> Outcome:
        """The first repeat that has the metric: it represents the point where one experiment is needed."""
        return self.measured[0]

    @property
    def value(self) -> Summary | MetricValue:
        """The mean over repeats, or the single measurement with the interval of its program."""
        return self.summary if self.summary.n > 1 else self.run.metrics[self.metric.name]


def ranked_points(study: StudyResults) -> list[RankedPoint]:
    """Return the points that have the primary metric, best first; equal ones in the order of the plan.

    If the metric has no direction, the list is empty: see ``why_unranked``.
    """
    metric = study.primary
    if metric is None or not metric.better:
        return []
    points = [
        RankedPoint(study.names.of_point(outcomes[0].axes), metric, outcomes, summary)
        for outcomes in points_of(study)
        if (summary := summary_of(metric, outcomes))
    ]
    return ranked(points, lambda point: metric.order(point.summary.mean))


def best_point(study: StudyResults) -> RankedPoint | None:
    """Return the point with the best mean of the primary metric; None if there is none."""
    return next(iter(ranked_points(study)), None)


def why_unranked(study: StudyResults) -> str:
    """Return why a study with results has no best point; empty if it has one or has no results."""
    metric = study.primary
    if metric is None or metric.better or not any(metric.name in outcome.metrics for outcome in study.done):
        return ""
    return f"Nothing is ranked: the application does not say whether a higher or a lower {metric.name} is better"


def require_best(study: StudyResults) -> RankedPoint:
    """Return the best point.

    Raises
    ------
    FairmeshError
        If there is none, with the reason.
    """
    best = best_point(study)
    if best is None:
        why = why_unranked(study) or f"study {study.name} has no finished run in {study.folder.parent}"
        raise FairmeshError(why)
    return best


def ranked(rows: Iterable[T], order: Callable[[T], float | None]) -> list[T]:
    """Sort rows by their order, those without one last; the sort is stable."""
    keyed = [(order(row), row) for row in rows]
    return [row for _, row in sorted(keyed, key=lambda pair: (pair[0] is None, pair[0] or 0))]


def points_of(study: StudyResults) -> list[tuple[Outcome, ...]]:
    """Group experiments by point and machine, in the order of the plan."""
    points: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in study.experiments:
        axes = {name: value for name, value in outcome.axes.items() if name != REPEAT}
        points.setdefault((outcome.machine, canonical_json(axes)), []).append(outcome)
    return [tuple(outcomes) for outcomes in points.values()]


def summary_of(metric: Metric, outcomes: Iterable[Outcome]) -> Summary | None:
    """Summarize a metric over the experiments that have it; None if none has."""
    return summarize(outcome.metrics[metric.name].value for outcome in outcomes if metric.name in outcome.metrics)


def point_id(outcome: Outcome) -> str:
    """Return the id of an experiment without its repeat."""
    return experiment_id({name: value for name, value in outcome.axes.items() if name != REPEAT})


Measured = dict[str, float]


@dataclass(frozen=True)
class Baseline:
    """A simpler method on one set of data.

    Parameters
    ----------
    name : str
        The name that the application gives it.
    metrics : dict of str to Summary
        Its distinct measurements, by metric.
    outcomes : tuple of Outcome
        The experiments on the same data.
    """

    name: str
    metrics: dict[str, Summary]
    outcomes: tuple[Outcome, ...]


def baselines(study: StudyResults) -> list[Baseline]:
    """Return the baselines of a study, one for each name and set of data.

    Points use the same data if their shared stages have the same fingerprints. All repeats of a point use the same
    data; without shared stages, each point has data of its own. Sets of data on which a baseline has equal values are
    merged.
    """
    outcomes: dict[tuple[str, str], list[Outcome]] = {}
    measurements: dict[tuple[str, str], list[Measured]] = {}
    stages = _stages(study)
    for setting in _settings(study, stages):
        for name in dict.fromkeys(name for outcome in setting for name in outcome.baselines):
            measured = _measurements(name, setting, stages)
            key = name, canonical_json(sorted({canonical_json(values) for values in measured}))
            outcomes.setdefault(key, []).extend(setting)
            measurements[key] = measured
    return [Baseline(key[0], _summaries(measurements[key]), tuple(outcomes[key])) for key in outcomes]


def _stages(study: StudyResults) -> dict[str, str]:
    """Return the fingerprints of the shared stages of each experiment that needs any, as text."""
    return {point["id"]: canonical_json(point["stages"]) for point in study.plan["experiments"] if point.get("stages")}


def _settings(study: StudyResults, stages: Mapping[str, str]) -> Iterator[list[Outcome]]:
    """Yield the finished experiments of each set of data, in the order of the plan."""
    settings: dict[str, list[Outcome]] = {}
    for repeats in points_of(study):
        first = repeats[0]
        axes = {name: value for name, value in first.axes.items() if name != REPEAT}
        data = stages.get(first.id) or canonical_json(["point", axes])
        settings.setdefault(data, []).extend(outcome for outcome in repeats if outcome.record is not None)
    yield from filter(None, settings.values())


def _measurements(name: str, outcomes: Iterable[Outcome], stages: Mapping[str, str]) -> list[Measured]:
    """Return the measurements of a baseline.

    Equal values of experiments that share their stages are copies of one measurement and count once. If the values
    differ, each experiment has measured by itself, and all count.
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
    return dict(_summarized(measurements))


def _summarized(measurements: list[Measured]) -> Iterator[tuple[str, Summary]]:
    for metric in dict.fromkeys(metric for measured in measurements for metric in measured):
        if summary := summarize(measured[metric] for measured in measurements if metric in measured):
            yield metric, summary
