"""What processes that were killed left half written among a study's records."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner import owner
from fairmesh.runner.jsonfiles import half_written, writer


def remove_half_written(paths: StudyPaths, machines: Iterable[str]) -> None:
    """Remove the files of processes of this host that live no more; others may still be writing theirs."""
    records = [paths.record(machine, "").parent for machine in machines]
    for folder in (paths.folder, paths.stage_marker("").parent, *records):
        for path in half_written(str(folder)):
            pid = writer(path)
            if pid and not owner.start_time(pid):
                Path(path).unlink(missing_ok=True)
