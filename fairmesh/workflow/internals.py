"""Snakemake's own lock files hold no process number: those of a dead run are told by the lock that we hold."""

from __future__ import annotations

from pathlib import Path


def remove(locks: Path, study: Path) -> None:
    """Remove the lock files that name a study's results; for the holder of the study's run lock only.

    Parameters
    ----------
    locks : Path
        Snakemake's folder of lock files.
    study : Path
        The study's folder in the results, as the rules write it.
    """
    for path in locks.glob("*.lock"):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        if any(Path(line).is_relative_to(study) for line in lines):
            path.unlink(missing_ok=True)
