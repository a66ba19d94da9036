"""How studies stand, read once for all who watch."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from pathlib import Path

import streamlit as st

from fairmesh.api.listing import sort_jobs
from fairmesh.jobs.paths import StudyPaths
from fairmesh.status import JobSelection, JobStatus, Reader, StudyStatus
from fairmesh.status.places import studies_in

FRESH = 0.8  # seconds for which a look is as good as new: with the pages' two, a change is seen within three
KEPT = 16  # lists of one look


class Watch:
    """One study, for everybody who watches it.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    """

    def __init__(self, paths: StudyPaths) -> None:
        self.paths = paths
        self._reader = Reader(paths)
        self._one = threading.Lock()
        self._status: StudyStatus | None = None
        self._read = 0.0
        self._change = self._read_change = 0
        self._lists: OrderedDict[tuple[JobSelection, str], list[JobStatus]] = OrderedDict()

    def status(self) -> StudyStatus:
        """Return how the study stands, as of a moment ago.

        Raises
        ------
        FairmeshError
            If it has no readable plan.
        """
        with self._one:
            is_old = time.monotonic() - self._read > FRESH or self._read_change != self._change
            if self._status is None or is_old:
                self._read_change = self._change  # what is done while this reads is read next time
                self._status = self._reader.read()
                self._read = time.monotonic()
                self._lists.clear()
            return self._status

    def sort_jobs(self, selection: JobSelection, sort: str) -> list[JobStatus]:
        """Return the experiments that are meant, in order.

        Raises
        ------
        InputError
            If the selection or the order cannot be understood.
        """
        status = self.status()
        with self._one:
            chosen = (selection, sort)
            if chosen not in self._lists:
                self._lists[chosen] = sort_jobs(status, selection, sort)
                if len(self._lists) > KEPT:
                    self._lists.popitem(last=False)
            return self._lists[chosen]

    def forget(self) -> None:
        """Read anew when somebody looks next: something was done to the study just now, by whatever thread."""
        self._change += 1


@st.cache_resource(show_spinner=False, max_entries=100)
def watch(results: Path, study: str) -> Watch:
    """Return what watches a study: one for all sessions."""
    return Watch(StudyPaths(results, study))


def studies(results: Path) -> list[str]:
    """Return the studies that were ever run, the one that was run last first."""
    found = [(each.plan.stat().st_mtime, each.study) for each in studies_in(results)]
    return [study for _, study in sorted(found, reverse=True)]
