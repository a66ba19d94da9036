"""Programs that the doctor asks: none may keep it waiting."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

PATIENCE = 8.0  # seconds for one program; several are asked at the same time
LONG = 120.0  # seconds for what is asked with --deep alone


class Answer(NamedTuple):
    """What a program said.

    Parameters
    ----------
    good : bool
        Whether it ended well.
    output : str
        What it said; if it did not end well, its complaint.
    """

    good: bool
    output: str


def side_by_side(calls: Mapping[str, Callable[[], Any]], patience: float) -> dict[str, bool]:
    """Make several calls at the same time; tell of each whether it came back within so many seconds.

    Those that did not are left to themselves, and keep nobody from ending the process.
    """
    threads = {name: threading.Thread(target=call, daemon=True) for name, call in calls.items()}
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + patience
    for thread in threads.values():
        thread.join(max(0.0, deadline - time.monotonic()))
    return {name: not thread.is_alive() for name, thread in threads.items()}


def ask(*command: str, patience: float = PATIENCE) -> Answer:
    """Run a program and give what it says, or why it says nothing."""
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=patience,
        )
    except OSError as error:
        return Answer(False, f"{command[0]}: {error.strerror}")
    except subprocess.TimeoutExpired:
        return Answer(False, f"{command[0]} gave no answer within {patience:.0f} s")
    complaint = "; ".join(line.strip() for line in done.stderr.splitlines() if line.strip())
    return Answer(not done.returncode, done.stdout if not done.returncode else complaint or f"status {done.returncode}")
