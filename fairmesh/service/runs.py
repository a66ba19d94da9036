"""Operations on runs: start, list, read, cancel, retry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fairmesh.api import Run, run_process
from fairmesh.api.run import RUN_STATES, run_state
from fairmesh.service import asked, models
from fairmesh.service.bodies import StrictRoute
from fairmesh.service.context import Given, RunName, Service, StudyName, answer
from fairmesh.service.plans import plan_for
from fairmesh.service.problems import documented
from fairmesh.service.studies import Limit, Offset, find_file, plan_request
from fairmesh.status import JobSelection

router = APIRouter(route_class=StrictRoute, tags=["runs"])
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern="^[A-Za-z0-9._:-]{0,200}$",
        description="Names this wish: however often it comes with the same key, there is one run of it.",
        examples=["4f1c2f0e-tonight"],
    ),
]
StateQuery = Annotated[
    list[str], Query(default_factory=list, description=f"Those in one of these states: {', '.join(RUN_STATES)}.")
]
StudyQuery = Annotated[str, Query(max_length=100, description="Only those of this study.")]


@router.post("/studies/{study}/runs", status_code=202, responses=documented(404, 409), response_model=models.RunRead)
async def start_run(
    request: Request, service: Given, study: StudyName, body: asked.Start, idempotency_key: IdempotencyKey = ""
) -> Response:
    """Start a run; it goes on by itself, whatever becomes of this service."""
    source = await run_in_threadpool(find_file, service, study)
    plan = await plan_for(request, service.project, plan_request(study, body))  # mistakes are found now
    return await run_in_threadpool(_started, service, plan.study, source, body, idempotency_key)


def _started(service: Service, study: str, source: Path, body: asked.Start, key: str) -> Response:
    config = body.model_dump(exclude={"profile"}, exclude_defaults=True)
    run = Run.start(service.project, study, source, f"profiles/{body.profile}", config, key)
    service.changed(study)
    return answer(to_json(run), 202, f"{service.root}/api/v1/runs/{run.uuid}")


@router.get("/runs", responses=documented(), response_model=models.Runs)
def list_runs(
    service: Given,
    state: StateQuery,
    study: StudyQuery = "",
    offset: Offset = 0,
    limit: Limit = 100,
) -> Response:
    """List runs, the last one first."""
    names = [name for name in service.project.studies() if study in {"", name}]
    found = [
        Run(service.project, paths, each.uuid)
        for paths in map(service.project.paths, names)
        for each in run_process.runs(paths)
    ]
    shown = sorted((to_json(each) for each in found), key=lambda each: str(each["started"]), reverse=True)
    fitting = [each for each in shown if not state or each["state"] in state]
    return answer({"total": len(fitting), "offset": offset, "runs": fitting[offset : offset + limit]})


@router.get("/runs/{run}", responses=documented(404), response_model=models.RunRead)
def read_run(service: Given, run: RunName) -> Response:
    """Read a run: who, when, with what, and how it ended."""
    return answer(to_json(service.run(run)))


@router.post("/runs/{run}/cancel", responses=documented(404, 409), response_model=models.Steered)
def cancel_run(service: Given, run: RunName, body: asked.Chosen) -> Response:
    """Cancel experiments of a run; the whole run, which then starts nothing more, if none is named."""
    found = service.run(run)
    done = found.steer(JobSelection(tuple(body.names), body.where, tuple(body.states)), service.who)
    service.changed(found.study)
    return answer({"run": to_json(found), "jobs": [each.to_json() for each in done.jobs], "notes": list(done.notes)})


@router.post("/runs/{run}/retry", status_code=202, responses=documented(404, 409), response_model=models.RunRead)
def retry_run(service: Given, run: RunName, body: asked.Again, idempotency_key: IdempotencyKey = "") -> Response:
    """Run again what ended without a result: in the run that goes on, if it has not had its turn, or in a new one."""
    found = service.run(run)
    again = found.retry(body.names, body.where, body.states, body.wait, service.who, idempotency_key)
    service.changed(found.study)
    return answer(to_json(again), 202, f"{service.root}/api/v1/runs/{again.uuid}")


def to_json(run: Run) -> dict[str, Any]:
    """Return a run as it is answered."""
    info = run.info()
    state = run_state(info, run_process.has_begun(run.paths, run.uuid))
    return {"study": run.study, "state": state, "output": run.output()} | info.to_json()
