"""Write the events of a run to ``events.jsonl`` in its folder."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from threading import RLock
from typing import Any

from fairmesh.runner import jsonfiles
from fairmesh.runner.protocol import EVENTS, EXECUTOR_RUN, RUN_FILE, RUN_FOLDER
from snakemake_logger_plugin_fairmesh.writer import LineWriter


class EventFile:
    """The file of events; they are kept until the folder of the run is known.

    Parameters
    ----------
    lock : threading.RLock
        The lock that callers of ``add`` hold.
    warn : callable
        Called with the reason why events cannot be written.
    """

    def __init__(self, lock: RLock, warn: Callable[[str], None]) -> None:
        self._lines = LineWriter(lock, warn)
        self._is_named = False

    def add(self, event: dict[str, Any]) -> None:
        """Add an event, which happens now."""
        line = {"time": jsonfiles.now(), **event}
        self._lines.add((json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))

    def write(self) -> None:
        """Write the events that are not written yet."""
        if RUN_FOLDER in os.environ:
            folder = os.environ[RUN_FOLDER]
            self._lines.path = os.path.join(folder, EVENTS)  # noqa: PTH118  start-up time of every run
            if not self._is_named:
                with contextlib.suppress(OSError):  # retried with the next record
                    self._is_named = _name_run(os.path.join(folder, RUN_FILE))  # noqa: PTH118  as above
        self._lines.write()

    def close(self) -> None:
        """Write the remaining events and close the file."""
        self._lines.close()


def _name_run(path: str) -> bool:
    """Write the scheduler's name of this run to run.json, so that its jobs are found after a crash.

    Log records come through a queue: run.json may have been written before the name was known.

    Returns
    -------
    bool
        Whether run.json exists, so that nothing is left to do.
    """
    about = jsonfiles.read_map(path)
    name = os.environ.get(EXECUTOR_RUN, "")
    if about and name and about.get("executor_run") != name:
        jsonfiles.write(path, dict(about, executor_run=name))
    return bool(about)
