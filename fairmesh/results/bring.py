"""A merge is carried out: everything is copied beside and verified, then moved into place, results before plans."""

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
from fairmesh.jobs.shapes import check_status
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.results.foreign import LARGEST, Foreign, ForeignError, OddNameError, as_map
from fairmesh.results.merge import Bringing, Merge
from fairmesh.results.offers import Offer, listed_files
from fairmesh.runner.safefiles import NoLocksError, try_lock
from fairmesh.runner.protocol import ATTEMPTS, COMMIT, CONFIG, ENVIRONMENTS, EXPERIMENT, JOB, STATUS

STAGING = ".merge-"
SHOWN = 20  # damaged files in a message
Report = Callable[[int, int], None]
FolderOf = Callable[[str, str], str]


def _silent(done: int, of: int) -> None:
    """Tell nobody how far it is."""


def _nowhere(_: str, __: str) -> str:
    """Know no application."""
    return ""


def bring(merge: Merge, report: Report = _silent, folder_of: FolderOf = _nowhere) -> list[str]:
    """Carry a merge out.

    Parameters
    ----------
    merge : Merge
        Without conflicts.
    report : callable
        Is told how many results are done, and of how many.
    folder_of : callable
        Gives the folder of an application by name and version on this computer; empty if it is not here.

    Returns
    -------
    list of str
        What the sources should have and have not, a line each.

    Raises
    ------
    BusyError
        If a run of one of the studies goes on, or another merge does.
    FairmeshError
        If a file is not what its record says, or there is no room for all; then nothing was changed.
    """
    is_new = not merge.into.exists()
    merge.into.mkdir(parents=True, exist_ok=True)
    try:
        with _alone(merge.into):
            for left in merge.into.glob(f"{STAGING}*"):  # of a merge that was killed
                shutil.rmtree(left)
            with tempfile.TemporaryDirectory(dir=merge.into, prefix=STAGING) as name:
                missing = list(_stage_all(merge, Path(name), report, folder_of))
                with _no_runs(merge):
                    _place_all(merge, Path(name))
    finally:
        if is_new and not any(merge.into.iterdir()):
            merge.into.rmdir()
    return missing


def verify(merge: Merge, report: Report = _silent) -> list[str]:
    """Read all that would be copied, and check it; give what is missing, as ``bring`` does.

    Raises
    ------
    FairmeshError
        If a file is not what its record says, or there is no room for all.
    """
    return list(_stage_all(merge, None, report, _nowhere))


@contextmanager
def _alone(into: Path) -> Iterator[None]:
    """Hold the folder against another merge; the lock is on the folder itself, and leaves no file.

    Where the file system has no locks, it is one in the folder, as for runs.
    """
    descriptor, lock = os.open(into, os.O_RDONLY | os.O_DIRECTORY), RunLock(into / ".merge.lock")
    try:
        try:
            is_taken = try_lock(descriptor, str(into))
        except NoLocksError:
            is_taken = lock.try_take()
        if not is_taken:
            raise BusyError(f"{into}: another merge goes on")
        yield
    finally:
        lock.release()
        os.close(descriptor)


@contextmanager
def _no_runs(merge: Merge) -> Iterator[None]:
    """Hold the locks of all studies, so that no run changes them."""
    studies = sorted({*(each.offer.study for each in merge.bring), *merge.plans, *(study for study, _ in merge.stages)})
    locks = [RunLock(StudyPaths(merge.into, each).lock) for each in studies]
    try:
        for study, lock in zip(studies, locks, strict=True):
            if not lock.try_take():
                raise BusyError(f"{merge.into}: a run of {study} goes on; merge after its end")
        yield
    finally:
        for lock in locks:
            lock.release()


def _check_room(merge: Merge) -> None:
    """Compare what the records list with what is free, before anything is read."""
    offers = [each.offer for each in merge.bring if each.offer.has_folder]
    needed = sum(size for offer in offers for _, _, size in listed_files(offer.record))
    folder = next(each for each in (merge.into, *merge.into.absolute().parents) if each.is_dir())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise FairmeshError(f"{merge.into}: the results to bring take {needed:,} bytes, and {free:,} are free")


def _stage_all(merge: Merge, staging: Path | None, report: Report, folder_of: FolderOf) -> Iterator[str]:
    _check_room(merge)
    damaged: list[str] = []
    for at, each in enumerate(merge.bring):
        report(at, len(merge.bring))
        to = staging / str(at) if staging else None
        yield from _stage(each, to, damaged)
        if to and each.offer.has_folder:
            yield from _describe(each, to, folder_of)
    report(len(merge.bring), len(merge.bring))
    if damaged:
        more = [f"and {len(damaged) - SHOWN} more"] if len(damaged) > SHOWN else []
        raise FairmeshError("\n".join([*damaged[:SHOWN], *more]))


