"""One invocation of the workflow: its folder, what its jobs inherit, and whether somebody wants it to end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import uuid
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fairmesh.files import write_json
from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner import jsonfiles, owner
from fairmesh.runner.protocol import FORMAT

RUN = "FAIRMESH_RUN"
RUN_FOLDER = "FAIRMESH_RUN_FOLDER"


class Run:
    """A run of a study.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    selection : dict
        What it was set to do of the study.
    """

    def __init__(self, paths: StudyPaths, selection: dict[str, Any]) -> None:
        identity = str(uuid.uuid4())
        self.interrupted = False
        self._folder = paths.run(identity)
        self._about: dict[str, Any] = {
            "format": FORMAT,
            "uuid": identity,
            "executor_run": "",
            "study": paths.study,
            "command": sys.argv,
            "selection": selection,
            "versions": {name: version(name) for name in ("fairmesh", "snakemake")},
            "owner": owner.me(),
            "started": None,
            "ended": None,
            "exit_code": None,
        }

    def begin(self, drain: Callable[[], None]) -> None:
        """Write run.json, and set what jobs inherit and what signals do.

        Parameters
        ----------
        drain : callable
            Makes Snakemake start no more jobs and end when the running ones have, which the same signal reaches.
        """
        self._write(started=jsonfiles.now())
        os.environ |= {RUN: self._about["uuid"], RUN_FOLDER: str(self._folder.resolve())}
        beside = str(Path(sys.executable).parent)  # a job finds the programs of this environment, activated or not
        if beside not in os.environ["PATH"].split(os.pathsep):
            os.environ["PATH"] = beside + os.pathsep + os.environ["PATH"]

        def on_signal(number: int, frame: Any) -> None:
            if self.interrupted:
                signal.default_int_handler(number, frame)
            self.interrupted = True
            # In this thread it could wait for ever for a lock that the thread holds, as Snakemake's own handler does;
            # an exception from here would be lost in the middle of an import.
            threading.Thread(target=drain).start()

        signal.signal(signal.SIGINT, on_signal)
        signal.signal(signal.SIGTERM, on_signal)

    def end(self, exit_code: int) -> None:
        """Say in run.json how it ended."""
        self._write(ended=jsonfiles.now(), exit_code=exit_code)

    def _write(self, **changed: Any) -> None:
        self._about |= changed
        write_json(self._folder / "run.json", self._about)
