"""What a terminal shows of the bytes that a program writes to it."""

from __future__ import annotations

import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from fcntl import ioctl
from pathlib import Path

_PART = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|([\r\n])|(.)", re.DOTALL)


def rendered(data: bytes) -> list[str]:
    """Return the lines of a terminal of unlimited width, after all movements of the cursor."""
    lines: list[list[str]] = [[]]
    row = column = 0
    for number, letter, move, sign in _PART.findall(data.decode("utf-8", "replace")):
        if letter == "A":
            row = max(0, row - int(number or 1))
        elif letter == "K":
            lines[row] = [] if number == "2" else lines[row][:column]
        elif move == "\r":
            column = 0
        elif move == "\n":
            row += 1
            lines += [[]] if row == len(lines) else []
        elif sign:
            lines[row] += " " * (column + 1 - len(lines[row]))
            lines[row][column] = sign
            column += 1
    return ["".join(line).rstrip() for line in lines]


def run_on_terminal(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    columns: int = 100,
    is_time: Callable[[bytes], bool] = lambda _: False,
) -> tuple[int, bytes]:
    """Run a command on a terminal; type Ctrl-C once when it is time, and return exit status and output."""
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(folder)
        os.execvpe(command[0], command, {**environment, "TERM": "xterm"})  # noqa: S606  no shell is needed
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    output, deadline, has_typed = b"", time.monotonic() + 300, False
    while time.monotonic() < deadline:
        try:
            output += os.read(terminal, 1 << 16) if select.select([terminal], [], [], 0.1)[0] else b""
        except OSError:  # the end
            break
        if not has_typed and is_time(output):
            has_typed = bool(os.write(terminal, b"\x03"))
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), output
