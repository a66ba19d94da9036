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


def html_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return an HTML table in which every text is escaped.

    >>> html_table(("id",), [("<b>",)])
    '<table><thead><tr><th>id</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
