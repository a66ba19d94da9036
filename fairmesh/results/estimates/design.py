"""Which features of results vary, and how: the columns of a regression, and what lies beyond the measured range."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairmesh.files import canonical_json
from fairmesh.names import plain_text
from fairmesh.results.past_results import label

Features = Mapping[str, Any]
MOST_LEVELS = 20  # different values of a feature that is no positive number; with more, it is left out
EXPONENT = (1.0, 0.75)  # mean and standard deviation of an exponent before any result is seen
FACTOR = 1.0  # standard deviation of the logarithm of a factor before any result is seen


@dataclass(frozen=True)
class Power:
    """A positive number whose exponent is estimated.

    Parameters
    ----------
    name : str
        The feature.
    low, high : float
        The measured range.
    """

    name: str
    low: float
    high: float
    prior = EXPONENT

    @property
    def width(self) -> int:
        """The number of columns."""
        return 1

    def columns(self, features: Features) -> list[float]:
        """Return the logarithm of the number, relative to the middle of the measured range."""
        return [math.log(features[self.name] / math.sqrt(self.low) / math.sqrt(self.high))]

    def distance(self, features: Features) -> float:
        """Return how far a number lies beyond the measured range, as a logarithm."""
        number = features[self.name]
        return max(0.0, math.log(number / self.high), math.log(self.low / number))

    def remark(self, features: Features) -> str:
        """Return a remark if the number lies beyond the measured range."""
        low, high = plain_text(self.low), plain_text(self.high)
        is_beyond = self.distance(features) > 0
        return f"{describe(self.name, features)} is beyond {low}..{high} that were measured" if is_beyond else ""


@dataclass(frozen=True)
class Levels:
    """A feature whose values each have a factor; one more column stands for values that were never measured.

    Parameters
    ----------
    name : str
        The feature.
    levels : tuple of str
        The measured values, as canonical JSON.
    spread : float
        The standard deviation of the logarithm of a factor before any result is seen.
    """

    name: str
    levels: tuple[str, ...]
    spread: float = FACTOR

    @property
    def prior(self) -> tuple[float, float]:
        """Mean and standard deviation of the logarithm of a factor before any result is seen."""
        return 0.0, self.spread

    @property
    def width(self) -> int:
        """The number of columns; a single measured value needs none of its own."""
        return 1 + (len(self.levels) if len(self.levels) > 1 else 0)

    def columns(self, features: Features) -> list[float]:
        """Return 1 in the column of the value."""
        level = canonical_json(features.get(self.name))
        measured = [float(level == known) for known in self.levels] if len(self.levels) > 1 else []
        return [*measured, float(level not in self.levels)]

    def distance(self, features: Features) -> float:
        """Return 0: the column of unknown values has the uncertainty."""
        return 0.0

    def remark(self, features: Features) -> str:
        """Return a remark if the value was never measured."""
        is_known = canonical_json(features.get(self.name)) in self.levels
        return "" if is_known else f"{describe(self.name, features)} was never measured"


@dataclass(frozen=True)
class Design:
    """The features that a regression uses.

    Parameters
    ----------
    terms : tuple of Power or Levels
        The features that vary, or may vary.
    constants : dict of str to float
        The positive numbers that are the same in all results.
    """

    terms: tuple[Power | Levels, ...]
    constants: dict[str, float]

    @classmethod
    def of(cls, results: Sequence[Features], spreads: Mapping[str, float]) -> Design:
        """Choose the terms from the features of results; ``spreads`` has those of features with other factors."""
        names = dict.fromkeys(name for features in results for name in features)
        terms: list[Power | Levels] = []
        constants = {}
        for name in names:
            values: list[Any] = [features.get(name) for features in results]
            if all(map(is_positive, values)):
                low, high = min(values), max(values)
                if low < high:
                    terms.append(Power(name, low, high))
                else:
                    constants[name] = low
            elif len(levels := dict.fromkeys(map(canonical_json, values))) <= MOST_LEVELS:
                terms.append(Levels(name, tuple(levels), spreads.get(name, FACTOR)))
        return cls(tuple(terms), constants)

    @property
    def has_powers(self) -> bool:
        """Whether a number varies."""
        return any(isinstance(term, Power) for term in self.terms)

    def row(self, features: Features) -> list[float]:
        """Return the columns of a point, the first of which is 1."""
        return [1.0, *(value for term in self.terms for value in term.columns(features))]

    def distances(self, features: Features) -> list[float]:
        """Return for each column how far the point lies beyond the measured range."""
        return [0.0, *(term.distance(features) for term in self.terms for _ in range(term.width))]

    @property
    def priors(self) -> list[tuple[float, float]]:
        """Mean and standard deviation of each coefficient except the first, before any result is seen."""
        return [term.prior for term in self.terms for _ in range(term.width)]

    @property
    def is_level(self) -> list[bool]:
        """Whether each column is of a measured value of a feature with factors."""
        return [
            False,
            *(isinstance(term, Levels) and i < term.width - 1 for term in self.terms for i in range(term.width)),
        ]

    @property
    def is_unknown(self) -> list[bool]:
        """Whether each column is of values that were never measured."""
        return [
            False,
            *(isinstance(term, Levels) and i == term.width - 1 for term in self.terms for i in range(term.width)),
        ]

    def remarks(self, features: Features) -> Iterator[str]:
        """Yield what lies beyond the measurements."""
        yield from filter(None, (term.remark(features) for term in self.terms))

    def unmeasured(self, features: Features) -> list[str]:
        """Return the numbers that differ from the only value that was measured, or cannot be compared with others."""
        changed = [name for name, value in self.constants.items() if features.get(name) != value]
        powers = [term.name for term in self.terms if isinstance(term, Power)]
        return [*changed, *(name for name in powers if not is_positive(features.get(name)))]


def is_positive(value: Any) -> bool:
    """Return whether a value is a positive number whose logarithm is finite."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1e300


def describe(name: str, features: Features) -> str:
    """Return a feature with its value: ``epochs=100``, or ``machine dgx``."""
    value = plain_text(features.get(name))
    return f"{label(name)} {value}" if label(name) != name else f"{name}={value}"
