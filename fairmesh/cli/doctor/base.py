"""Parts that all checks share: findings, calls of programs with a time limit, and the project to check."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fairmesh.errors import InputError
from fairmesh.project import CONFIG, PROFILE_CONFIG, find_profile, results_folder
from fairmesh.schema import Node, load_yaml
from fairmesh.study.machines import Machine
from fairmesh.workflow.configuration import find_machine

OK, WARN, FAIL = "ok", "warn", "fail"
PATIENCE = 8.0  # seconds for one program; several run at the same time
LONG = 120.0  # seconds for programs that run only with --deep
MACHINE_FILE = "machine.yaml"


class Finding(NamedTuple):
    """The result of a check.

    Parameters
    ----------
    level : str
        ``ok``, ``warn`` or ``fail``.
    topic, message : str
        What was checked, and the result.
    advice : str
        How to fix it; empty if there is nothing to fix.
    """

    level: str
    topic: str
    message: str
    advice: str = ""


def ok(topic: str, message: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(OK, topic, message)


def warn(topic: str, message: str, advice: str) -> Finding:
    """Return a finding that can cause problems."""
    return Finding(WARN, topic, message, advice)


def fail(topic: str, message: str, advice: str) -> Finding:
    """Return a finding of something that does not work."""
    return Finding(FAIL, topic, message, advice)


class Answer(NamedTuple):
    """The output of a program.

    Parameters
    ----------
    good : bool
        Whether it succeeded.
    output : str
        Standard output; if it failed, its error message.
    """

    good: bool
    output: str


def side_by_side(calls: Mapping[str, Callable[[], Any]], patience: float) -> dict[str, bool]:
    """Make calls at the same time, and return whether each one has ended within ``patience`` seconds.

    The others continue in daemon threads.
    """
    threads = {name: threading.Thread(target=call, daemon=True) for name, call in calls.items()}
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + patience
    for thread in threads.values():
        thread.join(max(0.0, deadline - time.monotonic()))
    return {name: not thread.is_alive() for name, thread in threads.items()}


def ask(*command: str, patience: float = PATIENCE) -> Answer:
    """Run a program, and return its output or its error."""
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


@dataclass(frozen=True)
class CheckedProject:
    """The project and the profile to check.

    Parameters
    ----------
    folder : Path
        The project folder; without a project, the current folder.
    profile : Path
        The folder of the profile.
    executor, machine : str
        Their names in the profile.
    results : Path
        The results folder.
    deep : bool
        Whether to run also checks that take a minute.
    """

    folder: Path
    profile: Path
    executor: str
    machine: str
    results: Path
    deep: bool = False

    @property
    def place(self) -> Path:
        """The results folder, or the nearest existing folder above it."""
        return next(folder for folder in (self.results, *self.results.absolute().parents) if folder.is_dir())

    def entry(self) -> Machine | None:
        """Return the machine's entry in machines.yaml; None if it cannot be read."""
        try:
            return find_machine(self.machine, self.folder, "")[1]
        except (InputError, OSError):
            return None

    @classmethod
    def of(cls, folder: Path, profile: str, deep: bool = False) -> CheckedProject:
        """Return the project in a folder, with a profile.

        Raises
        ------
        InputError
            If there is no such profile.
        """
        place = find_profile(profile, folder)
        executor = _text(place / PROFILE_CONFIG, "executor") or "local"
        return cls(folder, place, executor, _machine(folder, place), _results(folder), deep)


def _machine(folder: Path, profile: Path) -> str:
    return _text(profile / MACHINE_FILE, "machine") or _text(folder / CONFIG, "machine") or "local"


def _results(folder: Path) -> Path:
    try:
        return results_folder(folder)
    except InputError:  # reported by another check
        return folder / "results"


def _text(path: Path, key: str) -> str:
    try:
        value = load_yaml(path).entries.get(key, Node(None)).value
    except (InputError, OSError):
        return ""
    return value if isinstance(value, str) else ""
