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

from fairmesh import files
from fairmesh.errors import BusyError, FairmeshError
from fairmesh.files import canonical_json
from fairmesh.jobs.lock import RunLock
from fairmesh.jobs.reading import check_status
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.results.untrusted import LARGEST, UntrustedFolder, UntrustedFileError, UnsafeNameError, as_map
from fairmesh.results.merge import MergeItem, Merge
from fairmesh.results.merge_source import SourceResult, listed_files
from fairmesh.runner.safefiles import NoLocksError, try_lock
from fairmesh.runner.protocol import ATTEMPTS, COMMIT, CONFIG, ENVIRONMENTS, EXPERIMENT, JOB, STATUS

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
    studies = sorted({*(item.result.study for item in merge.items), *merge.plans, *(study for study, _ in merge.stages)})
    locks = [RunLock(StudyPaths(merge.into, item).lock) for item in studies]
    try:
        for study, lock in zip(studies, locks, strict=True):
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
            digest = item.result.source.copy((*item.result.folder, *path), target.joinpath(*path) if target else None, size)
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
            _copy_if_there(item.result, status, target)
    except (OSError, ValueError) as error:
        yield f"{item.result.where}: {'/'.join(status)} is left out: {error}"
    for name in (CONFIG, JOB):
        _copy_if_there(item.result, (name,), target)
    try:
        experiment = item.result.source.read_map(*item.result.folder, EXPERIMENT)
        canonical_json(experiment).encode()
    except (OSError, ValueError, RecursionError):
        return
    if isinstance(experiment.get("application"), dict):
        # The recorded folder is on another computer, and crates copy the application from this folder.
        own = experiment["application"]
        experiment["application"] = own | {"folder": folder_of(str(own.get("name")), str(own.get("version")))}
    files.write_json(target / EXPERIMENT, experiment)


def _copy_if_there(result: SourceResult, path: tuple[str, ...], target: Path) -> None:
    try:
        data = result.source.read(*result.folder, *path, largest=LARGEST)
    except (OSError, UntrustedFileError):
        return
    target.joinpath(*path).parent.mkdir(parents=True, exist_ok=True)
    target.joinpath(*path).write_bytes(data)


def _place_all(merge: Merge, staging: Path) -> None:
    """Move everything into place; after a crash, the next merge continues."""
    for item in merge.items:
        _copy_environment(item.result.source, str(item.result.record.get("environment") or ""), merge)
    for index, item in enumerate(merge.items):
        paths = StudyPaths(merge.into, item.result.study)
        job = paths.job(item.result.machine, item.id)
        if (staging / str(index)).is_dir():
            _place(staging / str(index), job)
        files.write_bytes(paths.record(item.result.machine, item.id), item.data, flush=True)
    for (study, name), data in merge.stages.items():
        files.write_bytes(StudyPaths(merge.into, study).stage_marker(name), data, flush=True)
    for study, plan in merge.plans.items():
        files.write_text(StudyPaths(merge.into, study).plan, files.json_lines(plan), flush=True)


def _place(staged: Path, job: JobPaths) -> None:
    """Move a result's folder into place, the commit last; existing rendered files are kept."""
    job.folder.parent.mkdir(parents=True, exist_ok=True)
    if not job.folder.exists():
        staged.rename(job.folder)
        return
    commit = staged / COMMIT
    for path in sorted(staged.iterdir()):
        if path != commit and not (job.folder / path.name).exists():
            path.rename(job.folder / path.name)
    commit.rename(job.commit)


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
