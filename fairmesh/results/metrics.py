"""What a study measures: the metrics as the application declares them, and one measured value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Metric:
    """A metric as declared by the application.

    Parameters
    ----------
    name, title : str
        Key in ``metrics.json``, and what a person reads.
    unit : str
        Empty for a pure number.
    higher_is_better : bool
        The direction in which experiments are ranked.
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
    higher_is_better: bool = True
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
            higher_is_better=declared.get("better") != "lower",
            primary=bool(declared.get("primary")),
            description=str(declared.get("description") or ""),
            tolerance=None if tolerance is None else float(tolerance),
        )

    @property
    def label(self) -> str:
        """Give title and unit, as for an axis.

        >>> Metric("time", "Training time", "s").label
        'Training time (s)'
        """
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True)
class MetricValue:
    """A measured value, with the interval that the program gave for it, if it gave one."""

    value: float
    low: float | None = None
    high: float | None = None

    @classmethod
    def from_json(cls, found: Any) -> MetricValue:
        """Read a number, or a map of value, low and high.

        Raises
        ------
        KeyError
            If the map has no value.
        ValueError
            If something is not a finite number.
        """
        if not isinstance(found, dict):
            return cls(finite(found))
        bounds = (None if found.get(end) is None else finite(found[end]) for end in ("low", "high"))
        return cls(finite(found["value"]), *bounds)


def finite(found: Any) -> float:
    """Give a finite number as it is.

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
