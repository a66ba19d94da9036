"""What dead runs left behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from fairmesh.cli.doctor.finding import Finding, ok, warn
from fairmesh.cli.doctor.here import Here
from fairmesh.errors import FairmeshError
from fairmesh.jobs.lock import RunLock
from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner.protocol import LOST
from fairmesh.status import RunStatus, StudyStatus, places, read_status
from fairmesh.status.reader import RunReader

SNAKEMAKES = Path(".snakemake/locks")


def checks(here: Here) -> Iterator[Finding]:
    """Look at all studies of the results folder."""
    studies = places.studies_in(here.results) if here.results.is_dir() else []
    found = [each for paths in studies for each in of_study(paths)]
    yield from found or [ok("leftovers", f"none in {len(studies)} studies" if studies else "no study was run yet")]
    yield from snakemake_locks(here.folder / SNAKEMAKES, any(RunLock(each.lock).is_held() for each in studies))


def of_study(paths: StudyPaths) -> Iterator[Finding]:
    """Look at one study."""
    yield from dead_runs(paths.study, RunReader(paths).all()[:1])
    try:
        yield from lost(read_status(paths))
    except FairmeshError as error:
        yield warn("leftovers", str(error), f"remove {paths.folder}, or run the study")


def dead_runs(study: str, runs: Sequence[RunStatus]) -> Iterator[Finding]:
    """Tell of runs that did not write down their end."""
    for each in runs:
        if not each.ended and not each.is_alive:
            found = f"run {each.uuid[:8]} of {study} died without an end"
            yield warn("dead run", found, f"fairmesh run {study}: it goes on where that one stopped")


def lost(status: StudyStatus) -> Iterator[Finding]:
    """Tell of experiments whose claim binds nobody."""
    count = sum(each.state == LOST for each in status.jobs)
    if count:
        found = f"{count} of {status.study} lost: their runner is gone or silent"
        yield warn("stale claims", found, f"fairmesh retry --study {status.study} --state lost")


def snakemake_locks(folder: Path, running: bool) -> Iterator[Finding]:
    """Tell of lock files of Snakemake's that nobody needs."""
    if not running and any(folder.glob("*.lock")):
        advice = "none for a study of fairmesh, whose next run removes it; else snakemake --unlock"
        yield warn("dead lock", f"{folder} holds the lock of a Snakemake, and no study is being run", advice)
