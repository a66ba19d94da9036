"""What processes that were killed left half written among a study's records."""

from __future__ import annotations

from collections.abc import Iterable

from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner import owner
from fairmesh.runner.jsonfiles import HALF, host


def remove_half_written(paths: StudyPaths, machines: Iterable[str]) -> None:
    """Remove the files of processes of this host that live no more; others may still be writing theirs."""
    records = [paths.record(machine, "").parent for machine in machines]
    for folder in (paths.folder, paths.stage_marker("").parent, *records):
        for path in folder.glob(f".*{HALF}"):
            if _is_abandoned(path.name):
                path.unlink(missing_ok=True)


def _is_abandoned(name: str) -> bool:
    """Tell whether a name, made by `fairmesh.runner.jsonfiles`, is of a process that lived on this host."""
    begin, _, pid = name.removesuffix(HALF).rpartition(".")[0].rpartition(".")
    return begin.endswith(f".{host()}") and pid.isdecimal() and not owner.start_time(int(pid))
