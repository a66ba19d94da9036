"""Operations on experiments: list with filter, sort and pages; read; logs in parts; artefacts; how a study stands."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from fairmesh.api.listing import sort_jobs
from fairmesh.api.outputs import artefacts, log_part
from fairmesh.runner.protocol import ENDS
from fairmesh.service import models
from fairmesh.service.bodies import StrictRoute
from fairmesh.service.context import Given, Key, StudyName, answer, as_json
from fairmesh.service.problems import NotFoundError, documented
from fairmesh.service.studies import Limit, Offset
from fairmesh.status import JobSelection, JobStatus, log_path

router = APIRouter(route_class=StrictRoute, tags=["experiments"])
Where = Annotated[
    str, Query(max_length=2000, description="Those for which this expression is true.", examples=["epochs > 1"])
]
States = Annotated[
    list[models.State], Query(default_factory=list, description="Those in one of these states.", max_length=20)
]
Sort = Annotated[
    str,
    Query(
        pattern=r"^-?[A-Za-z_][A-Za-z0-9_.]{0,100}$",
        description="`plan`, `state` (the worst first), a key, axis or parameter of an experiment; `-` turns it round.",
        examples=["-progress"],
    ),
]
Attempt = Annotated[int | None, Query(ge=1, le=1_000_000, description="Of this attempt; by default the last one.")]


@router.get("/studies/{study}/status", responses=documented(404), response_model=models.Summary)
async def read_status(service: Given, study: StudyName) -> Response:
    """Tell how a study stands: its last run, and how many experiments are in each state."""
    look = await (await service.board(study)).look()
    return answer(look.answer("summary", lambda: as_json(look.summary)))


@router.get("/studies/{study}/experiments", responses=documented(404), response_model=models.Experiments)
async def list_experiments(
    service: Given,
    study: StudyName,
    state: States,
    where: Where = "",
    sort: Sort = "plan",
    offset: Offset = 0,
    limit: Limit = 100,
) -> Response:
    """List experiments: filtered, sorted, a page at a time."""
    board = await service.board(study)
    look, chosen = await board.look(), ("sorted", where, *state, sort)
    if not look.knows(chosen):
        selection = JobSelection(where=where, states=tuple(state))
        found = await board.compute(sort_jobs, look.status, selection, sort)
        look.answer(chosen, lambda: found)
    return answer(look.answer((*chosen, offset, limit), lambda: _page(look.answer(chosen, list), offset, limit)))


def _page(found: list[JobStatus], offset: int, limit: int) -> bytes:
    end = offset + limit
    shown = [each.to_json() for each in found[offset:end]]
    return as_json(
        {"total": len(found), "offset": offset, "next": end if end < len(found) else None, "experiments": shown}
    )


@router.get("/studies/{study}/experiments/{key}", responses=documented(404), response_model=models.ExperimentRead)
async def read_experiment(service: Given, study: StudyName, key: Key) -> Response:
    """Read an experiment, or a shared stage: how it stands, and what was planned for it."""
    job = await service.job(study, key)
    planned = {name: job.point.get(name) or {} for name in ("parameters", "resources")}
    return answer(job.to_json() | planned)


@router.get("/studies/{study}/experiments/{key}/log", responses=documented(404), response_model=models.Log)
async def read_log(
    service: Given,
    study: StudyName,
    key: Key,
    attempt: Attempt = None,
    offset: Annotated[int, Query(ge=-(1 << 40), le=1 << 40, description="In bytes; less than 0: from the end.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1 << 20, description="How many bytes at most.")] = 1 << 16,
) -> Response:
    """Read a part of a log: whole lines, harmless on a terminal. To follow it, go on from `next`."""
    job = await service.job(study, key)
    over = job.state in ENDS or bool(attempt and attempt < job.attempt)
    part = await run_in_threadpool(lambda: log_part(log_path(job, attempt), offset, limit, over))
    found = {"lines": part.lines, "offset": part.offset, "next": part.next, "size": part.size}
    return answer(found | {"over": over})


@router.get("/studies/{study}/experiments/{key}/artefacts", responses=documented(404), response_model=models.Artefacts)
async def list_artefacts(service: Given, study: StudyName, key: Key, attempt: Attempt = None) -> Response:
    """List the files that an attempt left."""
    job = await service.job(study, key)
    number = attempt or job.attempt
    base = f"{service.root}/api/v1/studies/{study}/experiments/{key}/attempts/{number}/artefacts/"
    found = (await run_in_threadpool(artefacts, job, attempt)).values()
    return answer(
        {"artefacts": [{"name": each.name, "bytes": each.bytes, "href": base + quote(each.name)} for each in found]}
    )


_BYTES: dict[str, Any] = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
_FILE: dict[int | str, dict[str, Any]] = {200: {"description": "The file.", **_BYTES}}
_PART: dict[int | str, dict[str, Any]] = {206: {"description": "The part that the header Range names.", **_BYTES}}
_RANGE: dict[int | str, dict[str, Any]] = {416: {"description": "The file has no such range."}}


@router.get(
    "/studies/{study}/experiments/{key}/attempts/{attempt}/artefacts/{name:path}",
    responses=documented(404) | _FILE | _PART | _RANGE,
    response_class=Response,
)
async def read_artefact(service: Given, study: StudyName, key: Key, attempt: int, name: str) -> Response:
    """Download a file that an attempt left; parts of it by the header Range. A browser will not show it as a page."""
    job = await service.job(study, key)
    files = await run_in_threadpool(artefacts, job, attempt)
    found = files.get(name) if attempt > 0 else None
    if found is None:
        raise NotFoundError(f"this attempt left no file {name[:200]!r}")
    return FileResponse(found.path, media_type="application/octet-stream", filename=found.path.name)
