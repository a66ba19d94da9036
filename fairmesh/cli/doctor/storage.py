"""Whether the file system of the results can do what runs need: room, locks, hard links, renaming, a sane clock."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fairmesh.cli.doctor.finding import Finding, fail, ok, warn
from fairmesh.cli.doctor.here import Here
from fairmesh.jobs.slurm_site import file_system
from fairmesh.runner.safefiles import NO_LINKS, NoLocksError, try_lock

LEAST, FEW = 200 << 20, 5 << 30  # bytes that are free
LEAST_FILES, FEW_FILES = 1_000, 50_000  # an experiment makes some twenty
SKEW = 5.0  # seconds between this computer's clock and that of the file system
_TRY = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)"


def checks(here: Here) -> Iterator[Finding]:
    """Look at the results folder, or at what it will be made in."""
    folder = here.place
    room = os.statvfs(folder)
    yield free_bytes(room.f_bavail * room.f_frsize)
    yield free_files(room.f_favail, room.f_files)
    found = writable(folder)
    yield found
    if found.level != "fail":
        yield from abilities(folder)


def abilities(folder: Path) -> Iterator[Finding]:
    """Try what runs do, in a folder of its own."""
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
            "results", f"{folder} cannot be written: {error.strerror}", "name another folder: results: in config.yaml"
        )
    return ok("results", f"{folder}, on {file_system(folder) or 'a file system of unknown kind'}")


def free_bytes(free: int) -> Finding:
    """Check the room for results."""
    text, advice = f"{free / (1 << 30):.1f} GiB free", "make room, or name another folder: results: in config.yaml"
    if free < LEAST:
        return fail("disk", text, advice)
    return warn("disk", text, advice) if free < FEW else ok("disk", text)


def free_files(free: int, total: int) -> Finding:
    """Check how many files there may still be; some file systems do not count them."""
    if not total:
        return ok("inodes", "not limited")
    text, advice = f"{free:,} more files may be made", "remove what you do not need, or ask for a larger quota"
    if free < LEAST_FILES:
        return fail("inodes", text, advice)
    return warn("inodes", text, advice) if free < FEW_FILES else ok("inodes", text)


def second_gets(path: Path) -> bool:
    """Return whether another process gets the lock of a file."""
    command = [sys.executable, "-ISc", _TRY, str(path)]
    return not subprocess.run(command, check=False, capture_output=True, timeout=5).returncode


def locks(folder: Path, gets: Callable[[Path], bool] = second_gets) -> Finding:
    """Check that flock(2) keeps two runs of one study apart; where there is none, claims do."""
    advice = "mount it with locks (NFS 4; Lustre: -o flock), or name another folder: results: in config.yaml"
    path = folder / "lock"
    with path.open("w") as file:
        try:
            try_lock(file.fileno(), str(path))
        except NoLocksError:
            return warn("file locks", "there are none here: a run that died on another host is not seen", advice)
        except OSError as error:
            return fail("file locks", f"do not work here: {error.strerror}", advice)
        if gets(path):
            return fail("file locks", "two processes get the same lock", advice)
    return ok("file locks", "keep runs apart")


def links(folder: Path, link: Callable[[Path, Path], None] = os.link) -> Finding:
    """Check that link(2) refuses a name that is taken, as it decides who runs an experiment, if there are links."""
    advice = "claims need those that are refused: name a folder on another file system, results: in config.yaml"
    first, second = folder / "first", folder / "second"
    first.touch()
    try:
        link(first, second)
    except OSError as error:
        if error.errno in NO_LINKS:
            return ok("hard links", "there are none here: claims are folders instead")
        return fail("hard links", f"do not work here: {error.strerror}", advice)
    try:
        link(first, second)
    except FileExistsError:
        return ok("hard links", "one process alone gets a claim")
    except OSError as error:
        return fail("hard links", f"a name that is taken is refused with {error.strerror!r}", advice)
    return fail("hard links", "a name that is taken can be taken again", advice)


def renames(folder: Path, replace: Callable[[Path, Path], None] = os.replace) -> Finding:
    """Check that a file can take the place of another."""
    new, old = folder / "new", folder / "old"
    new.write_text("new")
    old.write_text("old")
    try:
        replace(new, old)
    except OSError as error:
        return fail("renaming", f"does not work here: {error.strerror}", "name a folder on another file system")
    if old.read_text() != "new" or new.exists():
        return fail("renaming", "does not put one file in the place of another", "name a folder on another file system")
    return ok("renaming", "puts whole files in place")


def clock(folder: Path, now: Callable[[], float] = time.time) -> Finding:
    """Compare the time of a new file with this computer's."""
    path = folder / "clock"
    path.touch()
    skew = path.stat().st_mtime - now()
    if abs(skew) > SKEW:
        advice = "set the clocks (chrony): Snakemake takes files of the future for changed ones"
        return warn("clock", f"the file system is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}", advice)
    return ok("clock", "that of the file system agrees")
