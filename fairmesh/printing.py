"""The door to a terminal: whatever people read passes here, so that no text from elsewhere steers the terminal."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, TextIO

from fairmesh.runner.text import printable_lines

# JSON escapes what is below a space; above are the codes of 8 bits, and marks that turn the direction of writing.
_UNSAFE = re.compile("[\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def print_lines(text: object, file: TextIO | None = None, flush: bool = False) -> None:
    """Print the lines of a text, each of them printable, on standard output by default."""
    print(printable_lines(str(text)), file=file, flush=flush)


def print_table(text: str) -> None:
    """Print CSV: as it is into a file or a pipe, printable on a terminal."""
    print(printable_lines(text) if sys.stdout.isatty() else text)


def safe_json(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON in which everything that could steer a terminal is escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_json(value: Any) -> None:
    """Print a value as readable JSON."""
    print(safe_json(value, 1))


def one_line(text: str) -> str:
    r"""Return a text from elsewhere as one printable line; nearly all are one already.

    >>> one_line("no space\n\x1b[31mleft")
    'no space left'
    """
    return text if text.isprintable() else " ".join(printable_lines(text.strip()).split("\n"))


def count_text(count: int, noun: str, separator: str = "") -> str:
    """Return a number with its noun.

    >>> count_text(1, "experiment"), count_text(2000, "experiment"), count_text(2000, "experiment", ",")
    ('1 experiment', '2000 experiments', '2,000 experiments')
    """
    return f"{count:{separator}} {noun}" if count == 1 else f"{count:{separator}} {noun}s"


def html_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return an HTML table in which every text is escaped.

    >>> html_table(("id",), [("<b>",)])
    '<table><thead><tr><th>id</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


UNREADABLE = 20  # files that cannot be read, in a message


def list_unreadable(problems: Sequence[str]) -> list[str]:
    """Return lines about files that cannot be read, each line once, and of very many only the first ones.

    >>> list_unreadable(["a: cannot be read", "a: cannot be read"])
    ['a: cannot be read']
    """
    lines = list(dict.fromkeys(problems))
    more = len(lines) - UNREADABLE
    return [*lines[:UNREADABLE], *([f"and {more} more files that cannot be read"] if more > 0 else [])]


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")  # the last four are full-width


_MARKS = "\\`*_[]<>#|!~$"


def escape_cell(text: str) -> str:
    """Return a text as a cell of a CSV file that no spreadsheet takes for a formula: an apostrophe stands before it.

    >>> [escape_cell(text) for text in ("=cmd|' /C calc'!A0", "-1.5", "plain")]
    ["'=cmd|' /C calc'!A0", '-1.5', 'plain']
    """
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def escape_markdown(value: Any) -> str:
    r"""Return a value as text that means nothing to Markdown, on one line.

    >>> print(escape_markdown("a|b <c>\n*d*"))
    a\|b \<c\> \*d\*
    """
    text = " ".join(str(value).split())
    return "".join(f"\\{character}" if character in _MARKS else character for character in text)


def format_duration(seconds: float, *, precise: bool = False) -> str:
    """Return a time span in the unit that a person would choose; precise ones have decimals below 100 seconds.

    >>> [format_duration(seconds) for seconds in (0.4, 59, 90, 3700, 200000)]
    ['0 s', '59 s', '1 min 30 s', '1 h 1 min', '55 h 33 min']
    >>> format_duration(12.34, precise=True), format_duration(967.6, precise=True)
    ('12.34 s', '16 min 8 s')
    """
    if precise and seconds < 100:
        return f"{seconds:.4g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def format_size(count: float) -> str:
    """Return a number of bytes in binary units, with three digits.

    >>> format_size(512), format_size(812.4 * 2**20), format_size(1023.9 * 2**10), format_size(2**60)
    ('512 B', '812 MiB', '1 MiB', '1.05e+06 TiB')
    """
    power = 0
    while power < len(_UNITS) - 1 and round(count) >= 1000:
        count, power = count / 1024, power + 1
    return f"{count:.3g} {_UNITS[power]}"


def format_time(time: str) -> str:
    """Return a moment as people read it.

    >>> format_time("2026-11-20T10:00:00.123Z"), format_time("")
    ('2026-11-20 10:00:00 UTC', 'never')
    """
    return f"{time[:10]} {time[11:19]} UTC" if time else "never"
