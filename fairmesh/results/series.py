"""What a program wrote while it ran: its CSV files as rows."""

from __future__ import annotations

import csv
import math
from pathlib import Path

Value = float | str | None
Row = dict[str, Value]


def read_rows(path: Path) -> list[Row]:
    """Read a CSV file with a header.

    What reads as a finite number is one, an empty cell or a number that is not finite is None, the rest is text. A file
    that is missing, a link, or not CSV gives no rows: the program that wrote it may have been killed at it.
    """
    if path.is_symlink() or not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [{name: _value(text) for name, text in row.items() if name} for row in csv.DictReader(file)]
    except (csv.Error, UnicodeDecodeError):
        return []


def _value(text: str | None) -> Value:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else None
