"""Text that came from elsewhere, made safe for a terminal, a message or a file that people read."""

import os
import re
from typing import List, Union

from .regular import open_regular

LONGEST = 1 << 16  # characters of a line, and bytes from the end of a file, that are looked at
# Each alternative matches what it begins with, so that a line is scanned once, whatever it holds: an unfinished code
# ends at the next escape or at the end of the line.
_TERMINAL_CODES = re.compile(
    r"\x1b(?:\[[0-9;:<=>?]*[ -/]*[@-~]?|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[@-Z\\-_])?"
)


def printable(line: str) -> str:
    r"""Return a line as a terminal would show it in the end, without anything that would steer the terminal.

    >>> printable("epoch 1\repoch 2 \x1b[31mred\x1b[0m!\r")
    'epoch 2 red!'
    """
    cut = "..." if len(line) > LONGEST else ""
    last = line[-LONGEST:].rstrip("\r\n").rsplit("\r", 1)[-1]
    plain = _TERMINAL_CODES.sub("", last).expandtabs(4)
    return cut + "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in plain)


def printable_lines(text: str) -> str:
    """Return a text of several lines, each of them printable."""
    return "\n".join(map(printable, text.split("\n")))


def last_lines(path: Union[str, "os.PathLike[str]"], lines: int = 20) -> List[str]:
    """Return the last lines of a log, printable and without empty ones; none of a link, or if it cannot be read."""
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
