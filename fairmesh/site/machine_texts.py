"""The comparison of machines in words and numbers, for the website, the terminal and the monitor."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fairmesh.printing import count_text
from fairmesh.results.machines import MachineChange, MachineComparison, Quantity
from fairmesh.site import numbers
from fairmesh.site.sentences import BYTE, quantity_label

_MOST_DECIMALS = 6
SHOWN = ("seconds", "energy_j")  # used resources in the summary
HARDWARE = {
    "owner": "Owner",
    "processor": "Processor",
    "cores": "Cores",
    "memory": "Memory",
    "gpus": "Accelerators",
    "system": "System",
    "nodes": "Nodes",
}
"""The facts about a machine with their titles."""


def change_text(change: MachineChange) -> str:
    """Return a ratio or a difference with its 95 % interval, or without one."""
    if not change.interval:
        return _number(change, change.value)
    low, high = change.interval
    decimals = _decimals(high - low)
    value, *ends = (_number(change, end, decimals) for end in (change.value, low, high))
    return f"{value} [{', '.join(ends)}]"


def range_text(change: MachineChange) -> str:
    """Return the range of the ratios or differences of single points; empty for one point."""
    if change.estimate.points == 1:
        return ""
    decimals = _decimals(change.most - change.least)
    return f"{_number(change, change.least, decimals)} to {_number(change, change.most, decimals)}"


def _number(change: MachineChange, value: float, decimals: int | None = None) -> str:
    """Return a ratio, or a difference with its sign."""
    sign = "" if change.is_ratio else "+"
    return f"{value:{sign}.3g}" if decimals is None else f"{value:{sign}.{decimals}f}"


def _decimals(width: float) -> int | None:
    """Return the decimals that show half the width of an interval with two digits; None if they are many.

    >>> _decimals(0.24), _decimals(300.0), _decimals(0.0)
    (2, 0, None)
    """
    decimals = 1 - math.floor(math.log10(width / 2)) if width > 0 else _MOST_DECIMALS + 1
    return max(0, decimals) if decimals <= _MOST_DECIMALS else None


def value_text(quantity: Quantity, value: float) -> str:
    """Return the mean of a quantity on a machine."""
    return numbers.size(value) if quantity.metric.unit == BYTE else numbers.number(value)


def pairs_text(change: MachineChange) -> str:
    """Return the number of points and pairs.

    >>> from types import SimpleNamespace
    >>> pairs_text(SimpleNamespace(estimate=SimpleNamespace(points=1, pairs=3)))
    '3 pairs at 1 point'
    """
    estimate = change.estimate
    return f"{count_text(estimate.pairs, 'pair')} at {count_text(estimate.points, 'point')}"


def quantity_title(quantity: Quantity) -> str:
    """Return the name of a quantity with its unit."""
    return quantity_label(quantity.metric)


def summaries(comparison: MachineComparison) -> Iterator[str]:
    """Yield a sentence about each machine: its primary metric, time and energy, compared with the reference."""
    for index, name in enumerate(comparison.names):
        if index == comparison.reference:
            continue
        parts = [
            _part(quantity, change)
            for place, quantity in enumerate(comparison.quantities)
            if (change := quantity.changes[index]) and (not place or quantity.metric.name in SHOWN)
        ]
        reference = comparison.names[comparison.reference]
        yield f"{name}: {', '.join(parts)}." if parts else f"{name} has no point in common with {reference}."


def _part(quantity: Quantity, change: MachineChange) -> str:
    count = f"n = {change.estimate.pairs}{', rough' if change.estimate.is_rough else ''}"
    times = " times" if change.is_ratio else ""
    state = {"noise": "not distinguishable", "unknown": f"{change_text(change)}{times}, noise unknown"}
    words = state.get(change.judgement.state, f"{change_text(change)}{times}")
    return f"{quantity_title(quantity)} {words} ({count})"
