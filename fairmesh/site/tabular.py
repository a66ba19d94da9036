"""Tables of results as data: columns and cells, for a page's HTML, its script, its LaTeX and its charts alike."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fairmesh.files import write_text
from fairmesh.results import Summary
from fairmesh.results.intervals import half_width
from fairmesh.results.metrics import Metric, MetricValue
from fairmesh.results.table import EXACT
from fairmesh.site.numbers import number, single, size, spread, value
from fairmesh.site.plain import plain_json

Kind = Literal["rank", "parameter", "machine", "metric", "usage", "count", "state", "reason", "remark"]

FEW = 40  # values of a column from which a reader can choose one
_DIGITS = 5  # of numbers for sorting and drawing
_MIB = 1 << 20
USAGE = {
    "seconds": ("Time (s)", 1),
    "energy_j": ("Energy (J)", 1),
    "cpu_s": ("Processor time (s)", 1),
    "peak_bytes": ("Peak memory (MiB)", _MIB),
}
"""What an experiment used: the heading, and what its numbers are divided by to be drawn."""


@dataclass(frozen=True)
class Column:
    """A column.

    Parameters
    ----------
    key : str
        ``kind:name``, by which a link names the column.
    title, description : str
        Heading, and a sentence about it.
    shown : bool
        Whether it is there before a reader asks for it.
    better : str
        ``higher``, ``lower``, or empty where neither is.
    choices : tuple of str
        The values that a reader can filter by, as far as they are few.
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
        """The name of what is in it."""
        return self.key.partition(":")[2]


@dataclass(frozen=True)
class Cell:
    """A cell: its text, and the number that it is sorted and drawn by, with the ends of its interval."""

    text: str = ""
    order: float | str | None = None
    interval: tuple[float, float] | None = None

    def to_json(self) -> Any:
        """Return the cell as short as it can be: a text or a number that says the same as the text stands alone."""
        if self.order is None or self.order == self.text:
            return self.text
        if isinstance(self.order, int | float) and not self.interval and _is_plain(self.order, self.text):
            return self.order
        return [self.text, self.order, *(self.interval or ())]


def _is_plain(order: float, text: str) -> bool:
    """Return whether the page's script writes a number in the same way; it has other exponents."""
    return text == number(order) and (not order or abs(order) >= 1e-4) and abs(order) <= EXACT[-1]


def metric_column(metric: Metric, shown: bool = True) -> Column:
    """Return the column of a metric."""
    return Column(f"metric:{metric.name}", metric.label, "metric", shown, metric.description, metric.better)


def usage_column(name: str) -> Column:
    """Return the column of something that was used."""
    return Column(f"usage:{name}", USAGE[name][0], "usage", shown=name in {"seconds", "energy_j"}, better="lower")


def choices(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the different texts of a column if they are few."""
    found = tuple(dict.fromkeys(texts))
    return found if len(found) <= FEW else ()


def parameter_cell(found: Any) -> Cell:
    """Return the cell of a parameter's value."""
    return Cell(value(found), drawable(found))


def measured(summary: Summary | None) -> Cell:
    """Return the cell of a measured quantity."""
    if summary is None:
        return Cell()
    half = half_width(summary)
    ends = _ends(summary.mean - half, summary.mean + half) if half else None
    return Cell(spread(summary), short(summary.mean), ends)


def single_cell(found: MetricValue | None) -> Cell:
    """Return the cell of a metric that was measured once, with the interval that the program gave."""
    if found is None:
        return Cell()
    ends = None if found.low is None or found.high is None else _ends(found.low, found.high)
    return Cell(single(found), short(found.value), ends)


def _ends(low: float, high: float) -> tuple[float, float]:
    return short(low), short(high)


def drawable(found: Any) -> float | str:
    """Return a value as charts and scripts take it: a number, or the text of anything that they would not hold exactly.

    >>> drawable(3), drawable(True), drawable(2**64 - 1)
    (3, 'true', '18446744073709551615')
    """
    is_number = isinstance(found, int | float) and not isinstance(found, bool) and not is_too_large(found)
    return found if is_number else value(found)


def is_too_large(found: Any) -> bool:
    """Whether a value is an integer that charts and scripts, which count with 53 bits, would round."""
    return isinstance(found, int) and not isinstance(found, bool) and found not in EXACT


def used(name: str, summary: Summary | None) -> Cell:
    """Return the cell of something that was used."""
    unit = USAGE[name][1]
    if summary is None or unit == 1:
        return measured(summary)
    return Cell(size(summary.mean), short(summary.mean / unit))


def short(found: float) -> float:
    """Return a number with the digits that are drawn and sorted by.

    >>> short(0.123456789), short(3.0)
    (0.12346, 3)
    """
    short = float(f"{found:.{_DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def board_json(name: str, columns: Iterable[Column], rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return a table as the scripts of the pages take it; each row has ``cells`` in the order of the columns."""
    heads = [
        {"key": each.key, "title": each.title, "kind": each.kind, "shown": each.shown, "better": each.better}
        for each in columns
    ]
    return {"study": name, "columns": heads, "rows": rows, **more}


def write_script(path: Path, name: str, data: dict[str, Any]) -> None:
    """Write data as a script, which unlike JSON a page can load from a disk."""
    write_text(path, f"(window.fairmesh ??= {{}})[{json.dumps(name)}] = {plain_json(data)};\n")
