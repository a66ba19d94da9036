"""The lock that a run holds on the results of its study."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from fairmesh.api import run_process
from fairmesh.errors import BusyError
from fairmesh.jobs.lock import RunLock
from fairmesh.jobs.results_folder import make_results_folder
from fairmesh.printing import print_lines
from fairmesh.status.reader import RunReader
from fairmesh.workflow.study_input import StudyInput

PATIENCE = 2.0  # seconds to wait for a process that only reads (-n, --lint)


class StudyLock:
    """The lock of a study's results.

    Parameters
    ----------
    study : StudyInput
        The study.
    """

    def __init__(self, study: StudyInput) -> None:
        self._study = study
        self._lock = RunLock(study.paths.lock)

    def acquire(self, wait: bool) -> bool:
        """Take the lock, if told to wait after the end of the run that holds it; return whether it was taken."""
        if self._try_take(PATIENCE):
            return True
        if wait:
            print_lines(f"{self._holder()}; this run waits for its end", file=sys.stderr, flush=True)
            return self._wait()
        return False

    def require(self) -> None:
        """Take the lock unless this process holds it.

        Raises
        ------
        BusyError
            If another run holds it.
        """
        if not self._lock.try_take():
            study = self._study.plan.study
            advice = (
                f"`fairmesh status {study}` shows it, `fairmesh cancel --all --study {study}` stops it, "
                f"and `fairmesh run {study} --wait` waits for its end"
            )
            raise BusyError(f"{self._holder()}; {advice}")

    def _wait(self) -> bool:
        try:
            return self._try_take(float("inf"))
        except KeyboardInterrupt:
            sys.exit(1)

    def _try_take(self, patience: float) -> bool:
        try:
            make_results_folder(self._study.paths.home)
            return self._lock.try_take(patience)
        except OSError as error:
            message = f"cannot write to {self._study.paths.folder}: {error.strerror}"
            raise self._study.configuration.error("results", message) from error

    def _holder(self) -> str:
        """Return the message that names the process that holds the lock."""
        holder = self._lock.holder()
        who = f"process {holder.get('pid', '?')} on {holder.get('host', '?')} since {holder.get('since', '?')}"
        return f"study {self._study.plan.study} is being run by {who}{self._background(holder)}"

    def _background(self, holder: Mapping[str, Any]) -> str:
        """Return the run of a process that no terminal belongs to; empty for others."""
        run = RunReader(self._study.paths).last()
        if run is None or run.pid != holder.get("pid") or not run_process.is_detached(self._study.paths, run.uuid):
            return ""
        return f", run {run.uuid[:8]} in the background"
