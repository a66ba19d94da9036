"""Apply a merge: copy and verify everything in a staging folder, then move it into place, results before plans."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fairmesh import files
from fairmesh.errors import BusyError, FairmeshError
from fairmesh.files import canonical_json
from fairmesh.jobs.lock import RunLock
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.jobs.reading import check_status
from fairmesh.names import experiment_key
from fairmesh.results.merge import AttemptItem, Merge, MergeItem
from fairmesh.results.merge_source import listed_files
from fairmesh.results.untrusted import LARGEST, UnsafeNameError, UntrustedFileError, UntrustedFolder, as_map
from fairmesh.runner.protocol import ATTEMPTS, COMMIT, CONFIG, ENVIRONMENTS, EVENTS, EXPERIMENT, JOB, RUN_FILE, STATUS
from fairmesh.runner.safefiles import NoLocksError, try_lock

STAGING = ".merge-"
SHOWN = 20  # damaged files in a message
Report = Callable[[int, int], None]
FolderOf = Callable[[str, str], str]


def _silent(done: int, of: int) -> None:
    """Report no progress."""


def _nowhere(_: str, __: str) -> str:
    """Return no folder."""
    return ""


def apply_merge(merge: Merge, report: Report = _silent, folder_of: FolderOf = _nowhere) -> list[str]:
    """Apply a merge.

    Parameters
    ----------
    merge : Merge
        Without conflicts.
    report : callable
        Called with the number of finished results and of all results.
    folder_of : callable
        Returns the folder of an application by name and version; empty if this computer has none.

    Returns
    -------
    list of str
        Files that the sources lack, one message each.

    Raises
    ------
    BusyError
        If a run of one of the studies or another merge is in progress.
    FairmeshError
        If a file differs from its record, or there is not enough space; nothing is changed then.
    """
    is_new = not merge.into.exists()
    merge.into.mkdir(parents=True, exist_ok=True)
    try:
        with _alone(merge.into):
            for left in merge.into.glob(f"{STAGING}*"):  # left by a killed merge
                shutil.rmtree(left)
            with tempfile.TemporaryDirectory(dir=merge.into, prefix=STAGING) as name:
                missing = list(_stage_all(merge, Path(name), report, folder_of))
                missing += _stage_attempts(merge, Path(name), folder_of)
                with _no_runs(merge):
                    _place_all(merge, Path(name))
    finally:
        if is_new and not any(merge.into.iterdir()):
            merge.into.rmdir()
    return missing


def verify_merge(merge: Merge, report: Report = _silent) -> list[str]:
    """Read and verify all files of a merge, and return what is missing, as ``apply_merge`` does.

    Raises
    ------
    FairmeshError
        If a file differs from its record, or there is not enough space.
    """
    return list(_stage_all(merge, None, report, _nowhere))


@contextmanager
def _alone(into: Path) -> Iterator[None]:
    """Lock the target folder against other merges.

    The lock is on the folder itself; on a file system without locks, it is a file in the folder, as for runs.
    """
    descriptor, lock = os.open(into, os.O_RDONLY | os.O_DIRECTORY), RunLock(into / ".merge.lock")
    try:
        try:
            is_taken = try_lock(descriptor, str(into))
        except NoLocksError:
            is_taken = lock.try_take()
        if not is_taken:
            raise BusyError(f"{into}: another merge is in progress")
        yield
    finally:
        lock.release()
        os.close(descriptor)


@contextmanager
def _no_runs(merge: Merge) -> Iterator[None]:
    """Lock all studies against runs."""
    locks = [RunLock(StudyPaths(merge.into, study).lock) for study in merge.studies]
    try:
        for study, lock in zip(merge.studies, locks, strict=True):
            if not lock.try_take():
                raise BusyError(f"{merge.into}: a run of {study} is in progress; merge after it ends")
        yield
    finally:
        for lock in locks:
            lock.release()


def _check_room(merge: Merge) -> None:
    """Check that there is space for all files, before anything is read."""
    results = [item.result for item in merge.items if item.result.has_folder]
    needed = sum(size for offer in results for _, _, size in listed_files(offer.record))
    needed += sum(size for item in merge.attempts for size in item.attempt.files.values())
    needed += sum(len(run.events) for run, _ in merge.runs.values())
    folder = next(item for item in (merge.into, *merge.into.absolute().parents) if item.is_dir())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise FairmeshError(f"{merge.into}: the results need {needed:,} bytes, and {free:,} are free")


def _stage_all(merge: Merge, staging: Path | None, report: Report, folder_of: FolderOf) -> Iterator[str]:
    _check_room(merge)
    damaged: list[str] = []
    for index, item in enumerate(merge.items):
        report(index, len(merge.items))
        target = staging / str(index) if staging else None
        yield from _stage(item, target, damaged)
        if target and item.result.has_folder:
            yield from _describe(item, target, folder_of)
    report(len(merge.items), len(merge.items))
    if damaged:
        more = [f"and {len(damaged) - SHOWN} more"] if len(damaged) > SHOWN else []
        raise FairmeshError("\n".join([*damaged[:SHOWN], *more]))


def _stage(item: MergeItem, target: Path | None, damaged: list[str]) -> Iterator[str]:
    """Copy the files of a result to a staging folder, or only verify them; yield what is missing."""
    if not item.result.has_folder:
        if item.result.record.get("files"):
            yield f"{item.result.where}: the files of its attempt are missing"
        return
    for path, sha256, size in listed_files(item.result.record):
        try:
            digest = item.result.source.copy(
                (*item.result.folder, *path), target.joinpath(*path) if target else None, size
            )
        except FileNotFoundError:
            yield f"{item.result.where}: {'/'.join(path)} is missing"
        except UnsafeNameError as error:
            yield f"{item.result.where}: {error}; the file is not copied"
        except UntrustedFileError as error:
            damaged.append(f"{item.result.where}: {'/'.join(path)}: {error}")
        except OSError as error:
            damaged.append(f"{item.result.where}: {'/'.join(path)}: {error.strerror}")
        else:
            if digest != sha256:
                damaged.append(f"{item.result.where}: {'/'.join(path)} differs from its record")


def _describe(item: MergeItem, target: Path, folder_of: FolderOf) -> Iterator[str]:
    """Write the commit, the last status, and the inputs of an experiment; yield what is left out."""
    target.mkdir(parents=True, exist_ok=True)
    (target / COMMIT).write_bytes(item.data)
    attempt = str(item.result.record["attempt"])
    status = (ATTEMPTS, attempt, STATUS)
    try:
        if item.result.source.has(*item.result.folder, *status):
            check_status(item.result.source.read_map(*item.result.folder, *status), item.result.record["fingerprint"])
            _copy_if_there(item.result.source, (*item.result.folder, *status), target.joinpath(*status))
    except (OSError, ValueError) as error:
        yield f"{item.result.where}: {'/'.join(status)} is left out: {error}"
    _describe_job(item.result.source, item.result.folder, target, item.changes, folder_of)


def _describe_job(
    source: UntrustedFolder, folder: tuple[str, ...], target: Path, changes: dict[str, Any], folder_of: FolderOf
) -> None:
    """Write the inputs of an experiment, with changes in experiment.json."""
    for name in (CONFIG, JOB):
        _copy_if_there(source, (*folder, name), target / name)
    try:
        experiment = source.read_map(*folder, EXPERIMENT) | changes
        canonical_json(experiment).encode()
    except (OSError, ValueError, RecursionError):
        return
    if isinstance(experiment.get("application"), dict):
        # The recorded folder is on another computer, and crates copy the application from this folder.
        own = experiment["application"]
        experiment["application"] = own | {"folder": folder_of(str(own.get("name")), str(own.get("version")))}
    files.write_json(target / EXPERIMENT, experiment)


def _copy_if_there(source: UntrustedFolder, path: tuple[str, ...], target: Path) -> None:
    try:
        data = source.read(*path, largest=LARGEST)
    except (OSError, UntrustedFileError):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def _stage_attempts(merge: Merge, staging: Path, folder_of: FolderOf) -> Iterator[str]:
    """Copy the attempts without a result to staging folders; yield what is missing."""
    for item in merge.attempts:
        attempt = item.attempt
        job = _attempt_staging(staging, item)
        if not job.exists():
            changes = {
                "machine": item.machine,
                "id": item.id,
                "key": experiment_key(attempt.study, item.machine, item.id),
            }
            owner = {"owner": attempt.owner.to_json()} if attempt.owner else {}
            job.mkdir(parents=True)
            _describe_job(attempt.source, attempt.folder[:-2], job, changes | owner, folder_of)
        for name, size in attempt.files.items():
            try:
                attempt.source.copy((*attempt.folder, name), job / ATTEMPTS / str(attempt.number) / name, size)
            except (OSError, UntrustedFileError) as error:
                yield f"{attempt.where}: {name}: {error}"


def _attempt_staging(staging: Path, item: AttemptItem) -> Path:
    """Return the staging folder of the attempts of an experiment."""
    return staging / "attempts" / item.attempt.study / item.machine / item.id


def _place_all(merge: Merge, staging: Path) -> None:
    """Move everything into place; after a crash, the next merge continues."""
    for item in merge.items:
        _copy_environment(item.result.source, str(item.result.record.get("environment") or ""), merge)
    for index, item in enumerate(merge.items):
        paths = StudyPaths(merge.into, item.result.study)
        job = paths.job(item.machine, item.id)
        if (staging / str(index)).is_dir():
            _place(staging / str(index), job)
        files.write_bytes(paths.record(item.machine, item.id), item.data, flush=True)
    for (study, machine, identity), staged in {
        _place_of(item): _attempt_staging(staging, item) for item in merge.attempts
    }.items():
        _place(staged, StudyPaths(merge.into, study).job(machine, identity))
    for (study, uuid), (run, names) in merge.runs.items():
        folder = StudyPaths(merge.into, study).run(uuid)
        files.write_bytes(folder / EVENTS, run.events_for(lambda machine: names.get(machine, machine)), flush=True)  # noqa: B023  called at once
        files.write_json(folder / RUN_FILE, run.about, flush=True)
    for (study, name), data in merge.stages.items():
        files.write_bytes(StudyPaths(merge.into, study).stage_marker(name), data, flush=True)
    for study, plan in merge.plans.items():
        files.write_text(StudyPaths(merge.into, study).plan, files.json_lines(plan), flush=True)


def _place(staged: Path, job: JobPaths) -> None:
    """Move a result's folder into place, the commit last; existing rendered files and attempts are kept."""
    job.folder.parent.mkdir(parents=True, exist_ok=True)
    if not job.folder.exists():
        staged.rename(job.folder)
        return
    _move_missing(staged / ATTEMPTS, job.attempts)
    _move_missing(staged, job.folder, COMMIT)
    if (staged / COMMIT).exists():
        (staged / COMMIT).rename(job.commit)


def _move_missing(source: Path, target: Path, left_out: str = "") -> None:
    """Move the members of a folder that another one lacks."""
    if not source.is_dir():
        return
    target.mkdir(exist_ok=True)
    for path in sorted(source.iterdir()):
        if path.name != left_out and not (target / path.name).exists():
            path.rename(target / path.name)


def _place_of(item: AttemptItem) -> tuple[str, str, str]:
    return item.attempt.study, item.machine, item.id


def _copy_environment(source: UntrustedFolder, digest: str, merge: Merge) -> None:
    """Copy the environment of a result if its content matches its hash."""
    target = merge.into / ENVIRONMENTS / f"{digest}.json"
    if not digest or target.exists():
        return
    try:
        data = source.read(ENVIRONMENTS, target.name, largest=LARGEST)
        canonical = json.dumps(as_map(data), sort_keys=True).encode()  # as the runner hashes it
    except (OSError, UntrustedFileError):
        return
    if digest in {hashlib.sha256(content).hexdigest() for content in (data, canonical)}:
        files.write_bytes(target, data, flush=True)
