"""Experiments or studies side by side: what differs in parameters and environment, which is better, is it noise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from fairmesh.errors import InputError, Problem
from fairmesh.results import intervals
from fairmesh.results.frame import USAGE_UNITS
from fairmesh.results.load import Outcome, StudyResults
from fairmesh.results.metrics import Metric, MetricValue
from fairmesh.results.noise import Judgement, judge
from fairmesh.results.ranking import why_unranked
from fairmesh.results.sides import Side, best_point, find_side
from fairmesh.results.statistics import Summary, summarise
from fairmesh.results.table import text_of

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
    """A parameter, or something of the environment.

    Parameters
    ----------
    name, unit : str
        What it is; the unit is empty if it has none.
    texts : tuple of str
        The value on each side, empty where there is none.
    """

    name: str
    unit: str
    texts: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the sides do not agree."""
        return len(set(self.texts)) > 1

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {"name": self.name, "unit": self.unit, "values": list(self.texts), "differs": self.differs}


@dataclass(frozen=True)
class MetricChange:
    """A metric, or what was used, on each side.

    Parameters
    ----------
    metric : Metric
        Name, title, unit and direction.
    values : tuple of MetricValue, Summary or None
        One measurement with the interval that its program gave; or several, summarised; None where there is none.
    differences : tuple of float or None
        Each value less the first one; None for the first itself, and where there is nothing to subtract.
    judgements : tuple of Judgement or None
        What is to be thought of each difference.
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
        """Which side has the best value; None if two share it, there is but one, or there is no direction."""
        found = {at: self.metric.order(mean_of(value)) for at, value in enumerate(self.values) if value is not None}
        if len(found) < 2:
            return None
        first = min(found.values())
        places = [at for at, value in found.items() if value == first]
        return places[0] if len(places) == 1 else None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        metric = self.metric
        return {
            "name": metric.name,
            "title": metric.title,
            "unit": metric.unit,
            "better": self.better or None,
            "values": [None if each is None else value_json(each) for each in self.values],
            "differences": list(self.differences),
            "noise": [None if each is None else asdict(each) for each in self.judgements],
            "best": self.best,
        }


@dataclass(frozen=True)
class Comparison:
    """Two or more sides; each is held against the first.

    Parameters
    ----------
    kind : str
        ``experiments``, or ``studies``, for each of which its best point stands.
    sides : tuple of Side
        What is compared.
    parameters, environment : tuple of Change
        All of them, whether they differ or not.
    metrics, usage : tuple of MetricChange
        What was measured, and what it took.
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
        return {"kind": self.kind} | {name: [each.to_json() for each in getattr(self, name)] for name in parts}


def compare_experiments(sides: Sequence[Side]) -> Comparison:
    """Compare experiments, or points with their repeats, of one study or of several.

    Parameters
    ----------
    sides : sequence of Side
        As ``find_side`` gives them, or made of outcomes.

    Examples
    --------
    >>> from fairmesh.results import load_study
    >>> study = load_study(Path("results"), "quick")  # doctest: +SKIP
    >>> found = compare_experiments([find_side(study, "epochs=1"), find_side(study, "epochs=4")])  # doctest: +SKIP
    >>> found.metrics[0].judgements[1].words  # doctest: +SKIP
    'better, by more than repeats scatter'
    """
    return _compare("experiments", tuple(sides))


def compare_studies(studies: Sequence[StudyResults]) -> Comparison:
    """Compare studies by their best points: the first place of each leaderboard.

    Raises
    ------
    InputError
        If one of them has no result yet.
    """
    best = [best_point(each) for each in studies]
    empty = [each for each, found in zip(studies, best, strict=True) if found is None]
    if empty:
        raise InputError(Problem(why_unranked(each) or f"study {each.name} has no result yet") for each in empty)
    return _compare("studies", tuple(each for each in best if each is not None))


