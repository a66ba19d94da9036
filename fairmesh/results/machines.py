"""Compare the machines of a study: the same points on each, accuracy by difference, time and energy by ratio."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.names import REPEAT, number_text
from fairmesh.results.load import Outcome, StudyResults
from fairmesh.results.machine_sides import MachineSide, machine_sides, notes_on
from fairmesh.results.metrics import Metric
from fairmesh.results.paired import PairedEstimate, paired_estimate
from fairmesh.results.ranking import point_id
from fairmesh.results.statistics import Judgement
from fairmesh.results.table import USAGE_UNITS

METHOD = (
    "A pair is the same repeat of the same point on both machines; every point has the same weight. Ratios are those "
    "of geometric means. Intervals are 95 % by Student's t over pairs, of ratios on the logarithm: from the spread of "
    "the repeats of each point or, without repeats, from the spread between points. Each comparison stands for itself; "
    "there is no correction for several."
)
_RATIO_UNITS = frozenset(
    ("s", "ms", "us", "ns", "min", "h", "J", "kJ", "MJ", "Wh", "kWh", "W", "kW", "byte", "B", "kB", "MB", "GB", "KiB")
) | {"MiB", "GiB"}
_ZERO_WIDTH = 1e-12  # of the mean; narrower intervals are rounding errors


@dataclass(frozen=True)
class MachineChange:
    """A quantity on a machine, compared with the reference over their common points.

    Parameters
    ----------
    estimate : PairedEstimate
        The difference, or the logarithm of the ratio, to the reference.
    is_ratio : bool
        Whether the quantity is compared by its ratio.
    reference, own : float
        The mean of each over the common points; the geometric one for ratios.
    least, most : float
        The smallest and largest difference or ratio of a single point.
    judgement : Judgement
        Whether the machines can be distinguished.
    """

    estimate: PairedEstimate
    is_ratio: bool
    reference: float
    own: float
    least: float
    most: float
    judgement: Judgement

    @property
    def value(self) -> float:
        """The difference or the ratio."""
        return math.exp(self.estimate.mean) if self.is_ratio else self.estimate.mean

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the difference or ratio."""
        ends = self.estimate.interval
        return (math.exp(ends[0]), math.exp(ends[1])) if ends and self.is_ratio else ends

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        low, high = self.interval or (None, None)
        estimate = self.estimate
        return {
            "ratio" if self.is_ratio else "difference": self.value,
            "low": low,
            "high": high,
            "points": estimate.points,
            "pairs": estimate.pairs,
            "basis": estimate.basis or None,
            "is_rough": estimate.is_rough,
            "reference": self.reference,
            "value": self.own,
            "least": self.least,
            "most": self.most,
            "noise": asdict(self.judgement),
        }


@dataclass(frozen=True)
class Quantity:
    """A metric or a used resource on all machines.

    Parameters
    ----------
    metric : Metric
        Name, title, unit and direction.
    is_ratio : bool
        Whether it is compared by ratios.
    is_usage : bool
        Whether it is a used resource.
    changes : tuple of MachineChange or None
        By machine; None for the reference, and without common results.
    """

    metric: Metric
    is_ratio: bool
    is_usage: bool
    changes: tuple[MachineChange | None, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "name": self.metric.name,
            "title": self.metric.title,
            "unit": self.metric.unit,
            "better": self.metric.better or None,
            "is_ratio": self.is_ratio,
            "is_usage": self.is_usage,
            "machines": [None if change is None else change.to_json() for change in self.changes],
        }


