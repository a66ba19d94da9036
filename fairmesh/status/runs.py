"""The runs of a study: which is the last one, and whether it goes on."""

from __future__ import annotations

import os
from typing import Any

from fairmesh.jobs.paths import StudyPaths
from fairmesh.printing import one_line
from fairmesh.runner import owner
from fairmesh.runner.protocol import RUN_FILE, RUNS
from fairmesh.runner.status import cancel_reason
from fairmesh.status.memo import Clock, FileCache, Map
from fairmesh.status.model import RunStatus


class RunReader:
    """Finds the last run of a study.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    clock : Clock, optional
        Of their file system, if somebody looks again and again.
    """

    def __init__(self, paths: StudyPaths, clock: Clock | None = None) -> None:
        self._folder = str(paths.folder / RUNS)
        self._files = FileCache(clock)

    def last(self) -> RunStatus | None:
        """Return the run that was started last, if there was one."""
        about = max(self._abouts(), key=_started, default=None)
        return self._status(about) if about else None

    def all(self) -> list[RunStatus]:
        """Return all runs, the last one first."""
        return [self._status(each) for each in sorted(self._abouts(), key=_started, reverse=True)]

    def one(self, uuid: str) -> RunStatus | None:
        """Return the run of a name, if there is one."""
        about = self._files.read(f"{self._folder}/{uuid}/{RUN_FILE}")
        return self._status(about) if about.get("uuid") else None

    @property
    def problems(self) -> dict[str, str]:
        """Why files about runs could not be read, by their path."""
        return self._files.problems

    def _abouts(self) -> list[Map]:
        try:
            names = os.listdir(self._folder)  # noqa: PTH208  for every look of everybody who watches
        except OSError:
            return []
        found = (self._files.read(f"{self._folder}/{name}/{RUN_FILE}") for name in names)
        return [each for each in found if each.get("uuid")]

    def _status(self, about: Map) -> RunStatus:
        owns = about.get("owner")
        whose: dict[str, Any] = owns if isinstance(owns, dict) else {}
        config, code, pid = about.get("config"), about.get("exit_code"), whose.get("pid")
        return RunStatus(
            uuid=str(about["uuid"]),
            executor_run=str(about.get("executor_run") or ""),
            profile=one_line(str(about.get("profile") or "")),
            config=config if isinstance(config, dict) else {},
            folder=str(about.get("folder") or ""),
            python=str(about.get("python") or ""),
            started=_started(about),
            ended=str(about.get("ended") or ""),
            exit_code=code if isinstance(code, int) else None,
            host=one_line(str(whose.get("host") or "")),
            pid=pid if isinstance(pid, int) else 0,
            is_alive=not about.get("ended") and isinstance(pid, int) and owner.is_alive(whose) is not False,
            cancelled=one_line(cancel_reason(f"{self._folder}/{about['uuid']}")),
        )


def _started(about: Map) -> str:
    return str(about.get("started") or "")
