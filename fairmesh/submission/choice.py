"""Which runs are submitted: all repeats of the best point, the one with the best mean."""

from __future__ import annotations

from dataclasses import dataclass

from fairmesh.results import Metric, Outcome, RankedPoint, StudyResults
from fairmesh.results.ranking import ranked_points, require_best


@dataclass(frozen=True)
class Choice:
    """A study's best point and how it was chosen.

    Parameters
    ----------
    ranked : list of RankedPoint
        All points that have the metric, the best first.
    unfinished : int
        How many of the planned runs have no result.
    """

    ranked: list[RankedPoint]
    unfinished: int

    @property
    def metric(self) -> Metric:
        """What the points are ranked by."""
        return self.ranked[0].metric

    @property
    def point(self) -> RankedPoint:
        """The best point."""
        return self.ranked[0]

    @property
    def submitted(self) -> tuple[Outcome, ...]:
        """The repeats of the best point that have a result, in the order of the plan."""
        return self.point.measured

    @property
    def best(self) -> Outcome:
        """The first of them, which stands for all where one run is needed."""
        return self.point.run


def choose(study: StudyResults) -> Choice:
    """Choose the best point by the primary metric.

    Raises
    ------
    FairmeshError
        If no run has a result, or the metric has no direction.
    """
    require_best(study)
    return Choice(ranked_points(study), len(study.experiments) - len(study.done))
