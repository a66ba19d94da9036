"""What a program wrote while it ran: its CSV files as rows, in any dialect, and never more than fit a page."""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from fairmesh.runner.safefiles import open_regular

Value = float | str | None
Row = dict[str, Value]

MOST_BYTES = 64 << 20
MOST_ROWS = 2000  # more points than a chart has room for
MOST_COLUMNS = 100
_LONGEST_HEAD = 1 << 20  # characters
_QUOTED = re.compile(r'"[^"]*"')
_DELIMITERS = ",;\t|"
_DECIMAL_COMMA = ";\t"  # where a comma separates no cells, it may stand in numbers


class Rows(list[Row]):
    """Rows of a table.

    Attributes
    ----------
    total : int
        How many the file has.
    note : str
        What of the file is not among them, in a sentence; empty if all of it is.
    """

    total: int = 0
    note: str = ""


def read_rows(path: Path, first: int = 0) -> Rows:
    """Read a CSV file with a header.

    What reads as a finite number is one, an empty cell or a number that is not finite is None, the rest is text. A file
    that is missing, a link, no regular file, or not a table with a header gives no rows; what follows a line that
    cannot be read is left out: the program that wrote it may have been killed at it. Cells are separated by what
    separates most in the header: a comma, semicolon, tab or bar.

    Parameters
    ----------
    path : Path
        The file.
    first : int
        Keep only so many rows from the beginning; by default at most 2000 are kept, evenly from the whole file.
    """
    try:
        with open_regular(str(path), follow_links=False) as file:
            data = file.read(MOST_BYTES + 1)
    except OSError:
        return Rows()
    found = _table(decoded(data[:MOST_BYTES]), first)
    if len(data) > MOST_BYTES:
        found.note = f"{found.note} Of the file the first {MOST_BYTES >> 20} MiB are read.".strip()
    return found


def _table(text: str, first: int) -> Rows:
    found, delimiter = Rows(), delimiter_of(text)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    heads = [head.strip() for head in next(_readable(lines), [])]
    if not any(heads) or any(isinstance(_value(head, delimiter), float) for head in heads):
        return found
    kept, step, found.total = _first(lines, first) if first else _thinned(lines)
    names = heads[:MOST_COLUMNS]
    for cells in kept:
        cells += [""] * (len(names) - len(cells))
        found.append({name: _value(cell, delimiter) for name, cell in zip(names, cells, strict=False) if name})
    rows = f"Of {found.total} rows one in {step} is shown." if step > 1 else ""
    columns = f"Of {len(heads)} columns the first {MOST_COLUMNS} are shown." if len(heads) > MOST_COLUMNS else ""
    found.note = f"{rows} {columns}".strip()
    return found


def decoded(data: bytes) -> str:
    """Return the text of a CSV file: UTF-8, UTF-16 with a mark, or else Latin-1 as Windows has it."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(data)  # a last character may be cut
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def delimiter_of(text: str) -> str:
    """Return what separates most cells of the first line.

    >>> [delimiter_of(line) for line in ("epoch,loss", "epoch;loss", 'epoch\\t"a, b, c"', "epoch")]
    [',', ';', '\\t', ',']
    """
    head = _QUOTED.sub("", text[:_LONGEST_HEAD].lstrip("\r\n"))
    line = (head.splitlines() or [""])[0]
    return max(_DELIMITERS, key=line.count)


def _readable(lines: Iterable[list[str]]) -> Iterator[list[str]]:
    """Yield the lines that are not empty, up to one that cannot be read."""
    with suppress(csv.Error):
        yield from filter(None, lines)


def _first(lines: Iterable[list[str]], count: int) -> tuple[list[list[str]], int, int]:
    kept, total = list[list[str]](), 0
    for cells in _readable(lines):
        total += 1
        if total <= count:
            kept.append(cells)
    return kept, 1, total


def _thinned(lines: Iterable[list[str]]) -> tuple[list[list[str]], int, int]:
    """Return rows at even distances, the distance, and how many rows there are."""
    kept, step, total = list[list[str]](), 1, 0
    for cells in _readable(lines):
        if total % step == 0:
            kept.append(cells)
        total += 1
        if len(kept) > MOST_ROWS:
            kept, step = kept[::2], step * 2
    return kept, step, total


def _value(text: str, delimiter: str) -> Value:
    text = text.strip()
    if not text:
        return None
    try:
        number = float(text.replace(",", ".", 1) if delimiter in _DECIMAL_COMMA else text)
    except ValueError:
        return text
    return text if "_" in text else number if math.isfinite(number) else None
