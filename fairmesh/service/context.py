"""What all operations share: the project, the status feeds, and the lookup of names in requests."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fairmesh.api import Project, Run, run_process
from fairmesh.api.project import NAME
from fairmesh.errors import InputError
from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner.protocol import RUNS
from fairmesh.service.problems import NotFoundError
from fairmesh.service.status_feed import StatusFeed, StatusFeeds
from fairmesh.status import JobStatus
from fairmesh.status.steering import current_user

StudyName = Annotated[str, Path(pattern=f"^{NAME}$", description="The name of a study.", examples=["quick"])]
RunName = Annotated[
    str,
    Path(
        pattern=f"^{run_process.UUID_PATTERN}$",
        description="The uuid of a run.",
        examples=["5b0f7a52-2a5e-4a52-9d1c-0d2f6a1b9c11"],
    ),
]
Key = Annotated[
    str,
    Path(
        max_length=200,
        description="The key or id of an experiment, or axes that tell it from others.",
        examples=["abcebd7deff6", "epochs=1,width=4"],
    ),
]


@dataclass(frozen=True)
class Service:
    """The service.

    Parameters
    ----------
    project : Project
        The project that it serves.
    root : str
        The path below which a proxy shows it.
    """

    project: Project
    root: str = ""
    feeds: StatusFeeds = field(default_factory=StatusFeeds)

    @property
    def who(self) -> str:
        """The originator of requests, as recorded in files."""
        return f"{current_user()} by REST"

    def paths(self, study: str) -> StudyPaths:
        """Return the files of a study that has results.

        Raises
        ------
        NotFoundError
            If it has no results.
        """
        paths = self.project.paths(study)
        if not paths.plan.is_file():
            exists = study in self.project.studies()
            raise NotFoundError(f"study {study!r} was never run" if exists else f"there is no study {study!r}")
        return paths

    async def feed(self, study: str) -> StatusFeed:
        """Return the status feed of a study that has results; the disk is read in a thread.

        Raises
        ------
        NotFoundError
            If it has no results.
        """
        paths = self.project.paths(study)
        if not self.feeds.is_fresh(paths):
            await run_in_threadpool(self.paths, study)
        return self.feeds.of(paths)

    async def job(self, study: str, key: str) -> JobStatus:
        """Return an experiment or a stage.

        Raises
        ------
        NotFoundError
            If the study has none of this key or name, or if several fit.
        """
        feed = await self.feed(study)
        snapshot = await feed.snapshot()
        if key in snapshot.by_key:
            return snapshot.by_key[key]
        try:
            return await feed.compute(snapshot.status.finder.find_one, key)
        except InputError as error:
            raise NotFoundError(str(error)) from error

    def run(self, uuid: str) -> Run:
        """Return a run.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        if re.fullmatch(run_process.UUID_PATTERN, uuid, re.ASCII):
            for folder in self.project.results.glob(f"*/{RUNS}/{uuid}"):
                paths = StudyPaths(self.project.results, folder.parents[1].name)
                if run_process.find(paths, uuid):
                    return Run(self.project, paths, uuid)
        raise NotFoundError(f"there is no run {uuid!r}")

    def changed(self, study: str) -> None:
        """Read a study again before the next answer, since it was changed."""
        self.feeds.forget(self.project.paths(study))


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


GivenService = Annotated[Service, Depends(_service)]


def as_json(value: Any) -> bytes:
    """Return a value as JSON bytes."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def answer(value: Any, status: int = 200, location: str = "") -> Response:
    """Return a response with a value as JSON, or with JSON bytes."""
    body = value if isinstance(value, bytes) else as_json(value)
    return Response(body, status, {"location": location} if location else None, "application/json")
