"""Start runs as detached processes, and find them; ``start.json`` of a run contains the request."""

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
from fairmesh.jobs.results_folder import make_results_folder
from fairmesh.runner import jsonfiles, owner
from fairmesh.runner.protocol import FORMAT, RUN, RUN_FOLDER, RUN_ID, RUNS
from fairmesh.runner.status import cancel_reason
from fairmesh.runner.text import last_lines
from fairmesh.status.launch import Command
from fairmesh.status.model import RunStatus
from fairmesh.status.reader import RunReader
from fairmesh.web.access import TOKEN_VARIABLE

START_FILE = "start.json"
OUTPUT = "output.log"
UUID_PATTERN = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
OUTPUT_LINES = 15

_KEY_NAMESPACE = UUID("9a4c7b1e-6c2f-4b8e-8f57-0a4f3b2d6e11")
# A process that inherits an ignored SIGINT would ignore it, and with it a request to end.
_EXEC = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"


def start(paths: StudyPaths, command: Command, request: Mapping[str, Any], key: str = "", wait: bool = False) -> str:
    """Start a run.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    command : Command
        The command to run.
    request : mapping
        What was requested: profile, config and arguments.
    key : str
        Idempotency key: the same key returns the same run.
    wait : bool
        Whether the run may wait for another one to end.

    Returns
    -------
    str
        The uuid of the run.

    Raises
    ------
    BusyError
        If a run of the study is in progress.
    InputError
        If the key was used for another request.
    """
    uuid = str(uuid5(_KEY_NAMESPACE, f"{paths.study}/{key}") if key else uuid4())
    about = {
        "format": FORMAT,
        "uuid": uuid,
        "asked": text_sha256(canonical_json(request)),
        "profile": request["profile"],
    }
    with _start_lock(paths):
        existing = _read_start_file(paths, uuid)
        if existing:
            if existing.get("asked") != about["asked"]:
                raise InputError([Problem("the key was already used for another request", "Idempotency-Key")])
            return uuid
        if not wait:
            _check_no_run(paths)
        about |= {"config": request["config"], "folder": str(command.folder.resolve()), "started": jsonfiles.now()}
        _spawn(paths, uuid, command, about)
    return uuid


def _check_no_run(paths: StudyPaths) -> None:
    active = next((run for run in runs(paths) if run.is_alive), None)
    if active:
        raise BusyError(f"study {paths.study} is being run: {active.going}")


@contextmanager
def _start_lock(paths: StudyPaths) -> Iterator[None]:
    folder = paths.folder / RUNS
    try:
        make_results_folder(paths.home)
        folder.mkdir(parents=True, exist_ok=True)
        lock = RunLock(folder / ".start.lock")
        lock.try_take(float("inf"))
    except OSError as error:
        raise FairmeshError(f"cannot write to {error.filename}: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()


def _spawn(paths: StudyPaths, uuid: str, command: Command, about: dict[str, Any]) -> None:
    """Write start.json, start the process, and add its owner to start.json."""
    folder = paths.run(uuid)
    folder.mkdir()
    jsonfiles.write(str(folder / START_FILE), about | {"owner": owner.current_process()})
    try:
        with (folder / OUTPUT).open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-ISc", _EXEC, *command.arguments],
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
    """Return the environment of a run: without the token and the variables of the run that starts it."""
    removed = {TOKEN_VARIABLE, RUN, RUN_FOLDER}
    return {name: value for name, value in command.environment.items() if name not in removed} | {RUN_ID: uuid}


def _await_end(process: subprocess.Popen[bytes], path: Path, about: Mapping[str, Any]) -> None:
    """Record the end of a run, if this process still exists then."""
    code = process.wait()
    if path.parent.is_dir():
        jsonfiles.write(str(path), {**about, "ended": jsonfiles.now(), "exit_code": code})


def runs(paths: StudyPaths) -> list[RunStatus]:
    """Return all runs of a study, the latest first, including requested ones that have not begun."""
    by_uuid = {run.uuid: run for run in RunReader(paths).all()}
    for path in (paths.folder / RUNS).glob(f"*/{START_FILE}"):
        if path.parent.name not in by_uuid:
            run = _requested(paths, path.parent.name)
            if run:
                by_uuid[run.uuid] = run
    return sorted(by_uuid.values(), key=lambda run: run.started, reverse=True)


def find(paths: StudyPaths, uuid: str) -> RunStatus | None:
    """Return a run, or a requested one that has not begun; None if there is none."""
    if not re.fullmatch(UUID_PATTERN, uuid, re.ASCII):
        return None
    return RunReader(paths).one(uuid) or _requested(paths, uuid)


def _read_start_file(paths: StudyPaths, uuid: str) -> dict[str, Any]:
    return jsonfiles.read_map(str(paths.run(uuid) / START_FILE)) or {}


def _requested(paths: StudyPaths, uuid: str) -> RunStatus | None:
    """Return a run that has not begun, or ended before it began."""
    about = _read_start_file(paths, uuid)
    if not about:
        return None
    process = about.get("owner") or {}
    return RunStatus(
        uuid=uuid,
        profile=str(about.get("profile") or ""),
        config=about.get("config") or {},
        folder=str(about.get("folder") or ""),
        started=str(about.get("started") or ""),
        ended=str(about.get("ended") or ""),
        exit_code=about.get("exit_code"),
        host=str(process.get("host") or ""),
        pid=int(process.get("pid") or 0),
        is_alive=not about.get("ended") and "pid" in process and owner.is_alive(process) is not False,
        cancelled=cancel_reason(str(paths.run(uuid))),
    )


def has_begun(paths: StudyPaths, uuid: str) -> bool:
    """Return whether the workflow of a run has begun, and written its own file."""
    return RunReader(paths).one(uuid) is not None


def is_detached(paths: StudyPaths, uuid: str) -> bool:
    """Return whether a run was started as a process of its own, without a terminal."""
    return bool(_read_start_file(paths, uuid))


def last_output(paths: StudyPaths, uuid: str) -> list[str]:
    """Return the last lines that a run printed; none if it was started in a terminal."""
    return last_lines(paths.run(uuid) / OUTPUT, OUTPUT_LINES)
