"""Checks of the file system of the results, and of leftovers of dead runs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fairmesh.cli.doctor.base import CheckedProject, Finding, fail, ok, warn
from fairmesh.errors import FairmeshError
from fairmesh.files import file_system
from fairmesh.jobs.lock import RunLock
from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner.protocol import LOST
from fairmesh.runner.safefiles import NO_LINKS, NoLocksError, try_lock
from fairmesh.status import RunStatus, StudyStatus, places, read_status
from fairmesh.status.reader import RunReader

LEAST, FEW = 200 << 20, 5 << 30  # free bytes
LEAST_FILES, FEW_FILES = 1_000, 50_000  # an experiment writes about twenty
SKEW = 5.0  # seconds between this computer's clock and that of the file system
_TRY = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)"
SNAKEMAKES = Path(".snakemake/locks")


def checks(project: CheckedProject) -> Iterator[Finding]:
    """Check the results folder, or the folder in which it will be created."""
    folder = project.place
    room = os.statvfs(folder)
    yield free_bytes(room.f_bavail * room.f_frsize)
    yield free_files(room.f_favail, room.f_files)
    finding = writable(folder)
    yield finding
    if finding.level != "fail":
        yield from abilities(folder)


def abilities(folder: Path) -> Iterator[Finding]:
    """Yield findings of operations that runs need, tried in a temporary folder."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".doctor.") as name:
        place = Path(name)
        yield locks(place)
        yield links(place)
        yield renames(place)
        yield clock(place)


def writable(folder: Path) -> Finding:
    """Check that files can be written."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor.") as file:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return fail(
            "results", f"{folder} cannot be written: {error.strerror}", "set another folder: results: in config.yaml"
        )
    return ok("results", f"{folder}, on {file_system(folder) or 'a file system of unknown kind'}")


def free_bytes(free: int) -> Finding:
    """Check the free space for results."""
    text, advice = f"{free / (1 << 30):.1f} GiB free", "free some space, or set another folder: results: in config.yaml"
    if free < LEAST:
        return fail("disk", text, advice)
    return warn("disk", text, advice) if free < FEW else ok("disk", text)


def free_files(free: int, total: int) -> Finding:
    """Check the number of free inodes, where the file system has a limit."""
    if not total:
        return ok("inodes", "not limited")
    text, advice = f"{free:,} more files can be created", "remove what you do not need, or ask for a larger quota"
    if free < LEAST_FILES:
        return fail("inodes", text, advice)
    return warn("inodes", text, advice) if free < FEW_FILES else ok("inodes", text)


def second_gets(path: Path) -> bool:
    """Return whether another process can take the lock of a file."""
    command = [sys.executable, "-ISc", _TRY, str(path)]
    return not subprocess.run(command, check=False, capture_output=True, timeout=5).returncode


def locks(folder: Path, gets: Callable[[Path], bool] = second_gets) -> Finding:
    """Check that flock(2) prevents a second run of a study; without it, claims separate runs."""
    advice = "mount it with locks (NFS 4; Lustre: -o flock), or set another folder: results: in config.yaml"
    path = folder / "lock"
    with path.open("w") as file:
        try:
            try_lock(file.fileno(), str(path))
        except NoLocksError:
            return warn("file locks", "not supported: a dead run on another host is not detected", advice)
        except OSError as error:
            return fail("file locks", f"do not work: {error.strerror}", advice)
        if gets(path):
            return fail("file locks", "two processes get the same lock", advice)
    return ok("file locks", "work")


def links(folder: Path, link: Callable[[Path, Path], None] = os.link) -> Finding:
    """Check that link(2) refuses an existing name, since links decide which process runs an experiment."""
    advice = "claims need them: set a folder on another file system, results: in config.yaml"
    first, second = folder / "first", folder / "second"
    first.touch()
    try:
        link(first, second)
    except OSError as error:
        if error.errno in NO_LINKS:
            return ok("hard links", "not supported: claims are folders instead")
        return fail("hard links", f"do not work: {error.strerror}", advice)
    try:
        link(first, second)
    except FileExistsError:
        return ok("hard links", "work")
    except OSError as error:
        return fail("hard links", f"an existing name is refused with {error.strerror!r}", advice)
    return fail("hard links", "an existing name is not refused", advice)


def renames(folder: Path, replace: Callable[[Path, Path], None] = os.replace) -> Finding:
    """Check that a file can replace another."""
    new, old = folder / "new", folder / "old"
    new.write_text("new")
    old.write_text("old")
    try:
        replace(new, old)
    except OSError as error:
        return fail("renaming", f"does not work: {error.strerror}", "set a folder on another file system")
    if old.read_text() != "new" or new.exists():
        return fail("renaming", "does not replace the other file", "set a folder on another file system")
    return ok("renaming", "works")


def clock(folder: Path, now: Callable[[], float] = time.time) -> Finding:
    """Compare the time of a new file with this computer's."""
    path = folder / "clock"
    path.touch()
    skew = path.stat().st_mtime - now()
    if abs(skew) > SKEW:
        advice = "synchronize the clocks (chrony): Snakemake treats files from the future as changed"
        return warn("clock", f"the file system is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}", advice)
    return ok("clock", "agrees with the file system")


def leftover_checks(project: CheckedProject) -> Iterator[Finding]:
    """Check all studies in the results folder."""
    studies = places.studies_in(project.results) if project.results.is_dir() else []
    findings = [finding for paths in studies for finding in of_study(paths)]
    yield from findings or [ok("leftovers", f"none in {len(studies)} studies" if studies else "no study has been run")]
    yield from snakemake_locks(project.folder / SNAKEMAKES, any(RunLock(paths.lock).is_held() for paths in studies))


def of_study(paths: StudyPaths) -> Iterator[Finding]:
    """Check one study."""
    own = [run for run in RunReader(paths).all() if not run.is_merged]
    yield from dead_runs(paths.study, own[:1])
    try:
        yield from lost(read_status(paths))
    except FairmeshError as error:
        yield warn("leftovers", str(error), f"remove {paths.folder}, or run the study")


def dead_runs(study: str, runs: Sequence[RunStatus]) -> Iterator[Finding]:
    """Yield a finding for each run that died without recording its end."""
    for run in runs:
        if not run.ended and not run.is_alive:
            state = f"run {run.uuid[:8]} of {study} died"
            yield warn("dead run", state, f"fairmesh run {study} resumes it")


def lost(status: StudyStatus) -> Iterator[Finding]:
    """Yield a finding if experiments have stale claims."""
    count = sum(job.state == LOST for job in status.jobs)
    if count:
        state = f"{count} of {status.study} lost: their runner has ended or does not respond"
        yield warn("stale claims", state, f"fairmesh retry --study {status.study} --state lost")


def snakemake_locks(folder: Path, running: bool) -> Iterator[Finding]:
    """Yield a finding for unused lock files of Snakemake."""
    if not running and any(folder.glob("*.lock")):
        advice = "the next run of a study removes it; for other workflows, run snakemake --unlock"
        yield warn("dead lock", f"{folder} has a lock of Snakemake, and no study is being run", advice)
