"""What verbs print: tables, CSV and JSON."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence

from fairmesh.printing import escape_cell


def count(text: str) -> int:
    """Read a whole number above 0 from the command line."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, not {text!r}")
    return int(text)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align columns.

    >>> print(table(("id", "key"), [("epochs=1", "abc")]))
    id        key
    epochs=1  abc
    """
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in (heads, *rows))
    return "\n".join(lines)


def csv_text(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as CSV; a cell that a spreadsheet would compute is shown as text.

    >>> print(csv_text(("id", "why"), [("a", "=1+1")]))
    id,why
    a,'=1+1
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([list(map(escape_cell, row)) for row in (heads, *rows)])
    return out.getvalue().rstrip("\n")
