"""Days and times in documents, read strictly: a text that only looks like one is none."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any


def day(text: Any) -> date | None:
    """Read a day, or the day of a time.

    >>> day("2026-11-20"), day("yesterday")
    (datetime.date(2026, 11, 20), None)
    """
    try:
        return datetime.fromisoformat(text).date() if isinstance(text, str) else None
    except ValueError:
        return None


def moment(text: Any) -> datetime | None:
    """Read a time that has a zone; one without could be anywhere.

    >>> moment("2026-11-20T10:00:00") is None
    True
    """
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
