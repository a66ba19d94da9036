"""Find what exists for a job already: a valid commit, an active claim, or an attempt whose runner has ended."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from fairmesh import files
from fairmesh.errors import FairmeshError
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.jobs.reading import ShapeError, check_record
from fairmesh.runner import commit, jsonfiles, owner, protocol, scheduler
from fairmesh.runner.claims import Claims
from fairmesh.runner.main import SILENCE
from fairmesh.runner.safefiles import read_regular
from fairmesh.runner.status import write_end
from fairmesh.schedulers import BAD_ENDS

STALE = ".stale"


class FolderState(Enum):
    """The content of a job folder for a planned fingerprint."""

    NOTHING = "nothing"
    COMMIT = "a good commit"
    ACTIVE = "a living attempt of the same fingerprint"


def folder_state(paths: JobPaths, fingerprint: str) -> FolderState:
    """Return what exists already for a job with this fingerprint."""
    if not paths.folder.exists():
        return FolderState.NOTHING
    if commit.read(str(paths.folder), fingerprint):
        return FolderState.COMMIT
    number = Claims(str(paths.folder)).active()
    if number and _fingerprint(paths.attempt(number) / protocol.EXPERIMENT) == fingerprint:
        return FolderState.ACTIVE
    return FolderState.NOTHING


def read_current(record: Path, fingerprint: str) -> dict[str, Any] | None:
    """Return a record, or the marker of a stage, if it is valid and has this fingerprint."""
    content = jsonfiles.read_map(str(record))
    if content is None or content.get("fingerprint") != fingerprint:
        return None
    try:
        check_record(content)
    except ShapeError:
        return None
    return content


def has_other_code(result: Mapping[str, Any], code: str) -> bool:
    """Return whether a result, or a shared stage that it used, is known to come from other code.

    Parameters
    ----------
    result : mapping
        A record.
    code : str
        The hash of the code to compare with; results of earlier versions of fairmesh have none.

    Examples
    --------
    >>> has_other_code({"application": {"code": "ab"}}, "cd"), has_other_code({"application": {}}, "cd")
    (True, False)
    """
    sources = [result.get("application"), *_inputs(result)]
    codes = {str(source.get("code") or "") for source in sources if isinstance(source, dict)}
    return bool(code) and bool(codes - {"", code})


def _inputs(result: Mapping[str, Any]) -> list[Any]:
    provenance = result.get("provenance")
    inputs = provenance.get("inputs") if isinstance(provenance, dict) else None
    return inputs if isinstance(inputs, list) else []


def supersede(output: Path, job: JobPaths, fingerprint: str) -> Path | None:
    """Move the result of a job to its history, so that the job runs again; nothing is deleted.

    Parameters
    ----------
    output : Path
        The record of the experiment, or the study's marker of the stage.
    job : JobPaths
        The job folder.
    fingerprint : str
        The fingerprint of the result; results with another one stay.

    Returns
    -------
    Path or None
        The result in the history; None if there was none.
    """
    history = None
    # The commit comes last: if this is interrupted, the old result counts as before.
    contents = {
        path: read_regular(str(path))
        for path in (_aside(output, fingerprint), output, job.commit)
        if read_current(path, fingerprint)
    }
    for path, content in list(contents.items()):
        del contents[path]
        if content in contents.values():
            path.unlink()
        else:
            history = Path(commit.add_to_history(str(job.folder), str(path)))
    return history


def restore_superseded(history: Path, output: Path, job: JobPaths) -> None:
    """Make a superseded result of a job count again: the opposite of ``supersede``, whose result ``history`` is."""
    if job.attempts.exists():
        files.copy_file(history, job.commit)
    output.parent.mkdir(parents=True, exist_ok=True)
    history.replace(output)


def _fingerprint(path: Path) -> str:
    return str((jsonfiles.read_map(str(path)) or {}).get("fingerprint", ""))


def move_aside(path: Path) -> None:
    """Rename an outdated file, so that it can be restored later."""
    path.replace(_aside(path, _fingerprint(path)))


def restore_record(path: Path, fingerprint: str) -> bool:
    """Rename a file that was moved aside back if it has this fingerprint; return whether it did."""
    aside = _aside(path, fingerprint)
    if not read_current(aside, fingerprint):
        return False
    aside.replace(path)
    return True


def _aside(path: Path, fingerprint: str) -> Path:
    return path.with_name(f"{path.name}.{fingerprint[:12]}{STALE}")


def has_begun(paths: JobPaths) -> bool:
    """Return whether an experiment was attempted, or had a result that is history now."""
    return paths.attempts.exists() or os.path.exists(commit.history_of(str(paths.folder)))  # noqa: PTH110


def mark_lost(paths: JobPaths) -> None:
    """Record the end of the last attempt if its runner ended without doing so: lost, or a known state."""
    claims = Claims(str(paths.folder))
    number = claims.highest()
    if number and claims.is_over(number):
        _end(paths, *_why_killed(claims.holder(number), paths.attempt(number) / protocol.STATUS))


def _why_killed(holder: owner.Owner, status: Path) -> tuple[str, str]:
    """Return the state and reason of an attempt whose runner was killed, from the scheduler and the memory samples."""
    memory = (jsonfiles.read_map(str(status)) or {}).get("memory")
    job = scheduler.ended(str(holder.get("job_id") or ""), str(holder.get("cluster") or ""))
    state = job.state.value if job and job.state in BAD_ENDS else protocol.LOST
    said = f"the scheduler says {job.word}" if job else ""
    reason = "; ".join(filter(None, ("its runner was killed", memory, said)))
    return protocol.FAILED if memory and state == protocol.LOST else state, reason


def remove_leftovers(paths: JobPaths) -> None:
    """Mark a committed attempt as done if its runner was killed right after the commit."""
    _end(paths, protocol.DONE)


def _end(paths: JobPaths, state: str, reason: str = "") -> None:
    claims = Claims(str(paths.folder))
    number = claims.highest()
    if number and claims.is_over(number):
        claims.end_leftovers(number)
        write_end(str(paths.folder), number, state, reason)


def abandon(paths: JobPaths, who: str) -> bool:
    """Mark an attempt without a sign of life as lost, although it is not known whether its runner has ended.

    The user vouches that it has. If the runner is still alive after all, it continues and its result counts, unless
    the next attempt has been claimed by then.

    Parameters
    ----------
    paths : JobPaths
        The job.
    who : str
        The user who vouches for it.

    Returns
    -------
    bool
        False if the runner is alive: a process of this host, or with a sign of life in the last 90 s.
    """
    claims = Claims(str(paths.folder))
    number = claims.active()
    if not number:
        return True
    if owner.is_alive(claims.holder(number)) or _silence(paths, number) < SILENCE:
        return False
    paths.attempt(number).mkdir(parents=True, exist_ok=True)
    status = paths.attempt(number) / protocol.STATUS
    if not status.exists():
        jsonfiles.write(str(status), {"format": protocol.FORMAT, "state": protocol.QUEUED, "attempt": number})
    write_end(str(paths.folder), number, protocol.LOST, f"no sign of life; given up by {who}")
    return True


def _silence(paths: JobPaths, number: int) -> float:
    """Return the seconds since a claim's last sign of life, by the clock of the file system."""
    signs = (paths.attempt(number) / protocol.STATUS, paths.folder / protocol.CLAIMS / str(number))
    heard = max(sign.stat().st_mtime for sign in signs if sign.exists())
    with tempfile.NamedTemporaryFile(dir=paths.folder, prefix=".clock.") as now:
        return os.fstat(now.fileno()).st_mtime - heard


