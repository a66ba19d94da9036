"""Operations on runs: start, list, read, cancel, retry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fairmesh.api import Run, run_process
from fairmesh.api.run import RUN_STATES, run_state
from fairmesh.service import requests, responses
from fairmesh.service.context import GivenService, RunName, Service, StudyName, answer
from fairmesh.service.problems import documented
from fairmesh.service.requests import StrictRoute
from fairmesh.service.studies import Limit, Offset, find_study_file, plan_for, plan_request
from fairmesh.status import JobSelection

router = APIRouter(route_class=StrictRoute, tags=["runs"])
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern="^[A-Za-z0-9._:-]{0,200}$",
        description="Requests with the same key start one run.",
        examples=["4f1c2f0e-tonight"],
    ),
]
StateQuery = Annotated[
    list[str], Query(default_factory=list, description=f"Only runs in one of these states: {', '.join(RUN_STATES)}.")
]
StudyQuery = Annotated[str, Query(max_length=100, description="Only runs of this study.")]


@router.post("/studies/{study}/runs", status_code=202, responses=documented(404, 409), response_model=responses.RunRead)
async def start_run(
    request: Request,
    service: GivenService,
    study: StudyName,
    body: requests.RunBody,
    idempotency_key: IdempotencyKey = "",
) -> Response:
    """Start a run; it continues when this service ends."""
    source = await run_in_threadpool(find_study_file, service, study)
    plan = await plan_for(request, service.project, plan_request(study, body))  # to find mistakes before the run starts
    return await run_in_threadpool(_started, service, plan.study, source, body, idempotency_key)


def _started(service: Service, study: str, source: Path, body: requests.RunBody, key: str) -> Response:
    config = body.model_dump(exclude={"profile"}, exclude_defaults=True)
    run = Run.start(service.project, study, source, f"profiles/{body.profile}", config, key)
    service.changed(study)
    return answer(to_json(run), 202, f"{service.root}/api/v1/runs/{run.uuid}")


@router.get("/runs", responses=documented(), response_model=responses.Runs)
def list_runs(
    service: GivenService,
    state: StateQuery,
    study: StudyQuery = "",
    offset: Offset = 0,
    limit: Limit = 100,
) -> Response:
    """List runs, the latest first."""
    names = [name for name in service.project.studies() if study in {"", name}]
    runs = [
        to_json(Run(service.project, paths, run.uuid))
        for paths in map(service.project.paths, names)
        for run in run_process.runs(paths)
    ]
    runs.sort(key=lambda run: str(run["started"]), reverse=True)
    matching = [run for run in runs if not state or run["state"] in state]
    return answer({"total": len(matching), "offset": offset, "runs": matching[offset : offset + limit]})


@router.get("/runs/{run}", responses=documented(404), response_model=responses.RunRead)
def read_run(service: GivenService, run: RunName) -> Response:
    """Read a run: when, where, with what, and how it ended."""
    return answer(to_json(service.run(run)))


@router.post("/runs/{run}/cancel", responses=documented(404, 409), response_model=responses.SteeringRead)
def cancel_run(service: GivenService, run: RunName, body: requests.SelectionBody) -> Response:
    """Cancel experiments of a run; by default the whole run, which then starts no more experiments."""
    target = service.run(run)
    result = target.steer(JobSelection(tuple(body.names), body.where, tuple(body.states)), service.who)
    service.changed(target.study)
    jobs = [job.to_json() for job in result.jobs]
    return answer({"run": to_json(target), "jobs": jobs, "notes": list(result.notes)})


@router.post("/runs/{run}/retry", status_code=202, responses=documented(404, 409), response_model=responses.RunRead)
def retry_run(
    service: GivenService, run: RunName, body: requests.RetryBody, idempotency_key: IdempotencyKey = ""
) -> Response:
    """Run experiments again that ended without a result, in the run in progress if possible, otherwise in a new one."""
    target = service.run(run)
    new_run = target.retry(body.names, body.where, body.states, body.wait, service.who, idempotency_key)
    service.changed(target.study)
    return answer(to_json(new_run), 202, f"{service.root}/api/v1/runs/{new_run.uuid}")


def to_json(run: Run) -> dict[str, Any]:
    """Return a run as the content of a response."""
    info = run.info()
    state = run_state(info, run_process.has_begun(run.paths, run.uuid))
    return {"study": run.study, "state": state, "output": run.output()} | info.to_json()
