"""The progress of jobs in a bundle, from the output of its script and the scheduler."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fairmesh.runner.safefiles import read_regular

BEGUN = "begun"
ENDED = "ended"
GONE = "unknown to the scheduler"
_BY_ITSELF = ("COMPLETED", "DONE", "FAILED", "EXIT")


@dataclass(frozen=True)
class Progress:
    """The progress of a job in a bundle: the node on which it began, and its exit status."""

    node: str
    status: int | None = None


def read_progress(path: Path) -> dict[int, Progress]:
    """Return the progress that a bundle's script has written, by job number; incomplete lines are ignored."""
    try:
        text = read_regular(str(path)).decode("utf-8", "replace")
    except OSError:
        return {}
    progress: dict[int, Progress] = {}
    for line in text.splitlines(keepends=True):
        fields = line.split()
        if not line.endswith("\n") or len(fields) != 3 or not fields[0].isdecimal():
            continue
        number, what, value = int(fields[0]), fields[1], fields[2]
        if what == BEGUN:
            progress[number] = Progress(value)
        elif what == ENDED and number in progress and value.isdecimal():
            progress[number] = Progress(progress[number].node, int(value))
    return progress


def verdict(progress: Progress | None, state: str | None, others_began: bool) -> tuple[bool | None, str]:
    """Return whether a job is done, and the reason if it failed.

    Parameters
    ----------
    progress : Progress or None
        Its progress, as written by the script.
    state : str or None
        The scheduler's state of a job that has ended; ``GONE`` if it is unknown there; None until it has ended.
    others_began : bool
        Whether the script has begun other jobs.

    Returns
    -------
    done : bool or None
        None while that is not known.
    reason : str
        Why it failed, with a placeholder for the scheduler's job.

    Examples
    --------
    >>> verdict(Progress("n1"), "TIMEOUT", others_began=True)
    (False, "{} on n1 ended as TIMEOUT while this one ran")
    """
    if progress is not None and progress.status is not None:
        reason = f"it ended with status {progress.status} in {{}} on {progress.node}"
        return progress.status == 0, reason if progress.status else ""
    if state is None:
        return None, ""
    if progress is not None:
        return False, f"{{}} on {progress.node} ended as {state} while this one ran"
    if others_began or state not in _BY_ITSELF:
        return False, f"{{}} ended as {state} before this one began"
    return False, "{} left nothing here: its node does not share this folder"
