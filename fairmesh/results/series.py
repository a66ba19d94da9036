"""What a program wrote while it ran: its CSV files as rows."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from fairmesh.runner.regular import read_regular

LARGEST = 1 << 26  # bytes
Value = float | str | None
Row = dict[str, Value]


def read_rows(path: Path) -> list[Row]:
    """Read a CSV file with a header.

    What reads as a finite number is one, an empty cell or a number that is not finite is None, the rest is text. A file
    that is missing, no regular file, too large, or not CSV gives no rows: the program may have been killed at it.
    """
    try:
        text = read_regular(str(path), LARGEST, follow_links=False).decode("utf-8")
        rows = csv.DictReader(io.StringIO(text, newline=""))
        return [{name: _value(cell) for name, cell in row.items() if name} for row in rows]
    except (csv.Error, UnicodeDecodeError, OSError):
        return []


def _value(text: str | None) -> Value:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else None
