"""An invocation of the workflow: its folder, the environment of its jobs, and its cancellation."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fairmesh.errors import FairmeshError
from fairmesh.files import write_json
from fairmesh.jobs.paths import StudyPaths
from fairmesh.printing import print_lines
from fairmesh.runner import jsonfiles, owner
from fairmesh.runner import scheduler as queue
from fairmesh.runner.protocol import CANCEL, EXECUTOR_RUN, FORMAT, RUN, RUN_FILE, RUN_FOLDER, RUN_ID
from fairmesh.runner.status import request_cancel
from fairmesh.schedulers import JobInfo, Scheduler

LOOK_FOR_CANCEL = 2.0  # seconds
SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}  # their names in messages


class WorkflowRun:
    """A run of a study.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    selection : dict
        The selection of experiments.
    config : mapping
        The values of ``--config``, with which the same run can be started again.

    Attributes
    ----------
    about : dict
        The content of run.json.
    folder : Path
        The folder of the run.
    interrupted : bool
        Whether the run was interrupted or cancelled.
    """

    def __init__(self, paths: StudyPaths, selection: dict[str, Any], config: Mapping[str, Any]) -> None:
        identity = _identity()
        self.interrupted = False
        self._signal = ""
        self.folder = paths.run(identity)
        self.about: dict[str, Any] = {
            "format": FORMAT,
            "uuid": identity,
            "executor_run": "",
            "study": paths.study,
            "command": sys.argv,
            "profile": _profile(sys.argv[1:]),
            "config": dict(config),
            "folder": str(Path.cwd()),
            "python": sys.executable,
            "selection": selection,
            "versions": {name: version(name) for name in ("fairmesh", "snakemake")},
            "owner": owner.current_process(),
            "started": None,
            "ended": None,
            "exit_code": None,
        }

    def begin(self, drain: Callable[[], None], executor_run: str = "") -> None:
        """Write run.json, and set the environment of jobs and the signal handlers.

        Parameters
        ----------
        drain : callable
            Makes Snakemake start no more jobs and end after the running ones, which receive the same signal.
        executor_run : str
            The name of the executor's jobs, by which the next run finds them if this one is killed.
        """
        if executor_run:
            os.environ[EXECUTOR_RUN] = executor_run
        self._write(started=jsonfiles.now())
        os.environ |= {RUN: self.about["uuid"], RUN_FOLDER: str(self.folder.resolve())}
        beside = str(
            Path(sys.executable).parent
        )  # jobs find the programs of this environment even if it is not activated
        if beside not in os.environ["PATH"].split(os.pathsep):
            os.environ["PATH"] = beside + os.pathsep + os.environ["PATH"]

        def end() -> None:
            self.interrupted = True
            drain()

        def look_for_cancel() -> None:
            while not (self.folder / CANCEL).exists():
                time.sleep(LOOK_FOR_CANCEL)
            end()

        def on_signal(number: int, frame: Any) -> None:
            if self.interrupted:
                signal.default_int_handler(number, frame)
            self.interrupted, self._signal = True, SIGNALS[signal.Signals(number)]
            if number == signal.SIGINT and executor_run:
                threading.Thread(target=_empty_queue, args=[executor_run], daemon=True).start()
            # In this thread it could deadlock on a lock that the thread holds, as Snakemake's own handler does;
            # an exception raised here during an import would be lost.
            threading.Thread(target=drain).start()

        for signal_number in SIGNALS:
            signal.signal(signal_number, on_signal)
        threading.Thread(target=look_for_cancel, daemon=True).start()

    @property
    def signal_name(self) -> str:
        """The signal that has interrupted the run, such as Ctrl-C; empty if there was none."""
        return self._signal

    @property
    def cancels_jobs(self) -> bool:
        """Whether jobs on other machines are cancelled if the run is interrupted: by all but SIGTERM."""
        return self._signal != SIGNALS[signal.SIGTERM]

    def note_signal(self) -> None:
        """Record that the run was ended by a signal: it counts as cancelled."""
        if self._signal:
            request_cancel(str(self.folder), self._signal)

    def end(self, exit_code: int) -> None:
        """Write the end of the run to run.json."""
        self._write(ended=jsonfiles.now(), exit_code=exit_code)

    def _write(self, **changed: Any) -> None:
        self.about |= {"executor_run": os.environ.get(EXECUTOR_RUN, "")} | changed
        write_json(self.folder / RUN_FILE, self.about, flush=True)


def _empty_queue(executor_run: str) -> None:
    """Cancel a run's jobs in the scheduler's queue repeatedly, including jobs that are just being submitted."""
    while True:
        jobs = queue.jobs(name=executor_run) or {}
        queue.cancel(job.id for job in jobs.values() if not job.has_ended)
        time.sleep(queue.FRESH)


def _identity() -> str:
    """Return the uuid of the run from the environment, or a new one; jobs do not inherit the variable."""
    try:
        return str(uuid.UUID(os.environ.pop(RUN_ID)))
    except (KeyError, ValueError):
        return str(uuid.uuid4())


def _profile(arguments: list[str]) -> str:
    """Return the profile that Snakemake was started with."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--profile", "--workflow-profile", nargs="?", default="")
    return str(parser.parse_known_args(arguments)[0].profile or "")


LOOK = 10.0  # seconds; a reason must be found twice in a row


class QueueWatcher:
    """Cancels jobs of a run that can never start, because executors would wait for them forever.

    Parameters
    ----------
    name : str
        The name of the run's jobs.
    scheduler : Scheduler
        The scheduler of the jobs.
    """

    def __init__(self, name: str, scheduler: Scheduler) -> None:
        self._name, self._scheduler = name, scheduler
        self._suspects: dict[str, str] = {}

    def start(self) -> None:
        """Start watching in the background."""
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK)
            for job_id, reason in self.look(queue.jobs(name=self._name, scheduler=self._scheduler) or {}).items():
                text = f"{self._scheduler.title}'s job {job_id} can never start: {reason}; it is cancelled"
                print_lines(text, file=sys.stderr, flush=True)
                queue.cancel([job_id], self._scheduler)

    def look(self, jobs: Mapping[str, JobInfo]) -> dict[str, str]:
        """Return the numbers of the jobs to cancel, with the reason."""
        reasons = {number: job.reason for number, job in jobs.items() if job.is_hopeless}
        certain = {number: reason for number, reason in reasons.items() if self._suspects.get(number) == reason}
        self._suspects = reasons
        return certain


FEW = 64  # files; about the number that Snakemake and one experiment need


def check_inodes(folder: Path) -> None:
    """Check that files can still be created in a folder, or where it will be made.

    Raises
    ------
    FairmeshError
        If there are too few inodes for Snakemake to start.
    """
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    system = os.statvfs(place)
    if system.f_files and system.f_favail < FEW:  # some file systems do not count them
        left = "no more files" if not system.f_favail else f"only {system.f_favail} more files"
        raise FairmeshError(f"{place}: {left} can be created on its file system (no inodes left: `df -i`)")