def adopt(source: JobPaths, record: Mapping[str, Any], target: JobPaths, identity: Mapping[str, Any]) -> None:
    """Copy the result of another job to a job folder: the attempt, then the commit under the new identity.

    The files are hard links where the file system supports them, so that nothing is stored twice.

    Parameters
    ----------
    source : JobPaths
        The folder with the result; the attempt's files may have been deleted.
    record : mapping
        The result.
    target : JobPaths
        The folder to copy to.
    identity : mapping
        The values to replace in the commit: id, key and axes.
    """
    attempt = int(record["attempt"])
    if source.attempt(attempt).is_dir():
        shutil.copytree(source.attempt(attempt), target.attempt(attempt), copy_function=_link, symlinks=True)
    files.write_json(target.commit, {**record, **identity, "reused": record["id"]}, flush=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)


def framework_key(fingerprint: str, axes: Mapping[str, Any], framework: Mapping[str, Any]) -> str:
    """Return the key of interchangeable results: the fingerprint and the axes of the framework.

    >>> framework_key("ab", {"gpu": "a100", "epochs": 1}, {"gpu": {}})
    'ab {"gpu":"a100"}'
    """
    return f"{fingerprint} {files.canonical_json({name: axes[name] for name in axes if name in framework})}"


def read_previous_results(
    records: Path, planned: Collection[str], framework: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return the records in a folder that the plan does not name, by their framework key."""
    results: dict[str, dict[str, Any]] = {}
    for path in sorted(records.glob("*.json")):
        if path.stem not in planned:
            record = _usable(path)
            if record:
                results.setdefault(framework_key(record["fingerprint"], record["axes"], framework), record)
    return results


def _usable(path: Path) -> dict[str, Any] | None:
    """Return a record if it can be reused under another id, else None; the website reports invalid records."""
    try:
        record = files.read_json(path)
        usable = isinstance(record["axes"], dict) and isinstance(record["attempt"], int) and record["id"] == path.stem
    except (FairmeshError, OSError, KeyError, TypeError):
        return None
    return record if usable and isinstance(record["fingerprint"], str) else None


def remove_half_written(paths: StudyPaths, machines: Iterable[str]) -> None:
    """Remove temporary files whose writers were processes of this host and have ended."""
    names = list(machines)
    records = [paths.record(machine, "").parent for machine in names]
    experiments = [paths.folder / protocol.EXPERIMENTS / machine for machine in names]
    for folder in (paths.folder, paths.stage_marker("").parent, *records, *experiments):
        for path in jsonfiles.half_written(str(folder)):
            pid = jsonfiles.writer(path)
            if pid and not owner.start_time(pid):
                _remove(Path(path))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
