"""Metrics as an application declares them, and measured values."""

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
        Key in ``metrics.json``, and label.
    unit : str
        Empty for a pure number.
    better : str
        ``higher`` or ``lower``; empty for a metric without a direction, which ranks nothing.
    primary : bool
        Whether experiments are ranked by it.
    description : str
        A sentence for the reader.
    tolerance : float or None
        The largest difference that counts as equal; None if not declared.
    is_declared : bool
        Whether the application declares it.
    """

    name: str
    title: str
    unit: str = ""
    better: Direction = ""
    primary: bool = False
    description: str = ""
    tolerance: float | None = None
    is_declared: bool = True

    @classmethod
    def from_plan(cls, name: str, entry: dict[str, Any] | None) -> Metric:
        """Read one entry of ``application.metrics`` of a plan; None for a metric that it does not declare."""
        declared = entry or {}
        unit, tolerance = str(declared.get("unit") or ""), declared.get("tolerance")
        return cls(
            name=name,
            title=str(declared.get("title") or readable(name)),
            unit="" if unit == "1" else unit,
            better=declared["better"] if declared.get("better") in _DIRECTIONS else "",
            primary=bool(declared.get("primary")),
            description=str(declared.get("description") or ""),
            tolerance=None if tolerance is None else float(tolerance),
            is_declared=entry is not None,
        )

    def is_gain(self, difference: float) -> bool:
        """Return whether a value that is larger by this difference is better."""
        return difference > 0 if self.better == "higher" else difference < 0

    def order(self, value: float) -> float:
        """Return a sort key that puts better values first; constant for a metric without a direction.

        >>> Metric("loss", "Loss", better="lower").order(2) < Metric("loss", "Loss", better="lower").order(3)
        True
        """
        return {"higher": -value, "lower": value}.get(self.better, 0)

    @property
    def label(self) -> str:
        """Return title and unit, as for an axis; an asterisk marks a metric that the application does not declare.

        >>> Metric("time", "Training time", "s").label, Metric("loss", "Loss", is_declared=False).label
        ('Training time (s)', 'Loss*')
        """
        title = self.title if self.is_declared else f"{self.title}*"
        return f"{title} ({self.unit})" if self.unit else title


@dataclass(frozen=True)
class MetricValue:
    """A measured value, with the interval of the program if it gave one.

    Parameters
    ----------
    value, low, high : float
        The value, and the ends of its interval.
    samples : int or None
        Number of samples behind the interval, such as scenes; None if unknown.
    """

    value: float
    low: float | None = None
    high: float | None = None
    samples: int | None = None

    @property
    def is_rough(self) -> bool:
        """Whether its interval is based on few samples."""
        return self.samples is not None and self.samples < ROUGH

    @classmethod
    def from_json(cls, measured: Any) -> MetricValue:
        """Read a number, or a map of value, low, high and samples.

        Raises
        ------
        KeyError
            If the map has no value.
        ValueError
            If something is not a finite number.
        """
        if not isinstance(measured, dict):
            return cls(finite(measured))
        low, high = (None if measured.get(end) is None else finite(measured[end]) for end in ("low", "high"))
        samples = measured.get("samples")
        return cls(finite(measured["value"]), low, high, None if samples is None else int(finite(samples)))


def finite(value: Any) -> float:
    """Return the value if it is a finite number.

    Raises
    ------
    ValueError
        If it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"not a finite number: {value!r}")
    return value


def readable(name: str) -> str:
    """Return a name as words.

    >>> readable("val_accuracy")
    'Val accuracy'
    """
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
