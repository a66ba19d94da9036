"""What all operations share: the place, the boards, and how what a request names is found."""

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
from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner.protocol import RUNS
from fairmesh.service.board import Board, Boards
from fairmesh.service.problems import NotFoundError
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
Key = Annotated[str, Path(pattern="^[0-9a-f]{12}$", description="The key of an experiment.", examples=["abcebd7deff6"])]


@dataclass(frozen=True)
class Service:
    """What the service works with.

    Parameters
    ----------
    project : Project
        Where it works.
    root : str
        The path below which a proxy shows it.
    """

    project: Project
    root: str = ""
    boards: Boards = field(default_factory=Boards)

    @property
    def who(self) -> str:
        """Who asks, as the files keep it."""
        return f"{current_user()} by REST"

    def paths(self, study: str) -> StudyPaths:
        """Return the files of a study that has results.

        Raises
        ------
        NotFoundError
            If it has none.
        """
        paths = self.project.paths(study)
        if not paths.plan.is_file():
            known = study in self.project.studies()
            raise NotFoundError(f"study {study!r} was never run" if known else f"there is no study {study!r}")
        return paths

    async def board(self, study: str) -> Board:
        """Return the board of a study that has results; the disk is asked beside those who are answered meanwhile.

        Raises
        ------
        NotFoundError
            If it has none.
        """
        paths = self.project.paths(study)
        if not self.boards.is_fresh(paths):
            await run_in_threadpool(self.paths, study)
        return self.boards.of(paths)

    async def job(self, study: str, key: str) -> JobStatus:
        """Return an experiment or a stage.

        Raises
        ------
        NotFoundError
            If the study has none of this key.
        """
        look = await (await self.board(study)).look()
        if key not in look.by_key:
            raise NotFoundError(f"study {study!r} has no experiment {key!r}")
        return look.by_key[key]

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
        """Look anew at a study to which something was done."""
        self.boards.forget(self.project.paths(study))


def _of(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


Given = Annotated[Service, Depends(_of)]


def as_json(value: Any) -> bytes:
    """Return a value as the bytes of an answer."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def answer(value: Any, status: int = 200, location: str = "") -> Response:
    """Return an answer of a value, or of bytes that were made of one before."""
    body = value if isinstance(value, bytes) else as_json(value)
    return Response(body, status, {"location": location} if location else None, "application/json")
