"""Compare reproduced metrics with recorded ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fairmesh.names import number_text
from fairmesh.results import MetricValue

State = Literal["agrees", "differs", "not judged"]
EXACT = 1e-9  # relative; a number that went through text may have lost as much
MACHINE_UNITS = {"s", "ms", "min", "h", "J", "kJ", "Wh", "kWh", "W", "byte", "B", "kB", "MB", "GB", "KiB", "MiB", "GiB"}
"""Units of quantities that depend on the machine, as do rates per second."""


@dataclass(frozen=True)
class Agreement:
    """The comparison of one metric.

    Parameters
    ----------
    metric : str
        Its name.
    recorded, found : float or None
        The value in the record, and the new one; None if it was not measured again.
    state : str
        ``agrees``, ``differs``, or ``not judged``.
    why : str
        By which rule.
    """

    metric: str
    recorded: float
    found: float | None
    state: State
    why: str

    def __str__(self) -> str:
        """Return a line of text."""
        found = "nothing" if self.found is None else number_text(self.found)
        return f"{self.metric}: {number_text(self.recorded)} recorded, {found} now: {self.state}, {self.why}"


def compare(
    recorded: Mapping[str, MetricValue],
    found: Mapping[str, MetricValue],
    declared: Mapping[str, Any],
    *,
    interval: bool = False,
) -> list[Agreement]:
    """Compare metrics.

    A metric agrees within the tolerance that its application states. Without one it has to be the same number; but
    time, energy and memory are the machine's, and not judged.

    Parameters
    ----------
    recorded, found : mapping of str to MetricValue
        The values in the record, and the new ones.
    declared : mapping of str to dict
        The metrics as the application declares them, with ``tolerance`` and ``unit``.
    interval : bool
        Whether a value inside the recorded interval agrees, too.

    Examples
    --------
    >>> for each in compare({"f1": MetricValue(0.5)}, {"f1": MetricValue(0.52)}, {"f1": {"tolerance": 0.05}}):
    ...     print(each)
    f1: 0.5 recorded, 0.52 now: agrees, within the tolerance of 0.05
    """
    return list(_compare(recorded, found, declared, interval))


def _compare(
    recorded: Mapping[str, MetricValue], found: Mapping[str, MetricValue], declared: Mapping[str, Any], interval: bool
) -> Iterator[Agreement]:
    for name, old in recorded.items():
        new = found.get(name)
        if new is None:
            yield Agreement(name, old.value, None, "differs", "it was not measured again")
        else:
            state, why = _judge(old, new.value, declared.get(name) or {}, interval)
            yield Agreement(name, old.value, new.value, state, why)


def _judge(old: MetricValue, new: float, declared: Mapping[str, Any], interval: bool) -> tuple[State, str]:
    tolerance = declared.get("tolerance")
    difference = number_text(float(f"{abs(new - old.value):.2g}"))
    if math.isclose(new, old.value, rel_tol=EXACT):
        return "agrees", "the same number"
    if tolerance is not None:
        if abs(new - old.value) <= tolerance:
            return "agrees", f"within the tolerance of {number_text(tolerance)}"
        return "differs", f"by {difference}, more than the tolerance of {number_text(tolerance)}"
    unit = str(declared.get("unit") or "")
    if unit in MACHINE_UNITS or unit.endswith(("/s", "/ s")):
        return "not judged", f"{unit} is a matter of the machine"
    inside = old.low is not None and old.high is not None and old.low <= new <= old.high
    if inside and interval:
        return "agrees", "inside the recorded interval"
    note = ", inside the recorded interval" if inside else ""
    return "differs", f"by {difference}{note}; no tolerance is stated"
