"""Operations on experiments: list, read, logs, artefacts; and the status of a study."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from fairmesh.api.listing import sort_jobs
from fairmesh.api.outputs import artefacts, log_part
from fairmesh.runner.protocol import ENDS
from fairmesh.service import responses
from fairmesh.service.context import GivenService, Key, StudyName, answer, as_json
from fairmesh.service.problems import NotFoundError, documented
from fairmesh.service.requests import StrictRoute
from fairmesh.service.studies import Limit, Offset
from fairmesh.status import JobSelection, JobStatus, log_path

router = APIRouter(route_class=StrictRoute, tags=["experiments"])
Where = Annotated[
    str,
    Query(max_length=2000, description="Only experiments for which this expression is true.", examples=["epochs > 1"]),
]
Name = Annotated[
    str,
    Query(
        max_length=200,
        description="Only the experiments of this point: axes that tell it from others, an id or a key.",
        examples=["epochs=1,width=4"],
    ),
]
States = Annotated[
    list[responses.State],
    Query(default_factory=list, description="Only experiments in one of these states.", max_length=20),
]
Sort = Annotated[
    str,
    Query(
        pattern=r"^-?[A-Za-z_][A-Za-z0-9_.]{0,100}$",
        description="`plan`, `state` (failed ones first), a key, axis or parameter; `-` before it reverses.",
        examples=["-progress"],
    ),
]
Attempt = Annotated[
    int | None, Query(ge=1, le=1_000_000, description="The number of the attempt; by default the last one.")
]


@router.get("/studies/{study}/status", responses=documented(404), response_model=responses.StatusRead)
async def read_status(service: GivenService, study: StudyName) -> Response:
    """Read the status of a study: its last run, and the number of experiments in each state."""
    snapshot = await (await service.feed(study)).snapshot()
    return answer(snapshot.answer("summary", lambda: as_json(snapshot.summary)))


@router.get("/studies/{study}/status/machines", responses=documented(404), response_model=responses.MachineStatuses)
async def read_machines(service: GivenService, study: StudyName) -> Response:
    """Read the remote machines of a study: the state of each, when it last answered, and its jobs."""
    snapshot = await (await service.feed(study)).snapshot()
    return answer({"machines": snapshot.summary["machines"]})


@router.get("/studies/{study}/experiments", responses=documented(404), response_model=responses.Experiments)
async def list_experiments(
    service: GivenService,
    study: StudyName,
    state: States,
    name: Name = "",
    where: Where = "",
    sort: Sort = "plan",
    offset: Offset = 0,
    limit: Limit = 100,
) -> Response:
    """List experiments: filtered, sorted, a page at a time."""
    feed = await service.feed(study)
    snapshot, question = await feed.snapshot(), ("sorted", name, where, *state, sort)
    if snapshot.has_answer(question):
        jobs: list[JobStatus] = snapshot.answer(question, list)
    else:
        selection = JobSelection((name,) if name else (), where, tuple(state))
        jobs = await feed.compute(sort_jobs, snapshot.status, selection, sort)
        snapshot.answer(question, lambda: jobs)
    return answer(snapshot.answer((*question, offset, limit), lambda: _page(jobs, offset, limit)))


def _page(jobs: list[JobStatus], offset: int, limit: int) -> bytes:
    end = offset + limit
    page = [job.to_json() for job in jobs[offset:end]]
    return as_json(
        {"total": len(jobs), "offset": offset, "next": end if end < len(jobs) else None, "experiments": page}
    )


@router.get("/studies/{study}/experiments/{key}", responses=documented(404), response_model=responses.ExperimentRead)
async def read_experiment(service: GivenService, study: StudyName, key: Key) -> Response:
    """Read an experiment or a shared stage: its status, parameters and resources."""
    job = await service.job(study, key)
    planned = {name: job.point.get(name) or {} for name in ("parameters", "resources")}
    return answer(job.to_json() | planned)


@router.get("/studies/{study}/experiments/{key}/log", responses=documented(404), response_model=responses.Log)
async def read_log(
    service: GivenService,
    study: StudyName,
    key: Key,
    attempt: Attempt = None,
    offset: Annotated[
        int, Query(ge=-(1 << 40), le=1 << 40, description="In bytes; negative values count from the end.")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=1 << 20, description="The largest number of bytes.")] = 1 << 16,
) -> Response:
    """Read complete lines of a log, without control characters. To follow the log, continue from `next`."""
    job = await service.job(study, key)
    over = job.state in ENDS or bool(attempt and attempt < job.attempt)
    part = await run_in_threadpool(lambda: log_part(log_path(job, attempt), offset, limit, over))
    return answer({**vars(part), "over": over})


@router.get(
    "/studies/{study}/experiments/{key}/artefacts", responses=documented(404), response_model=responses.Artefacts
)
async def list_artefacts(service: GivenService, study: StudyName, key: Key, attempt: Attempt = None) -> Response:
    """List the files that an attempt wrote."""
    job = await service.job(study, key)
    number = attempt or job.attempt
    base = f"{service.root}/api/v1/studies/{study}/experiments/{job.key}/attempts/{number}/artefacts/"
    files = (await run_in_threadpool(artefacts, job, attempt)).values()
    return answer(
        {"artefacts": [{"name": file.name, "bytes": file.bytes, "href": base + quote(file.name)} for file in files]}
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
async def read_artefact(service: GivenService, study: StudyName, key: Key, attempt: int, name: str) -> Response:
    """Download a file that an attempt wrote, or a part of it with the header Range; browsers save it."""
    job = await service.job(study, key)
    files = await run_in_threadpool(artefacts, job, attempt)
    file = files.get(name) if attempt > 0 else None
    if file is None:
        raise NotFoundError(f"attempt {attempt} has no file {name[:200]!r}")
    return FileResponse(file.path, media_type="application/octet-stream", filename=file.path.name)
