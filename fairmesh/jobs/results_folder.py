"""Create a results folder that tells git which of its files are worth a commit."""

from __future__ import annotations

from pathlib import Path

from fairmesh.files import write_text

GITIGNORE = """\
# `git add results` commits what others need to see, check and reproduce results: plans, records, environments,
# results.csv, metadata, and the code of the applications. Left out is what is large, and what each run makes anew.
# The file is yours: to share the outputs of experiments as well, delete the line `/*/experiments/`.

# Folders of experiments and shared stages, with outputs, logs and telemetry.
/*/experiments/
/stages/

# Locks, events of runs, states of machines, and the copy of the runner.
/*/run.lock
/*/runs/
/*/machines/
/runner.pyz
/.machine-home

# Logs, results of earlier plans, and files that are being written.
/*/publish.log
/*/stages/*.log
/environments/.*
*.stale
*.half
"""


def make_results_folder(folder: Path) -> None:
    """Create a results folder with a ``.gitignore``, unless it exists.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    if not folder.is_dir():
        write_text(folder / ".gitignore", GITIGNORE)


def hide_from_git(folder: Path) -> None:
    """Keep a folder out of commits, also below a ``.gitignore`` that an older version has written.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = folder / ".gitignore"
    if not path.exists():
        write_text(path, "*\n")
