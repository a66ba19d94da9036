"""Compare experiments or studies: differences in parameters, environment and metrics, and whether they are noise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from fairmesh.errors import InputError, Problem
from fairmesh.results.load import Outcome, StudyResults
from fairmesh.results.metrics import Metric, MetricValue
from fairmesh.results.ranking import why_unranked
from fairmesh.results.selection import Side, best_point, find_side
from fairmesh.results.statistics import Judgement, Summary, half_width, judge, summarize
from fairmesh.results.table import USAGE_UNITS, text_of

__all__ = [
    "Change",
    "Comparison",
    "Judgement",
    "MetricChange",
    "Side",
    "best_point",
    "compare_experiments",
    "compare_studies",
    "find_side",
    "mean_of",
    "value_json",
]

Kind = Literal["experiments", "studies"]
Value = MetricValue | Summary


@dataclass(frozen=True)
class Change:
    """A parameter or a part of the environment on each side.

    Parameters
    ----------
    name, unit : str
        Name, and unit (empty if there is none).
    texts : tuple of str
        The value on each side, empty where there is none.
    """

    name: str
    unit: str
    texts: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the sides differ."""
        return len(set(self.texts)) > 1

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {"name": self.name, "unit": self.unit, "values": list(self.texts), "differs": self.differs}


@dataclass(frozen=True)
class MetricChange:
    """A metric or a resource on each side.

    Parameters
    ----------
    metric : Metric
        Name, title, unit and direction.
    values : tuple of MetricValue, Summary or None
        One measurement with the interval that its program gave; or several, summarized; None where there is none.
    differences : tuple of float or None
        Each value minus the first; None for the first, and where a value is missing.
    judgements : tuple of Judgement or None
        Whether each difference is noise.
    """

    metric: Metric
    values: tuple[Value | None, ...]
    differences: tuple[float | None, ...]
    judgements: tuple[Judgement | None, ...]

    @property
    def better(self) -> str:
        """The direction: ``higher`` or ``lower``, empty if the application does not say."""
        return self.metric.better

    @property
    def best(self) -> int | None:
        """The index of the side with the best value; None for a tie, a single value, or no direction."""
        orders = {
            side: self.metric.order(mean_of(value)) for side, value in enumerate(self.values) if value is not None
        }
        if len(orders) < 2:
            return None
        best = [side for side, order in orders.items() if order == min(orders.values())]
        return best[0] if len(best) == 1 else None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        metric = self.metric
        return {
            "name": metric.name,
            "title": metric.title,
            "unit": metric.unit,
            "better": self.better or None,
            "values": [None if value is None else value_json(value) for value in self.values],
            "differences": list(self.differences),
            "noise": [None if judgement is None else asdict(judgement) for judgement in self.judgements],
            "best": self.best,
        }


