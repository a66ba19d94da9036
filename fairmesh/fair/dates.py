"""Dates in documents: strict parsing, and the dates of a study's publications."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from fairmesh.files import json_text, write_if_changed
from fairmesh.jobs.reading import read_map
from fairmesh.runner.protocol import FORMAT


def day(text: Any) -> date | None:
    """Parse a date, or the date of a time.

    >>> day("2026-11-20"), day("yesterday")
    (datetime.date(2026, 11, 20), None)
    """
    try:
        return datetime.fromisoformat(text).date() if isinstance(text, str) else None
    except ValueError:
        return None


def moment(text: Any) -> datetime | None:
    """Parse a time with a time zone; None without one.

    >>> moment("2026-11-20T10:00:00") is None
    True
    """
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return time if time is not None and time.tzinfo is not None else None


PUBLICATION = "publication.json"


@dataclass(frozen=True)
class Publication:
    """The dates of a study's publications, in UTC.

    Parameters
    ----------
    first : str
        Date of the first publication.
    latest : str
        Date of the publication of this version.
    version : str
        The version of the results.
    """

    first: str
    latest: str
    version: str

    @classmethod
    def of(cls, folder: Path, version: str) -> Publication:
        """Return the dates for a version of the results; a new version is published today."""
        known = read_map(folder / PUBLICATION)
        today = datetime.now(UTC).date().isoformat()
        first = str(known["first"]) if day(known.get("first")) else today
        is_same = known.get("version") == version and day(known.get("latest"))
        return cls(first, str(known["latest"]) if is_same else today, version)

    def write(self, folder: Path) -> None:
        """Write the dates to a study's folder."""
        write_if_changed(folder / PUBLICATION, json_text({"format": FORMAT, **asdict(self)}))

    @property
    def modified(self) -> str:
        """Date of the last change after the first publication; empty if there was none."""
        return self.latest if self.latest != self.first else ""
