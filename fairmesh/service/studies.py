"""Operations on studies: list, read, check, plan, save."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairmesh.api import Project
from fairmesh.api.uploads import save_text
from fairmesh.errors import InputError
from fairmesh.service import requests, responses
from fairmesh.service.context import GivenService, StudyName, answer
from fairmesh.service.problems import NotFoundError, documented
from fairmesh.service.requests import StrictRoute
from fairmesh.study.cost import Cost
from fairmesh.workflow.planner import PLANNER
from fairmesh.workflow.planning import PlanRequest, Preview

MAX_WAITING = 16  # requests that wait for a plan at the same time
_threads = ThreadPoolExecutor(MAX_WAITING, "plan")
router = APIRouter(route_class=StrictRoute, tags=["studies"])
Offset = Annotated[int, Query(ge=0, le=10_000_000, description="How many to skip.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="The largest number to return.")]


@router.get("/studies", responses=documented(), response_model=responses.Studies)
def list_studies(service: GivenService) -> Response:
    """List the studies that have a file or results."""
    studies = [
        {"name": name, "has_file": path is not None, "has_results": service.project.paths(name).plan.is_file()}
        for name, path in service.project.studies().items()
    ]
    return answer({"studies": studies})


@router.post(
    "/studies",
    status_code=201,
    responses=documented(409) | {200: {"description": "The same study exists already."}},
    response_model=responses.Saved,
)
async def save_study(request: Request, service: GivenService, body: requests.StudyBody) -> Response:
    """Save a new study if it is valid. Existing studies are not replaced; saving the same text again has no effect."""
    plan = await plan_for(request, service.project, PlanRequest(text=body.text))
    is_new = await run_in_threadpool(save_text, service.project, plan.study, body.text)
    saved = {"name": plan.study, "count": plan.total}
    return answer(saved, 201 if is_new else 200, f"{service.root}/api/v1/studies/{plan.study}")


@router.post("/studies/validate", responses=documented(), response_model=responses.Validity)
async def validate_study(request: Request, service: GivenService, body: requests.StudyBody) -> Response:
    """Check a study, and return the number and cost of its experiments; nothing is saved."""
    try:
        plan = await plan_for(request, service.project, PlanRequest(text=body.text))
    except InputError as error:
        mistakes = [responses.Mistake.of(problem).model_dump() for problem in error.problems]
        nothing = {"warnings": [], "name": "", "count": 0, "cost": _cost(Cost())}
        return answer({"valid": False, "errors": mistakes, **nothing})
    about = {"warnings": plan.warnings, "name": plan.study, "count": plan.total, "cost": _cost(plan.cost)}
    return answer({"valid": True, "errors": [], **about})


@router.get("/studies/{study}", responses=documented(404), response_model=responses.StudyRead)
def read_study(service: GivenService, study: StudyName) -> Response:
    """Read a study: its file, and whether it has results."""
    studies = service.project.studies()
    if study not in studies:
        raise NotFoundError(f"there is no study {study!r}")
    path = studies[study]
    text = path.read_text(encoding="utf-8", errors="replace") if path else ""
    has_results = service.project.paths(study).plan.is_file()
    return answer({"name": study, "has_file": path is not None, "has_results": has_results, "text": text})


@router.post("/studies/{study}/plan", responses=documented(404), response_model=responses.PlanRead)
async def plan_study(
    request: Request,
    service: GivenService,
    study: StudyName,
    body: requests.PlanBody,
    offset: Offset = 0,
    limit: Limit = 100,
) -> Response:
    """List the experiments of a study, whether and why each would run, and what they request."""
    await run_in_threadpool(find_study_file, service, study)
    plan = await plan_for(request, service.project, plan_request(study, body, offset, limit))
    return answer(
        {
            "study": study,
            "machine": plan.machine,
            "total": plan.total,
            "to_run": plan.to_run,
            "cost": _cost(plan.cost_to_run),
            "warnings": plan.warnings,
            "offset": offset,
            "experiments": plan.experiments,
        }
    )


@router.post("/studies/{study}/estimate", responses=documented(404), response_model=responses.EstimateRead)
async def estimate_study(
    request: Request,
    service: GivenService,
    study: StudyName,
    body: requests.PlanBody,
    offset: Offset = 0,
    limit: Limit = 100,
) -> Response:
    """Estimate time, memory, storage, energy and cost of the experiments that would run, from earlier results."""
    await run_in_threadpool(find_study_file, service, study)
    asked = replace(plan_request(study, body, offset, limit), expects=True)
    expected = (await plan_for(request, service.project, asked)).expected or {}
    return answer({name: value for name, value in expected.items() if name not in _NOT_SHOWN} | {"offset": offset})


_NOT_SHOWN = ("asked", "basis")


async def plan_for(request: Request, project: Project, plan_request: PlanRequest) -> Preview:
    """Make a plan, unless the client disconnects.

    Raises
    ------
    FairmeshError
        As `fairmesh.workflow.planner.Planning.result`.
    HTTPException
        If the client has disconnected.
    """
    planning = PLANNER.begin(project, plan_request)
    work = asyncio.get_running_loop().run_in_executor(_threads, planning.result)
    disconnected = asyncio.ensure_future(_wait_for_disconnect(request))
    either: set[asyncio.Future[Any]] = {work, disconnected}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise HTTPException(503, "the client has disconnected")
        return work.result()
    finally:
        planning.cancel()
        disconnected.cancel()
        work.add_done_callback(lambda future: future.cancelled() or future.exception())  # mark as retrieved


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def find_study_file(service: GivenService, study: str) -> Path:
    """Return the file of a study.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    path = service.project.studies().get(study)
    if path is None:
        raise NotFoundError(f"there is no study file for {study!r}")
    return path


def plan_request(study: str, body: requests.PlanBody, offset: int = 0, limit: int = 0) -> PlanRequest:
    """Return the request to the planner for a request body."""
    return PlanRequest(study, "", body.profile, body.where, body.part, body.first, body.set, offset, limit)


def _cost(cost: Cost) -> dict[str, Any]:
    return {"cpu_hours": round(cost.cpu_hours, 3), "gpu_hours": round(cost.gpu_hours, 3), "without": cost.without}
