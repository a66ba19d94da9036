"""Columns and cells of result tables, for HTML, scripts, LaTeX, charts and the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fairmesh.files import write_text
from fairmesh.names import plain_text
from fairmesh.results import Summary
from fairmesh.results.metrics import Metric, MetricValue
from fairmesh.results.statistics import half_width
from fairmesh.results.table import EXACT
from fairmesh.site.escaping import compact_json
from fairmesh.site.numbers import measurement, number, size, spread

Kind = Literal["rank", "parameter", "machine", "owner", "metric", "usage", "count", "state", "reason", "remark"]

MAX_CHOICES = 40  # different values of a column that readers can filter by
_DIGITS = 5  # of numbers for sorting and drawing
_MIB = 1 << 20
USAGE = {
    "seconds": ("Time (s)", 1),
    "energy_j": ("Energy (J)", 1),
    "cpu_s": ("Processor time (s)", 1),
    "peak_bytes": ("Peak memory (MiB)", _MIB),
}
"""The resources that an experiment used: heading, and the unit in which charts draw them."""


@dataclass(frozen=True)
class Column:
    """A column.

    Parameters
    ----------
    key : str
        ``kind:name``, as links name the column.
    title, description : str
        Heading, and a sentence about it.
    shown : bool
        Whether it is visible at first.
    better : str
        ``higher``, ``lower``, or empty where neither is better.
    choices : tuple of str
        The values that readers can filter by; empty if they are many.
    """

    key: str
    title: str
    kind: Kind
    shown: bool = True
    description: str = ""
    better: str = ""
    choices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the parameter, metric or resource."""
        return self.key.partition(":")[2]


@dataclass(frozen=True)
class Cell:
    """A cell: its text, the number by which it is sorted and drawn, and the ends of its interval."""

    text: str = ""
    order: float | str | None = None
    interval: tuple[float, float] | None = None

    def to_json(self) -> Any:
        """Return the cell in its shortest form: a text, a number whose text is the same, or a list of all."""
        if self.order is None or self.order == self.text:
            return self.text
        if isinstance(self.order, int | float) and not self.interval and _is_plain(self.order, self.text):
            return self.order
        return [self.text, self.order, *(self.interval or ())]


def _is_plain(order: float, text: str) -> bool:
    """Return whether the page's script formats a number in the same way; its exponents differ."""
    return text == number(order) and (not order or abs(order) >= 1e-4) and abs(order) <= EXACT[-1]


def metric_column(metric: Metric, shown: bool = True) -> Column:
    """Return the column of a metric."""
    return Column(f"metric:{metric.name}", metric.label, "metric", shown, metric.description, metric.better)


def usage_column(name: str) -> Column:
    """Return the column of a used resource."""
    return Column(f"usage:{name}", USAGE[name][0], "usage", shown=name in {"seconds", "energy_j"}, better="lower")


def choices(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the different texts of a column; none if they are many."""
    distinct = tuple(dict.fromkeys(texts))
    return distinct if len(distinct) <= MAX_CHOICES else ()


def parameter_cell(value: Any) -> Cell:
    """Return the cell of a parameter's value."""
    return Cell(plain_text(value), drawable(value))


def summary_cell(summary: Summary | None) -> Cell:
    """Return the cell of a measured quantity."""
    if summary is None:
        return Cell()
    half = half_width(summary)
    ends = _ends(summary.mean - half, summary.mean + half) if half else None
    return Cell(spread(summary), rounded(summary.mean), ends)


def measurement_cell(measured: MetricValue | None) -> Cell:
    """Return the cell of a metric that was measured once, with the interval that the program gave."""
    if measured is None:
        return Cell()
    ends = None if measured.low is None or measured.high is None else _ends(measured.low, measured.high)
    return Cell(measurement(measured), rounded(measured.value), ends)


def _ends(low: float, high: float) -> tuple[float, float]:
    return rounded(low), rounded(high)


def drawable(value: Any) -> float | str:
    """Return a value for charts and scripts: a number, or a text if it is none that they hold exactly.

    >>> drawable(3), drawable(True), drawable(2**64 - 1)
    (3, 'true', '18446744073709551615')
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and not is_too_large(value)
    return value if is_number else plain_text(value)


def is_too_large(value: Any) -> bool:
    """Return whether a value is an integer that charts and scripts would round to 53 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and value not in EXACT


def usage_cell(name: str, summary: Summary | None) -> Cell:
    """Return the cell of a used resource."""
    unit = USAGE[name][1]
    if summary is None or unit == 1:
        return summary_cell(summary)
    return Cell(size(summary.mean), rounded(summary.mean / unit))


def rounded(value: float) -> float:
    """Return a number with the digits by which cells are sorted and drawn.

    >>> rounded(0.123456789), rounded(3.0)
    (0.12346, 3)
    """
    short = float(f"{value:.{_DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def table_json(name: str, columns: Iterable[Column], rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return a table for the scripts of the pages; each row has ``cells`` in the order of the columns."""
    heads = [
        {"key": column.key, "title": column.title, "kind": column.kind, "shown": column.shown, "better": column.better}
        for column in columns
    ]
    return {"study": name, "columns": heads, "rows": rows, **more}


def write_script(path: Path, name: str, data: dict[str, Any]) -> None:
    """Write data as a script, which a page can load from a disk, unlike JSON."""
    write_text(path, f"(window.fairmesh ??= {{}})[{json.dumps(name)}] = {compact_json(data)};\n")
