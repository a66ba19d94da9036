"""When a study was published first, and when its results changed since, kept beside them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from fairmesh.fair.times import day
from fairmesh.files import json_text, write_if_changed
from fairmesh.jobs.reading import read_map
from fairmesh.runner.protocol import FORMAT

PUBLICATION = "publication.json"


@dataclass(frozen=True)
class Publication:
    """The days of a study's publications, in UTC as ISO 8601.

    Parameters
    ----------
    first : str
        When its documents were written for the first time.
    latest : str
        When the documents of this version of its results were.
    version : str
        The version.
    """

    first: str
    latest: str
    version: str

    @classmethod
    def of(cls, folder: Path, version: str) -> Publication:
        """Return the days for a version of the results in a study's folder; a new one is published today."""
        known = read_map(folder / PUBLICATION)
        today = datetime.now(UTC).date().isoformat()
        first = str(known["first"]) if day(known.get("first")) else today
        is_same = known.get("version") == version and day(known.get("latest"))
        return cls(first, str(known["latest"]) if is_same else today, version)

    def write(self, folder: Path) -> None:
        """Write it into a study's folder."""
        write_if_changed(folder / PUBLICATION, json_text({"format": FORMAT, **asdict(self)}))

    @property
    def modified(self) -> str:
        """When the results changed after the first publication; empty if they did not."""
        return self.latest if self.latest != self.first else ""