def mean_of(value: Value) -> float:
    """Return the number that stands for a value."""
    return value.mean if isinstance(value, Summary) else value.value


def _compare(kind: Kind, sides: tuple[Side, ...]) -> Comparison:
    parameters = [{name: text_of(value) for name, value in each.parameters.items()} for each in sides]
    units = {name: unit for each in reversed(sides) for name, unit in _units(each.study)}
    metrics = {metric.name: metric for each in reversed(sides) for metric in each.study.metrics}
    names = dict.fromkeys(metric.name for each in sides for metric in each.study.metrics)
    return Comparison(
        kind,
        sides,
        tuple(_changes(parameters, units)),
        tuple(_changes([each.environment for each in sides], {})),
        tuple(_metric_change(metrics[name], sides) for name in names),
        tuple(_usage_changes(sides)),
    )


def _units(study: StudyResults) -> Iterator[tuple[str, str]]:
    for name, declared in (study.plan["application"].get("parameters") or {}).items():
        unit = str(declared.get("unit") or "")
        yield name, "" if unit == "1" else unit


def _changes(sides: Sequence[Mapping[str, str]], units: Mapping[str, str]) -> Iterator[Change]:
    for name in dict.fromkeys(name for each in sides for name in each):
        yield Change(name, units.get(name, ""), tuple(each.get(name, "") for each in sides))


def _metric_change(metric: Metric, sides: Sequence[Side]) -> MetricChange:
    values = [
        value_of([each.metrics[metric.name] for each in side.done if metric.name in each.metrics]) for side in sides
    ]
    repeats = [summarise(each.metrics[metric.name].value for each in _with(metric, side)) for side in sides]
    return _change(metric, values, repeats)


def _with(metric: Metric, side: Side) -> list[Outcome]:
    return [each for each in side.repeats if metric.name in each.metrics]


def _usage_changes(sides: Sequence[Side]) -> Iterator[MetricChange]:
    for name, unit in USAGE_UNITS.items():
        values = [value_of([MetricValue(each) for each in _used(name, side.done)]) for side in sides]
        if any(values):
            repeats = [summarise(_used(name, side.repeats)) for side in sides]
            yield _change(Metric(name, name, unit, better="lower"), values, repeats)


def _used(name: str, outcomes: Iterable[Outcome]) -> list[float]:
    return [found for outcome in outcomes if (found := outcome.used(name)) is not None]


def value_of(found: Sequence[MetricValue]) -> Value | None:
    """Return one measurement as it is, or several summarized; None if there is none."""
    return found[0] if len(found) == 1 else summarise(each.value for each in found)


def _change(metric: Metric, values: Sequence[Value | None], repeats: Sequence[Summary | None]) -> MetricChange:
    pairs = [_judged(metric, values[0], repeats[0], *other) for other in zip(values[1:], repeats[1:], strict=True)]
    differences, judgements = zip((None, None), *pairs, strict=True)
    return MetricChange(metric, tuple(values), differences, judgements)


def _judged(
    metric: Metric, first: Value | None, before: Summary | None, other: Value | None, after: Summary | None
) -> tuple[float | None, Judgement | None]:
    """Return how far a value is from the first, and what that is worth; nothing where there is nothing to subtract."""
    if first is None or other is None or before is None or after is None:
        return None, None
    difference = mean_of(other) - mean_of(first)
    return difference, judge(metric, difference, before, after)


def value_json(value: Value) -> dict[str, Any]:
    """Return a value for JSON, with the interval of its program, or of its repeats at 95 %."""
    if isinstance(value, MetricValue):
        found = {"n": 1, "mean": value.value, "half_width": None, "low": value.low, "high": value.high}
        return found if value.samples is None else found | {"samples": value.samples}
    half = intervals.half_width(value)
    bounds = (None, None) if half is None else (value.mean - half, value.mean + half)
    return {"n": value.n, "mean": value.mean, "half_width": half, "low": bounds[0], "high": bounds[1]}
