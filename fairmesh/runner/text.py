"""Make untrusted text safe for terminals, messages and files."""

import os
import re
from typing import List, Union

from .safefiles import open_regular

LONGEST = 1 << 16  # characters of a line, and bytes from the end of a file, that are used
# No alternative backtracks, so that any line is scanned once: an unfinished code ends at the next escape or at the end
# of the line.
_STEERING = re.compile(
    r"(\r|\x08"
    r"|\x1b(?:\[[0-9;:<=>?]*[ -/]*[@-~]?|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[@-Z\\-_])?)"
)
_MOVE = re.compile(r"\x1b\[([0-9]{0,5})([CDGK])\Z")
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_UNKNOWNS = re.compile(_UNKNOWN + "+")


def printable(line: str) -> str:
    r"""Return the line that a terminal would finally show, without control characters.

    Characters that cannot be shown become a replacement character, one for several in a row.

    >>> printable("epoch 1\repoch 2 \x1b[31mred\x1b[0m!\r")
    'epoch 2 red!'
    >>> printable("100% of it\r\x1b[K50%")
    '50%'
    """
    cut = "..." if len(line) > LONGEST else ""
    plain = _overwritten(line[-LONGEST:].rstrip("\r\n")).expandtabs(4)
    return cut + _UNKNOWNS.sub(_UNKNOWN, "".join(sign if sign.isprintable() else _UNKNOWN for sign in plain))


def _overwritten(line: str) -> str:
    """Return the final content of a terminal's line; the cursor never moves beyond the text."""
    shown: List[str] = []
    column = 0
    for index, part in enumerate(_STEERING.split(line)):
        if index % 2:
            column = _steer(shown, column, part)
        else:
            shown[column : column + len(part)] = part
            column += len(part)
    return "".join(shown)


def _steer(shown: List[str], column: int, code: str) -> int:
    """Apply a carriage return, a backspace or an escape code; return the column of the cursor."""
    move = _MOVE.match(code)
    if not move:
        return {"\r": 0, "\b": max(0, column - 1)}.get(code, column)
    number, letter = int(move.group(1) or 0), move.group(2)
    if letter == "K":  # erases to the right, or (2) the whole line
        column = 0 if number == 2 else column
        del shown[column if number in (0, 2) else len(shown) :]
        return column
    steps = {"C": column + max(1, number), "D": column - max(1, number), "G": number - 1}
    return min(max(0, steps[letter]), len(shown))


def printable_lines(text: str) -> str:
    """Return a text of several lines, each of them printable."""
    return "\n".join(map(printable, text.split("\n")))


def last_lines(path: Union[str, "os.PathLike[str]"], lines: int = 20) -> List[str]:
    """Return the last lines of a log, printable and without empty ones; none if it is a link or unreadable."""
    try:
        with open_regular(os.fspath(path), follow_links=False) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - LONGEST))
            return lines_of(file.read(LONGEST))[-lines:]
    except OSError:
        return []


def lines_of(data: bytes) -> List[str]:
    """Return the lines of a piece of a log, printable and without empty ones."""
    shown = (printable(line) for line in data.decode("utf-8", "replace").split("\n"))
    return [line for line in shown if line.strip()]
