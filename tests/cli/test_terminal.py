"""On a terminal: colour and bars for people, unless they do not want them; nothing of it anywhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

COLOUR = "\x1b[3"  # what sets the colour of what follows begins so, in rich's hands


def on_terminal(call: list[str], **variables: str) -> str:
    """Run a verb with a terminal, and give all that it received."""
    above, below = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", **variables}
    environment.pop("NO_COLOR", None) if "NO_COLOR" not in variables else None
    command = [sys.executable, "-m", "fairmesh.cli", *call]
    process = subprocess.Popen(command, stdin=below, stdout=below, stderr=below, env=environment)
    os.close(below)
    text = b""
    try:
        while part := os.read(above, 1 << 16):
            text += part
    except OSError:  # nobody holds the other end any more
        pass
    os.close(above)
    assert process.wait() == 0, text
    return text.decode()


def test_colour_is_for_those_who_want_it(project: Path) -> None:
    assert COLOUR in on_terminal(["status"])
    assert COLOUR not in on_terminal(["status"], NO_COLOR="1")


@pytest.mark.parametrize("call", [["merge", "results", "--into", "merged"], ["crate", "quick"]])
def test_long_work_shows_a_bar_on_a_terminal_alone(project: Path, call: list[str]) -> None:
    assert "\x1b[" in on_terminal(call)
    command = [sys.executable, "-m", "fairmesh.cli", *call]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stdout + done.stderr
