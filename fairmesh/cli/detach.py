"""``fairmesh run --detach``: start a run in the background, and print how to watch and to stop it."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairmesh.api import run_process
from fairmesh.cli import options
from fairmesh.errors import InputError, Problem
from fairmesh.jobs.paths import StudyPaths
from fairmesh.printing import print_lines
from fairmesh.project import results_folder
from fairmesh.status.launch import Command
from fairmesh.status.places import name_of

PERIOD = 0.1  # seconds


def check_detached(arguments: argparse.Namespace) -> None:
    """Check that the other options make sense for a run in the background.

    Raises
    ------
    InputError
        If one does not.
    """
    for name in ("dry_run", "print_command"):
        if getattr(arguments, name):
            option = f"--{name.replace('_', '-')}"
            raise InputError([Problem(f"{option} starts no run, so that there is nothing to detach", "--detach")])


def run_detached(arguments: argparse.Namespace, command: Command, config: Mapping[str, Any]) -> int:
    """Start a run that survives this process and its terminal; return when it has begun.

    Returns
    -------
    int
        0 if it has begun, otherwise its exit status.

    Raises
    ------
    BusyError
        If a run of the study is in progress.
    """
    project = options.project(arguments)
    paths = StudyPaths(results_folder(project), name_of(options.study(arguments), lambda: project))
    request = {"profile": arguments.profile, "config": dict(config), "snakemake": arguments.snakemake}
    uuid = run_process.start(paths, command, request, wait=bool(config.get("wait")))
    try:
        status = _await_begin(paths, uuid)
    except KeyboardInterrupt:  # the run goes on: it is in a session of its own
        status = 0
    if status:
        print_lines("\n".join(run_process.last_output(paths, uuid)), file=sys.stderr)
        return status
    print_lines(f"run {uuid} of {paths.study} is in the background; {_advice(arguments, paths.study)}")
    return 0


def _await_begin(paths: StudyPaths, uuid: str) -> int:
    """Wait until the workflow of a run has begun; return the exit status of one that ended before."""
    while not run_process.has_begun(paths, uuid):
        run = run_process.find(paths, uuid)
        if run is None or not run.is_alive:
            if run_process.has_begun(paths, uuid):
                break
            return run.exit_code or 1 if run else 1
        if _waits_for_another(paths, uuid):
            break
        time.sleep(PERIOD)
    return 0


def _waits_for_another(paths: StudyPaths, uuid: str) -> bool:
    return any(run.is_alive and run.uuid != uuid for run in run_process.runs(paths))


def _advice(arguments: argparse.Namespace, study: str) -> str:
    """Return the commands that show, follow and stop a run."""
    where = f" --project {shlex.quote(str(Path(arguments.project)))}" if arguments.project else ""
    name = shlex.quote(study)
    return (
        f"`fairmesh status {name}{where}` shows it, with --watch until its end, "
        f"`fairmesh cancel --all --study {name}{where}` stops it"
    )
