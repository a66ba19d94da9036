"""The states of a run, in words."""

from __future__ import annotations

from fairmesh.status import RunStatus

STARTING, RUNNING, DONE, FAILED, CANCELLED, LOST = "starting", "running", "done", "failed", "cancelled", "lost"
RUN_STATES = (STARTING, RUNNING, DONE, FAILED, CANCELLED, LOST)


def run_state(info: RunStatus, has_begun: bool) -> str:
    """Return the state of a run in a word."""
    if info.is_alive:
        return RUNNING if has_begun else STARTING
    if info.exit_code == 0:
        return DONE
    if info.cancelled:
        return CANCELLED
    return LOST if info.exit_code is None else FAILED
