"""Starting a run as a process of its own, which outlives whoever asked; what was asked is on file before it starts."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

from fairmesh.errors import BusyError, FairmeshError, InputError, Problem
from fairmesh.files import canonical_json, text_sha256
from fairmesh.jobs.lock import RunLock
from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner import cancel, jsonfiles, owner
from fairmesh.runner.protocol import FORMAT, RUN, RUN_FOLDER, RUN_ID, RUNS
from fairmesh.runner.text import last_lines
from fairmesh.status.launch import Command
from fairmesh.status.model import RunStatus
from fairmesh.status.runs import RunReader

START_FILE = "start.json"
OUTPUT = "output.log"
TOKEN = "FAIRMESH_TOKEN"  # noqa: S105  the variable of clients; jobs must not see it
UUID_PATTERN = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
LAST_WORDS = 15  # lines

_KEYS = UUID("9a4c7b1e-6c2f-4b8e-8f57-0a4f3b2d6e11")
# A process that inherits an ignored SIGINT ignores it for life, and with it a person's wish to end.
_LISTEN = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"


def start(paths: StudyPaths, command: Command, asked: Mapping[str, Any], key: str = "", wait: bool = False) -> str:
    """Start a run.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    command : Command
        What runs it.
    asked : mapping
        What was asked for, for the file.
    key : str
        Names what is asked: the same key gives the same run, however often it comes.
    wait : bool
        Whether the run may wait for the end of another one.

    Returns
    -------
    str
        The uuid of the run.

    Raises
    ------
    BusyError
        If a run of the study goes on.
    InputError
        If the key was used for something else.
    """
    uuid = str(uuid5(_KEYS, f"{paths.study}/{key}") if key else uuid4())
    about = {"format": FORMAT, "uuid": uuid, "asked": text_sha256(canonical_json(asked)), "profile": asked["profile"]}
    with _one_at_a_time(paths):
        known = _about(paths, uuid)
        if known:
            if known.get("asked") != about["asked"]:
                raise InputError([Problem("the key was used for another request before", "Idempotency-Key")])
            return uuid
        if not wait:
            _check_free(paths)
        about |= {"config": asked["config"], "folder": str(command.folder.resolve()), "started": jsonfiles.now()}
        _begin(paths, uuid, command, about)
    return uuid


def _check_free(paths: StudyPaths) -> None:
    going = next((each for each in runs(paths) if each.is_alive), None)
    if going:
        raise BusyError(f"study {paths.study} is being run: {going.going}")


@contextmanager
def _one_at_a_time(paths: StudyPaths) -> Iterator[None]:
    folder = paths.folder / RUNS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = RunLock(folder / ".start.lock")
        lock.try_take(float("inf"))
    except OSError as error:
        raise FairmeshError(f"cannot write to {error.filename}: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()


def _begin(paths: StudyPaths, uuid: str, command: Command, about: dict[str, Any]) -> None:
    """Put on file what is to be started, start it, and put on file who that is."""
    folder = paths.run(uuid)
    folder.mkdir()
    jsonfiles.write(str(folder / START_FILE), about | {"owner": owner.current_process()})
    try:
        with (folder / OUTPUT).open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-ISc", _LISTEN, *command.arguments],
                cwd=command.folder,
                env=environment(uuid, command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        jsonfiles.write(str(folder / START_FILE), about | {"ended": jsonfiles.now(), "exit_code": 1})
        raise FairmeshError(f"cannot start a run: {error}") from error
    about["owner"] = owner.describe(process.pid)
    jsonfiles.write(str(folder / START_FILE), about)
    threading.Thread(target=_await_end, args=(process, folder / START_FILE, about), daemon=True).start()


def environment(uuid: str, command: Command) -> dict[str, str]:
    """Return what a run inherits: nothing of what belongs to whoever starts it."""
    own = {TOKEN, RUN, RUN_FOLDER}
    return {name: value for name, value in command.environment.items() if name not in own} | {RUN_ID: uuid}


def _await_end(process: subprocess.Popen[bytes], path: Path, about: Mapping[str, Any]) -> None:
    """Take note of the end, as long as whoever started the run is there to see it."""
    code = process.wait()
    if path.parent.is_dir():
        jsonfiles.write(str(path), {**about, "ended": jsonfiles.now(), "exit_code": code})


def runs(paths: StudyPaths) -> list[RunStatus]:
    """Return all runs of a study, the last one first; those that have only been asked for are among them."""
    found = {each.uuid: each for each in RunReader(paths).all()}
    for path in (paths.folder / RUNS).glob(f"*/{START_FILE}"):
        if path.parent.name not in found:
            early = _early(paths, path.parent.name)
            if early:
                found[early.uuid] = early
    return sorted(found.values(), key=lambda each: each.started, reverse=True)


def find(paths: StudyPaths, uuid: str) -> RunStatus | None:
    """Return a run, also one that has only been asked for; None if there is none."""
    if not re.fullmatch(UUID_PATTERN, uuid, re.ASCII):
        return None
    return RunReader(paths).one(uuid) or _early(paths, uuid)


def _about(paths: StudyPaths, uuid: str) -> dict[str, Any]:
    return jsonfiles.read_map(str(paths.run(uuid) / START_FILE)) or {}


def _early(paths: StudyPaths, uuid: str) -> RunStatus | None:
    """Return a run that has not begun, or ended before it could."""
    about = _about(paths, uuid)
    if not about:
        return None
    whose = about.get("owner") or {}
    return RunStatus(
        uuid=uuid,
        profile=str(about.get("profile") or ""),
        config=about.get("config") or {},
        folder=str(about.get("folder") or ""),
        started=str(about.get("started") or ""),
        ended=str(about.get("ended") or ""),
        exit_code=about.get("exit_code"),
        host=str(whose.get("host") or ""),
        pid=int(whose.get("pid") or 0),
        is_alive=not about.get("ended") and "pid" in whose and owner.is_alive(whose) is not False,
        cancelled=cancel.reason(str(paths.run(uuid))),
    )


def has_begun(paths: StudyPaths, uuid: str) -> bool:
    """Return whether a run has got so far that it has a file of its own."""
    return RunReader(paths).one(uuid) is not None


def last_words(paths: StudyPaths, uuid: str) -> list[str]:
    """Return what a run said last; nothing of one that a person started in a terminal."""
    return last_lines(paths.run(uuid) / OUTPUT, LAST_WORDS)
