"""Which run is submitted: the best of all that the study has, and beside it the repeats of its point."""

from __future__ import annotations

from dataclasses import dataclass

from fairmesh.errors import FairmeshError
from fairmesh.names import REPEAT
from fairmesh.results import Metric, Outcome, StudyResults


@dataclass(frozen=True)
class Choice:
    """A study's best run and how it was chosen.

    Parameters
    ----------
    metric : Metric
        What the runs are ranked by.
    ranked : list of Outcome
        All finished runs that have the metric, the best first.
    submitted : list of Outcome
        The best, then the other repeats of its point on its machine, in the order of the plan.
    unfinished : int
        How many of the planned runs have no result.
    """

    metric: Metric
    ranked: list[Outcome]
    submitted: list[Outcome]
    unfinished: int

    @property
    def best(self) -> Outcome:
        """The best run."""
        return self.ranked[0]

    @property
    def points(self) -> int:
        """The number of different points among the runs, a machine's repeats of one counted once."""
        return len({_point(each) for each in self.ranked})


def choose(study: StudyResults) -> Choice:
    """Choose the best run by the primary metric; of equals, the first of the plan.

    Raises
    ------
    FairmeshError
        If no run has a result.
    """
    metric = study.primary
    done = [each for each in study.done if metric is not None and metric.name in each.metrics]
    if metric is None or not done:
        raise FairmeshError(f"study {study.name} has no finished run in {study.folder.parent}")
    name, sign = metric.name, -1 if metric.higher_is_better else 1
    ranked = sorted(done, key=lambda each: sign * each.metrics[name].value)
    best = ranked[0]
    others = [each for each in done if each is not best and _point(each) == _point(best)]
    return Choice(metric, ranked, [best, *others], len(study.experiments) - len(study.done))


def _point(outcome: Outcome) -> str:
    """Give the identity of what a run repeats: machine and axes without the repeat."""
    axes = {name: value for name, value in outcome.axes.items() if name != REPEAT}
    return f"{outcome.machine} {sorted(axes.items(), key=lambda each: each[0])}"
