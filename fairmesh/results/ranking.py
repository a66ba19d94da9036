"""Which of a study's points is the best: the one with the best mean over its repeats. Every face asks here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from fairmesh.errors import FairmeshError
from fairmesh.files import canonical_json
from fairmesh.names import REPEAT, experiment_id
from fairmesh.results.load import Outcome, StudyResults
from fairmesh.results.metrics import Metric, MetricValue
from fairmesh.results.statistics import Summary, summarise

T = TypeVar("T")


@dataclass(frozen=True)
class RankedPoint:
    """A parameter point on a machine, with a value of the metric that ranks.

    Parameters
    ----------
    metric : Metric
        What it is ranked by.
    outcomes : tuple of Outcome
        All of its repeats, in the order of the plan.
    summary : Summary
        The metric over the repeats that have it.
    """

    metric: Metric
    outcomes: tuple[Outcome, ...]
    summary: Summary

    @property
    def name(self) -> str:
        """The id of the point: that of its experiments without the repeat."""
        return point_id(self.outcomes[0])

    @property
    def machine(self) -> str:
        """Where it ran."""
        return self.outcomes[0].machine

    @property
    def measured(self) -> tuple[Outcome, ...]:
        """The repeats that have the metric."""
        return tuple(outcome for outcome in self.outcomes if self.metric.name in outcome.metrics)

    @property
    def run(self) -> Outcome:
        """The first repeat that has the metric, which stands for the point where one experiment is needed."""
        return self.measured[0]

    @property
    def value(self) -> Summary | MetricValue:
        """The mean over repeats; of a single one the measurement, with the interval that its program gave."""
        return self.summary if self.summary.n > 1 else self.run.metrics[self.metric.name]


def ranked_points(study: StudyResults) -> list[RankedPoint]:
    """Return the points that have a value of the primary metric, the best first; of equals, the first of the plan.

    Without a metric that has a direction nothing is ranked, and the list is empty: see ``why_unranked``.
    """
    metric = study.primary
    if metric is None or not metric.better:
        return []
    points = [
        RankedPoint(metric, outcomes, summary)
        for outcomes in points_of(study)
        if (summary := summary_of(metric, outcomes))
    ]
    return ranked(points, lambda point: metric.order(point.summary.mean))


def best_point(study: StudyResults) -> RankedPoint | None:
    """Return the point with the best mean of the primary metric; None as long as there is none."""
    return next(iter(ranked_points(study)), None)


def why_unranked(study: StudyResults) -> str:
    """Return why a study with results has no best point; empty if it has one, or no result yet."""
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
    found = best_point(study)
    if found is None:
        why = why_unranked(study) or f"study {study.name} has no finished run in {study.folder.parent}"
        raise FairmeshError(why)
    return found


def ranked(rows: Iterable[T], order: Callable[[T], float | None]) -> list[T]:
    """Return rows with the smallest order first and those without one last; equals stay as they are."""
    known = [(order(row), row) for row in rows]
    first = sorted(((at, row) for at, row in known if at is not None), key=lambda pair: pair[0])
    return [row for _, row in first] + [row for at, row in known if at is None]


def points_of(study: StudyResults) -> list[tuple[Outcome, ...]]:
    """Return the experiments with the repeats of a point on a machine together, in the order of the plan."""
    found: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in study.experiments:
        axes = {name: value for name, value in outcome.axes.items() if name != REPEAT}
        found.setdefault((outcome.machine, canonical_json(axes)), []).append(outcome)
    return [tuple(outcomes) for outcomes in found.values()]


def summary_of(metric: Metric, outcomes: Iterable[Outcome]) -> Summary | None:
    """Return a metric over the experiments that have it; None if none has."""
    return summarise(each.metrics[metric.name].value for each in outcomes if metric.name in each.metrics)


def point_id(outcome: Outcome) -> str:
    """Return the id of an experiment without its repeat."""
    return experiment_id({name: value for name, value in outcome.axes.items() if name != REPEAT})
