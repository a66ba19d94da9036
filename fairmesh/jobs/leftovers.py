"""What processes that were killed left half written among a study's records and experiments."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner import owner
from fairmesh.runner.jsonfiles import half_written, writer
from fairmesh.runner.protocol import EXPERIMENTS


def remove_half_written(paths: StudyPaths, machines: Iterable[str]) -> None:
    """Remove what processes of this host wrote that live no more; others may still be writing theirs."""
    names = list(machines)
    records = [paths.record(machine, "").parent for machine in names]
    experiments = [paths.folder / EXPERIMENTS / machine for machine in names]
    for folder in (paths.folder, paths.stage_marker("").parent, *records, *experiments):
        for path in half_written(str(folder)):
            pid = writer(path)
            if pid and not owner.start_time(pid):
                _remove(Path(path))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