@dataclass(frozen=True)
class MachineComparison:
    """The machines of a study, each compared with a reference.

    Parameters
    ----------
    study : StudyResults
        The study.
    reference : int
        The index of the reference.
    sides : tuple of MachineSide
        The machines that have results, in the order of the plan.
    quantities : tuple of Quantity
        Metrics, the primary one first, then used resources.
    notes : tuple of str
        What limits the comparison, in sentences.
    """

    study: StudyResults = field(repr=False)
    reference: int
    sides: tuple[MachineSide, ...]
    quantities: tuple[Quantity, ...]
    notes: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The names of the machines."""
        return [side.name for side in self.sides]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "kind": "machines",
            "study": self.study.name,
            "reference": self.names[self.reference],
            "machines": [side.to_json() for side in self.sides],
            "quantities": [quantity.to_json() for quantity in self.quantities],
            "notes": list(self.notes),
            "method": METHOD,
        }


def compare_machines(study: StudyResults, reference: str = "") -> MachineComparison:
    """Compare the machines of a study over the points that they have in common.

    Metrics without a unit of time, energy, size or rate, such as an accuracy, are compared by differences; the others
    by ratios of geometric means.

    Parameters
    ----------
    study : StudyResults
        The study.
    reference : str
        The machine that the others are compared with; by default the first one with results.

    Raises
    ------
    InputError
        If fewer than two machines have results, or the reference has none.

    Examples
    --------
    >>> from fairmesh.results import load_study
    >>> comparison = compare_machines(load_study(Path("results"), "quick"), "laptop")  # doctest: +SKIP
    >>> comparison.quantities[1].changes[1].value  # doctest: +SKIP
    0.52
    """
    sides = machine_sides(study)
    names = [side.name for side in sides]
    if len(sides) < 2:
        where = f"only {names[0]}" if names else "no machine"
        raise InputError([Problem(f"study {study.name} has results of {where}; comparing needs two machines")])
    if reference and reference not in names:
        what = f"no results of machine {reference!r} in study {study.name}"
        raise InputError([Problem(what, "--reference", ", ".join(names), nearest(reference, names))])
    index = names.index(reference) if reference else 0
    return MachineComparison(study, index, sides, tuple(_quantities(study, sides, index)), tuple(notes_on(sides)))


Measure = Callable[[Outcome], float | None]


def _quantities(study: StudyResults, sides: Sequence[MachineSide], reference: int) -> Iterator[Quantity]:
    for metric in sorted(study.metrics, key=lambda metric: metric is not study.primary):
        yield from _quantity(metric, sides, reference, False, _metric_of(metric.name))
    for name, unit in USAGE_UNITS.items():
        yield from _quantity(Metric(name, name, unit, "lower"), sides, reference, True, _usage_of(name))


def _metric_of(name: str) -> Measure:
    return lambda outcome: outcome.metrics[name].value if name in outcome.metrics else None


def _usage_of(name: str) -> Measure:
    return lambda outcome: outcome.used(name)


def _quantity(
    metric: Metric, sides: Sequence[MachineSide], reference: int, is_usage: bool, measure: Measure
) -> Iterator[Quantity]:
    """Yield the comparison of a quantity, if two machines have it."""
    values = [_by_repeat(side.done, measure) for side in sides]
    is_positive = all(value > 0 for points in values for repeats in points.values() for value in repeats.values())
    is_ratio = is_positive and has_ratio_scale(metric.unit)
    changes = tuple(
        None if index == reference else _change(metric, is_ratio, values[reference], own, sides[reference].name)
        for index, own in enumerate(values)
    )
    if any(changes):
        yield Quantity(metric, is_ratio, is_usage, changes)


def has_ratio_scale(unit: str) -> bool:
    """Return whether quantities of a unit are compared by ratios: times, energies, sizes and rates.

    >>> has_ratio_scale("s"), has_ratio_scale("image/s"), has_ratio_scale(""), has_ratio_scale("%")
    (True, True, False, False)
    """
    return unit in _RATIO_UNITS or unit.endswith(("/s", "/h", "/min", "/J"))


def _by_repeat(outcomes: Iterable[Outcome], measure: Measure) -> dict[str, dict[Any, float]]:
    """Return the measured values by point and repeat."""
    values: dict[str, dict[Any, float]] = {}
    for outcome in outcomes:
        value = measure(outcome)
        if value is not None:
            values.setdefault(point_id(outcome), {})[outcome.axes.get(REPEAT)] = value
    return values


Pair = tuple[float, float]


def _change(
    metric: Metric,
    is_ratio: bool,
    first: Mapping[str, Mapping[Any, float]],
    other: Mapping[str, Mapping[Any, float]],
    reference: str,
) -> MachineChange | None:
    """Compare a machine with the reference; None without common results."""
    common = [
        [(repeats[repeat], other[point][repeat]) for repeat in repeats if repeat in other[point]]
        for point, repeats in first.items()
        if point in other
    ]
    points: list[list[Pair]] = [pairs for pairs in common if pairs]
    if not points:
        return None
    scale: Callable[[float], float] = math.log if is_ratio else float
    back: Callable[[float], float] = math.exp if is_ratio else float
    differences = [[scale(after) - scale(before) for before, after in pairs] for pairs in points]
    estimate = paired_estimate(differences)
    means = [statistics.fmean(pairs) for pairs in differences]
    before, after = (
        back(statistics.fmean(statistics.fmean(scale(pair[side]) for pair in pairs) for pairs in points))
        for side in (0, 1)
    )
    judgement = _judge(metric, is_ratio, estimate, after - before, reference)
    return MachineChange(estimate, is_ratio, before, after, back(min(means)), back(max(means)), judgement)


def _judge(metric: Metric, is_ratio: bool, estimate: PairedEstimate, difference: float, reference: str) -> Judgement:
    """Judge whether a machine can be distinguished from the reference: by the interval, else by the tolerance."""
    count = "1 pair" if estimate.pairs == 1 else f"{estimate.pairs} pairs"
    test = f"paired t test, 5 %, {count}{', rough' if estimate.is_rough else ''}"
    half, words = estimate.half_width, _direction(metric, difference)
    if not estimate.mean and not half:
        return Judgement("noise", "", f"not distinguishable from {reference}: equal in {count}")
    has_spread = half is not None and half > _ZERO_WIDTH * abs(estimate.mean)
    if has_spread and half is not None:
        if abs(estimate.mean) <= half:
            return Judgement("noise", estimate.basis, f"not distinguishable from {reference} ({test})")
        return Judgement("different", estimate.basis, f"{words} than {reference} ({test})")
    if metric.tolerance is not None and not is_ratio:
        tolerance = f"the tolerance of {number_text(metric.tolerance)} {metric.unit}".rstrip()
        if abs(estimate.mean) <= metric.tolerance:
            return Judgement("noise", "tolerance", f"not distinguishable from {reference}: within {tolerance}")
        return Judgement("different", "tolerance", f"{words} than {reference}, by more than {tolerance}")
    return Judgement("unknown", "", f"{words} than {reference}; {count} without spread: noise unknown")


def _direction(metric: Metric, difference: float) -> str:
    if metric.name in USAGE_UNITS or not metric.better:
        return "more" if difference > 0 else "less"
    return "better" if metric.is_gain(difference) else "worse"
