"""What a study measures: the metrics as the application declares them, and one measured value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

Direction = Literal["higher", "lower", ""]
_DIRECTIONS = get_args(Direction)
ROUGH = 8  # samples; an interval over fewer is marked as rough


@dataclass(frozen=True)
class Metric:
    """A metric as declared by the application.

    Parameters
    ----------
    name, title : str
        Key in ``metrics.json``, and what a person reads.
    unit : str
        Empty for a pure number.
    better : str
        ``higher`` or ``lower``; empty if the application does not say, and then nothing is ranked by it.
    primary : bool
        Whether experiments are ranked by it.
    description : str
        A sentence for the reader.
    tolerance : float or None
        A difference up to this counts as none; None if the application states none.
    """

    name: str
    title: str
    unit: str = ""
    better: Direction = ""
    primary: bool = False
    description: str = ""
    tolerance: float | None = None

    @classmethod
    def from_plan(cls, name: str, declared: dict[str, Any]) -> Metric:
        """Read one entry of ``application.metrics`` of a plan."""
        unit, tolerance = str(declared.get("unit") or ""), declared.get("tolerance")
        return cls(
            name=name,
            title=str(declared.get("title") or readable(name)),
            unit="" if unit == "1" else unit,
            better=declared["better"] if declared.get("better") in _DIRECTIONS else "",
            primary=bool(declared.get("primary")),
            description=str(declared.get("description") or ""),
            tolerance=None if tolerance is None else float(tolerance),
        )

    def is_gain(self, difference: float) -> bool:
        """Whether a value that is larger by this is better."""
        return difference > 0 if self.better == "higher" else difference < 0

    def order(self, value: float) -> float:
        """Return what sorts the better of two values first; all are equal to a metric without a direction.

        >>> Metric("loss", "Loss", better="lower").order(2) < Metric("loss", "Loss", better="lower").order(3)
        True
        """
        return {"higher": -value, "lower": value}.get(self.better, 0)

    @property
    def label(self) -> str:
        """Return title and unit, as for an axis.

        >>> Metric("time", "Training time", "s").label
        'Training time (s)'
        """
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True)
class MetricValue:
    """A measured value, with the interval that the program gave for it, if it gave one.

    Parameters
    ----------
    value, low, high : float
        The value, and the ends of its interval.
    samples : int or None
        How many samples the interval rests on, such as scenes; None if the program does not say.
    """

    value: float
    low: float | None = None
    high: float | None = None
    samples: int | None = None

    @property
    def is_rough(self) -> bool:
        """Whether its interval rests on so few samples that it is little more than a hint."""
        return self.samples is not None and self.samples < ROUGH

    @classmethod
    def from_json(cls, found: Any) -> MetricValue:
        """Read a number, or a map of value, low, high and samples.

        Raises
        ------
        KeyError
            If the map has no value.
        ValueError
            If something is not a finite number.
        """
        if not isinstance(found, dict):
            return cls(finite(found))
        low, high = (None if found.get(end) is None else finite(found[end]) for end in ("low", "high"))
        samples = found.get("samples")
        return cls(finite(found["value"]), low, high, None if samples is None else int(finite(samples)))


def finite(found: Any) -> float:
    """Return a finite number as it is.

    Raises
    ------
    ValueError
        If it is none.
    """
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise ValueError(f"not a finite number: {found!r}")
    return found


def readable(name: str) -> str:
    """Make words of a name.

    >>> readable("val_accuracy")
    'Val accuracy'
    """
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