def _stage(each: Bringing, to: Path | None, damaged: list[str]) -> Iterator[str]:
    """Copy the files of a result to a folder of its own, or only read them; give what is missing."""
    if not each.offer.has_folder:
        if each.offer.record.get("files"):
            yield f"{each.offer.where}: the files of its attempt are not there"
        return
    for path, sha256, size in listed_files(each.offer.record):
        try:
            found = each.offer.source.copy((*each.offer.folder, *path), to.joinpath(*path) if to else None, size)
        except FileNotFoundError:
            yield f"{each.offer.where}: {'/'.join(path)} is not there"
        except OddNameError as error:
            yield f"{each.offer.where}: {error}; the file is left behind"
        except ForeignError as error:
            damaged.append(f"{each.offer.where}: {'/'.join(path)}: {error}")
        except OSError as error:
            damaged.append(f"{each.offer.where}: {'/'.join(path)}: {error.strerror}")
        else:
            if found != sha256:
                damaged.append(f"{each.offer.where}: {'/'.join(path)} is not what its record says")


def _describe(each: Bringing, to: Path, folder_of: FolderOf) -> Iterator[str]:
    """Write the commit, and what tells people how it was made; nothing of that runs again as it is.

    Returns
    -------
    iterator of str
        What is left out, a line each.
    """
    to.mkdir(parents=True, exist_ok=True)
    (to / COMMIT).write_bytes(each.data)
    attempt = str(each.offer.record["attempt"])
    status = (ATTEMPTS, attempt, STATUS)
    try:
        if each.offer.source.has(*each.offer.folder, *status):
            check_status(each.offer.source.read_map(*each.offer.folder, *status), each.offer.record["fingerprint"])
            _copy_if_there(each.offer, status, to)
    except (OSError, ValueError) as error:
        yield f"{each.offer.where}: {'/'.join(status)} is left out: {error}"
    for name in (CONFIG, JOB):
        _copy_if_there(each.offer, (name,), to)
    try:
        experiment = each.offer.source.read_map(*each.offer.folder, EXPERIMENT)
        canonical_json(experiment).encode()
    except (OSError, ValueError, RecursionError):
        return
    if isinstance(experiment.get("application"), dict):
        # It names a folder of another computer, and what is packed for others is taken from the folder that it names.
        own = experiment["application"]
        experiment["application"] = own | {"folder": folder_of(str(own.get("name")), str(own.get("version")))}
    files.write_json(to / EXPERIMENT, experiment)


def _copy_if_there(offer: Offer, path: tuple[str, ...], to: Path) -> None:
    try:
        data = offer.source.read(*offer.folder, *path, largest=LARGEST)
    except (OSError, ForeignError):
        return
    to.joinpath(*path).parent.mkdir(parents=True, exist_ok=True)
    to.joinpath(*path).write_bytes(data)


def _place_all(merge: Merge, staging: Path) -> None:
    """Move everything into place; what a crash leaves is whole, and the next merge goes on from there."""
    for each in merge.bring:
        _bring_environment(each.offer.source, str(each.offer.record.get("environment") or ""), merge)
    for at, each in enumerate(merge.bring):
        paths = StudyPaths(merge.into, each.offer.study)
        job = paths.job(each.offer.machine, each.id)
        if (staging / str(at)).is_dir():
            _place(staging / str(at), job)
        files.write_bytes(paths.record(each.offer.machine, each.id), each.data, flush=True)
    for (study, name), data in merge.stages.items():
        files.write_bytes(StudyPaths(merge.into, study).stage_marker(name), data, flush=True)
    for study, plan in merge.plans.items():
        files.write_text(StudyPaths(merge.into, study).plan, files.json_lines(plan), flush=True)


def _place(staged: Path, job: JobPaths) -> None:
    """Move a result's folder into place, the commit last; what was rendered for it here stays."""
    job.folder.parent.mkdir(parents=True, exist_ok=True)
    if not job.folder.exists():
        staged.rename(job.folder)
        return
    commit = staged / COMMIT
    for path in sorted(staged.iterdir()):
        if path != commit and not (job.folder / path.name).exists():
            path.rename(job.folder / path.name)
    commit.rename(job.commit)


def _bring_environment(source: Foreign, digest: str, merge: Merge) -> None:
    """Copy what a result ran on, if it is what its name says."""
    target = merge.into / ENVIRONMENTS / f"{digest}.json"
    if not digest or target.exists():
        return
    try:
        data = source.read(ENVIRONMENTS, target.name, largest=LARGEST)
        canonical = json.dumps(as_map(data), sort_keys=True).encode()  # as the runner does it
    except (OSError, ForeignError):
        return
    if digest in {hashlib.sha256(each).hexdigest() for each in (data, canonical)}:
        files.write_bytes(target, data, flush=True)
