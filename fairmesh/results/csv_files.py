"""Read CSV files of programs, in any dialect and of bounded size."""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import zip_longest
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
    """Rows of a table, by column.

    Attributes
    ----------
    total : int
        Number of rows in the file.
    note : str
        A sentence on the rows and columns that are left out; empty if there are none.
    """

    total: int = 0
    note: str = ""


def read_rows(path: Path, first: int = 0) -> Rows:
    """Read a CSV file with a header.

    Finite numbers become floats, empty cells and other numbers None, everything else text. A file that is missing, a
    link, not regular, or without a header gives no rows. Reading stops at an invalid line, as a killed program leaves
    it. The delimiter is the most frequent one in the header: comma, semicolon, tab or bar.

    Parameters
    ----------
    path : Path
        The file.
    first : int
        Number of rows to keep from the start; 0 keeps at most 2000, evenly spaced over the file.
    """
    try:
        with open_regular(str(path), follow_links=False) as file:
            data = file.read(MOST_BYTES + 1)
    except OSError:
        return Rows()
    rows = _table(decoded(data[:MOST_BYTES]), first)
    if len(data) > MOST_BYTES:
        rows.note = f"{rows.note} Of the file the first {MOST_BYTES >> 20} MiB are read.".strip()
    return rows


def _table(text: str, first: int) -> Rows:
    rows, delimiter = Rows(), delimiter_of(text)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    heads = [head.strip() for head in next(_readable(lines), [])]
    if not any(heads) or any(isinstance(_value(head, delimiter), float) for head in heads):
        return rows
    kept, step, rows.total = _first(lines, first) if first else _thinned(lines)
    names = heads[:MOST_COLUMNS]
    for cells in kept:
        pairs = zip_longest(names, cells[: len(names)], fillvalue="")
        rows.append({name: _value(cell, delimiter) for name, cell in pairs if name})
    thinned = f"Of {rows.total} rows one in {step} is shown." if step > 1 else ""
    cut = f"Of {len(heads)} columns the first {MOST_COLUMNS} are shown." if len(heads) > MOST_COLUMNS else ""
    rows.note = f"{thinned} {cut}".strip()
    return rows


def decoded(data: bytes) -> str:
    """Decode a CSV file: UTF-8, UTF-16 with a byte-order mark, or else Windows-1252."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(data)  # a last character may be cut
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def delimiter_of(text: str) -> str:
    r"""Return the most frequent delimiter of the first line.

    >>> [delimiter_of(line) for line in ("epoch,loss", "epoch;loss", 'epoch\t"a, b, c"', "epoch")]
    [',', ';', '\t', ',']
    """
    head = _QUOTED.sub("", text[:_LONGEST_HEAD].lstrip("\r\n"))
    line = (head.splitlines() or [""])[0]
    return max(_DELIMITERS, key=line.count)


def _readable(lines: Iterable[list[str]]) -> Iterator[list[str]]:
    """Yield non-empty lines up to the first invalid one."""
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
    """Return evenly spaced rows, their distance, and the number of all rows."""
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
