"""What a check found: how bad it is, what it is about, and what to do."""

from __future__ import annotations

from typing import NamedTuple

OK, WARN, FAIL = "ok", "warn", "fail"


class Finding(NamedTuple):
    """One line of the doctor's.

    Parameters
    ----------
    level : str
        ``ok``, ``warn`` or ``fail``.
    what, found : str
        What was looked at, and how it is.
    advice : str
        What mends it; empty if nothing is to be done.
    """

    level: str
    what: str
    found: str
    advice: str = ""


def ok(what: str, found: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(OK, what, found)


def warn(what: str, found: str, advice: str) -> Finding:
    """Say that something will trouble some."""
    return Finding(WARN, what, found, advice)


def fail(what: str, found: str, advice: str) -> Finding:
    """Say that something does not work."""
    return Finding(FAIL, what, found, advice)
