"""``fairmesh machines clean``: free the space that the project takes on a machine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fairmesh.cli import options
from fairmesh.cli.machines.choice import add_name, ssh_transport
from fairmesh.cli.machines.facts import Facts
from fairmesh.dispatch.client import TargetClient
from fairmesh.dispatch.synchronizing import open_jobs
from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.jobs.lock import RunLock
from fairmesh.jobs.paths import StudyPaths
from fairmesh.machines.home import HOME_FILE, home_name
from fairmesh.printing import count_text, format_size, print_lines
from fairmesh.runner.protocol import STAGES

SHARED = ("applications", "environments", STAGES)
"""The folders of a home that all of its studies need."""


@dataclass(frozen=True)
class Folder:
    """A folder of the home on a machine.

    Parameters
    ----------
    name : str
        Its name: that of a study, or one of `SHARED`.
    size, files : float
        What it takes.
    reason : str
        Why it is kept; empty if it can be removed.
    """

    name: str
    size: float
    files: float
    reason: str

    @property
    def line(self) -> str:
        """What people read about it."""
        taken = f"{self.name}: {format_size(self.size)} in {count_text(int(self.files), 'file', ',')}"
        return f"  {taken}{f', kept: {self.reason}' if self.reason else ''}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_name(parser)
    parser.add_argument("--yes", action="store_true", help="remove without confirmation")
    options.add_results(parser, default=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Show what the project has on the machine, ask, and remove it."""
    transport, results = ssh_transport(arguments), options.results_folder(arguments)
    name = transport.host
    if not (results / HOME_FILE).exists():
        print_lines(f"{results} has nothing on other machines")
        return 0
    client = TargetClient(transport, home_name(results), results)
    try:
        with _locked(results, name) as in_use:
            usage = Facts(client.usage())
            folders = list(_folders(usage, {**_open_studies(results, name), **in_use}))
            print_lines("\n".join([f"{name} has in {usage.text('home')}:", *(folder.line for folder in folders)]))
            removable = [folder for folder in folders if not folder.reason]
            if removable:
                _confirm([folder.name for folder in removable], arguments.yes)
                client.remove([folder.name for folder in removable])
                print_lines(f"removed: {format_size(sum(folder.size for folder in removable))}")
    finally:
        transport.close()
    return 0


def _studies(results: Path, machine: str) -> list[StudyPaths]:
    """Return the studies of the results folder that have been in contact with a machine."""
    paths = [StudyPaths(results, path.name) for path in sorted(results.iterdir()) if path.is_dir()]
    return [study for study in paths if study.machine(machine).exists()]


@contextmanager
def _locked(results: Path, machine: str) -> Iterator[dict[str, str]]:
    """Keep other processes from sending anything to a machine; yield the studies of which a process does so now."""
    in_use = {}
    with ExitStack() as stack:
        for study in _studies(results, machine):
            lock = RunLock(study.machines / f"{machine}.lock")
            if lock.try_take():
                stack.callback(lock.release)
            else:
                in_use[study.study] = "a run uses it now"
        yield in_use


def _open_studies(results: Path, machine: str) -> dict[str, str]:
    """Return the studies with experiments that were not fetched yet."""
    counts = {study.study: len(open_jobs(study, machine)) for study in _studies(results, machine)}
    return {
        study: f"{count_text(count, 'experiment')} not fetched yet; `fairmesh status {study}` fetches what has ended"
        for study, count in counts.items()
        if count
    }


def _folders(usage: Facts, kept: Mapping[str, str]) -> Iterator[Folder]:
    """Yield the folders of the home; those that studies share are kept if one of the studies is."""
    entries = [(entry.text("path"), entry) for entry in usage.maps("folders")]
    running = {name: "an experiment runs there" for name, entry in entries if entry.number("open_jobs")}
    kept = {**running, **kept}
    for name, entry in entries:
        reason = kept.get(name, "")
        if not reason and name in SHARED and kept:
            reason = f"{min(kept)} may need it"
        yield Folder(name, entry.number("bytes"), entry.number("files"), reason)


def _confirm(names: list[str], is_confirmed: bool) -> None:
    """Ask for confirmation.

    Raises
    ------
    InputError
        If standard input is not a terminal.
    FairmeshError
        If the answer is no.
    """
    if is_confirmed:
        return
    if not sys.stdin.isatty():
        raise InputError([Problem("there is no terminal to ask for confirmation; --yes gives it")])
    print_lines("Fetched results are in your results folder, and do not need this.")
    if input(f"Remove {', '.join(names)}? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise FairmeshError("nothing was removed")