@dataclass(frozen=True)
class Comparison:
    """Two or more sides, each compared with the first.

    Parameters
    ----------
    kind : str
        ``experiments``, or ``studies``, each represented by its best point.
    sides : tuple of Side
        The sides.
    parameters, environment : tuple of Change
        All of them, equal or not.
    metrics, usage : tuple of MetricChange
        Metrics, and resource usage.
    """

    kind: Kind
    sides: tuple[Side, ...]
    parameters: tuple[Change, ...]
    environment: tuple[Change, ...]
    metrics: tuple[MetricChange, ...]
    usage: tuple[MetricChange, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        parts = ("sides", "parameters", "environment", "metrics", "usage")
        return {"kind": self.kind} | {name: [item.to_json() for item in getattr(self, name)] for name in parts}


def compare_experiments(sides: Sequence[Side]) -> Comparison:
    """Compare experiments, or points with their repeats, of one or several studies.

    Parameters
    ----------
    sides : sequence of Side
        See ``find_side``.

    Examples
    --------
    >>> from fairmesh.results import load_study
    >>> study = load_study(Path("results"), "quick")  # doctest: +SKIP
    >>> comparison = compare_experiments([find_side(study, "epochs=1"), find_side(study, "epochs=4")])  # doctest: +SKIP
    >>> comparison.metrics[0].judgements[1].words  # doctest: +SKIP
    'better, beyond the noise of the repeats'
    """
    return _compare("experiments", tuple(sides))


def compare_studies(studies: Sequence[StudyResults]) -> Comparison:
    """Compare studies by their best points.

    Raises
    ------
    InputError
        If a study has no best point.
    """
    best = [best_point(study) for study in studies]
    empty = [study for study, point in zip(studies, best, strict=True) if point is None]
    if empty:
        raise InputError(Problem(why_unranked(study) or f"study {study.name} has no result yet") for study in empty)
    return _compare("studies", tuple(point for point in best if point is not None))


def mean_of(value: Value) -> float:
    """Return the value, or the mean of a summary."""
    return value.mean if isinstance(value, Summary) else value.value


def _compare(kind: Kind, sides: tuple[Side, ...]) -> Comparison:
    parameters = [{name: text_of(value) for name, value in side.parameters.items()} for side in sides]
    units = {name: unit for side in reversed(sides) for name, unit in _units(side.study)}
    metrics = {metric.name: metric for side in reversed(sides) for metric in side.study.metrics}
    names = dict.fromkeys(metric.name for side in sides for metric in side.study.metrics)
    return Comparison(
        kind,
        sides,
        tuple(_changes(parameters, units)),
        tuple(_changes([side.environment for side in sides], {})),
        tuple(_metric_change(metrics[name], sides) for name in names),
        tuple(_usage_changes(sides)),
    )


def _units(study: StudyResults) -> Iterator[tuple[str, str]]:
    for name, declared in (study.plan["application"].get("parameters") or {}).items():
        unit = str(declared.get("unit") or "")
        yield name, "" if unit == "1" else unit


def _changes(sides: Sequence[Mapping[str, str]], units: Mapping[str, str]) -> Iterator[Change]:
    for name in dict.fromkeys(name for side in sides for name in side):
        yield Change(name, units.get(name, ""), tuple(side.get(name, "") for side in sides))


def _metric_change(metric: Metric, sides: Sequence[Side]) -> MetricChange:
    values = [value_of(_measured(metric, side.done)) for side in sides]
    repeats = [summarize(measured.value for measured in _measured(metric, side.repeats)) for side in sides]
    return _change(metric, values, repeats)


def _measured(metric: Metric, outcomes: Iterable[Outcome]) -> list[MetricValue]:
    return [outcome.metrics[metric.name] for outcome in outcomes if metric.name in outcome.metrics]


def _usage_changes(sides: Sequence[Side]) -> Iterator[MetricChange]:
    for name, unit in USAGE_UNITS.items():
        values = [value_of([MetricValue(amount) for amount in _used(name, side.done)]) for side in sides]
        if any(values):
            repeats = [summarize(_used(name, side.repeats)) for side in sides]
            yield _change(Metric(name, name, unit, better="lower"), values, repeats)


def _used(name: str, outcomes: Iterable[Outcome]) -> list[float]:
    return [amount for outcome in outcomes if (amount := outcome.used(name)) is not None]


def value_of(measured: Sequence[MetricValue]) -> Value | None:
    """Return a single measurement unchanged, or a summary of several; None if there is none."""
    return measured[0] if len(measured) == 1 else summarize(measurement.value for measurement in measured)


def _change(metric: Metric, values: Sequence[Value | None], repeats: Sequence[Summary | None]) -> MetricChange:
    pairs = [_judged(metric, values[0], repeats[0], *other) for other in zip(values[1:], repeats[1:], strict=True)]
    differences, judgements = zip((None, None), *pairs, strict=True)
    return MetricChange(metric, tuple(values), differences, judgements)


def _judged(
    metric: Metric, first: Value | None, before: Summary | None, other: Value | None, after: Summary | None
) -> tuple[float | None, Judgement | None]:
    """Return the difference from the first value and its judgement; None where a value is missing."""
    if first is None or other is None or before is None or after is None:
        return None, None
    difference = mean_of(other) - mean_of(first)
    return difference, judge(metric, difference, before, after)


def value_json(value: Value) -> dict[str, Any]:
    """Return a value as JSON-ready data, with the interval of its program or the 95 % interval of its repeats."""
    if isinstance(value, MetricValue):
        data = {"n": 1, "mean": value.value, "half_width": None, "low": value.low, "high": value.high}
        return data if value.samples is None else data | {"samples": value.samples}
    half = half_width(value)
    bounds = (None, None) if half is None else (value.mean - half, value.mean + half)
    return {"n": value.n, "mean": value.mean, "half_width": half, "low": bounds[0], "high": bounds[1]}
