"""The labels and colors of states in all interfaces: terminal, notebooks, monitor and website."""

from __future__ import annotations

from fairmesh.runner.protocol import CANCELLED, DONE, FAILED, LOST, QUEUED, RUNNING, TIMEOUT, WAITING

STATE_LABELS = {
    WAITING: "waiting",
    QUEUED: "queued",
    RUNNING: "running",
    DONE: "done",
    FAILED: "failed",
    CANCELLED: "cancelled",
    TIMEOUT: "timeout",
    LOST: "lost",
}
"""The label of each state. Files, JSON, CSV and expressions contain the state itself."""

STATE_MEANINGS = {
    WAITING: "it has not started",
    QUEUED: "its job exists, its program has not started",
    RUNNING: "its program runs",
    DONE: "it has a record",
    FAILED: "its program ended with an error, or without metrics that are finite numbers",
    CANCELLED: "a person stopped it",
    TIMEOUT: "it exceeded its time limit",
    LOST: "its runner is gone, and its end is unknown",
}
"""What each state means."""

STATE_COLORS = {  # by Okabe and Ito, safe for color-blind readers; the website's are in fairmesh/site/base/stylesheets
    WAITING: "#999999",
    QUEUED: "#56b4e9",
    RUNNING: "#0072b2",
    DONE: "#009e73",
    FAILED: "#d55e00",
    CANCELLED: "#cc79a7",
    TIMEOUT: "#e69f00",
    LOST: "#000000",
}
"""The color of each state in notebooks and the monitor."""


def state_label(state: str) -> str:
    """Return the label of a state; of an unknown one the state itself.

    >>> state_label("done"), state_label("new")
    ('done', 'new')
    """
    return STATE_LABELS.get(state, state)
