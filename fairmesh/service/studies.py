"""Operations on studies: list, read, check, plan, save a new one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fairmesh.api.uploads import save_text
from fairmesh.errors import InputError
from fairmesh.printing import one_line
from fairmesh.service import asked, models
from fairmesh.service.bodies import StrictRoute
from fairmesh.service.context import Given, StudyName, answer
from fairmesh.service.plans import plan_for
from fairmesh.service.problems import NotFoundError, documented
from fairmesh.study.cost import Cost
from fairmesh.workflow.planning import PlanRequest

router = APIRouter(route_class=StrictRoute, tags=["studies"])
Offset = Annotated[int, Query(ge=0, le=10_000_000, description="How many to pass over.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]


@router.get("/studies", responses=documented(), response_model=models.Studies)
def list_studies(service: Given) -> Response:
    """List the studies that have a file or results here."""
    found = [
        {"name": name, "has_file": path is not None, "has_results": service.project.paths(name).plan.is_file()}
        for name, path in service.project.studies().items()
    ]
    return answer({"studies": found})


@router.post(
    "/studies",
    status_code=201,
    responses=documented(409) | {200: {"description": "The study is there already, word for word."}},
    response_model=models.Saved,
)
async def save_study(request: Request, service: Given, body: asked.StudyText) -> Response:
    """Save a new study, if it is right; none is ever replaced, and the same text again is the same study."""
    plan = await plan_for(request, service.project, PlanRequest(text=body.text))
    is_new = await run_in_threadpool(save_text, service.project, plan.study, body.text)
    found = {"name": plan.study, "count": plan.total}
    return answer(found, 201 if is_new else 200, f"{service.root}/api/v1/studies/{plan.study}")


@router.post("/studies/validate", responses=documented(), response_model=models.Validity)
async def validate_study(request: Request, service: Given, body: asked.StudyText) -> Response:
    """Check a study, and tell what it comes to; nothing is saved."""
    try:
        plan = await plan_for(request, service.project, PlanRequest(text=body.text))
    except InputError as error:
        faults = [
            {name: one_line(getattr(each, name)) for name in ("message", "where", "allowed", "near")}
            for each in error.problems
        ]
        nothing = {"warnings": [], "name": "", "count": 0, "cost": _cost(Cost())}
        return answer({"valid": False, "errors": faults, **nothing})
    found = {"warnings": plan.warnings, "name": plan.study, "count": plan.total, "cost": _cost(plan.cost)}
    return answer({"valid": True, "errors": [], **found})


@router.get("/studies/{study}", responses=documented(404), response_model=models.StudyRead)
def read_study(service: Given, study: StudyName) -> Response:
    """Read a study: its file, and whether it has results."""
    known = service.project.studies()
    if study not in known:
        raise NotFoundError(f"there is no study {study!r}")
    path = known[study]
    text = path.read_text(encoding="utf-8", errors="replace") if path else ""
    has_results = service.project.paths(study).plan.is_file()
    return answer({"name": study, "has_file": path is not None, "has_results": has_results, "text": text})


@router.post("/studies/{study}/plan", responses=documented(404), response_model=models.PlanRead)
async def plan_study(
    request: Request, service: Given, study: StudyName, body: asked.Part, offset: Offset = 0, limit: Limit = 100
) -> Response:
    """Tell which experiments a run would be about, which of them would run, why, and what they ask for."""
    await run_in_threadpool(find_file, service, study)
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


def find_file(service: Given, study: str) -> Path:
    """Return the file of a study.

    Raises
    ------
    NotFoundError
        If it has none here.
    """
    path = service.project.studies().get(study)
    if path is None:
        raise NotFoundError(f"there is no file of a study {study!r}")
    return path


def plan_request(study: str, part: asked.Part, offset: int = 0, limit: int = 0) -> PlanRequest:
    """Return the plan that a request asks for."""
    return PlanRequest(study, "", part.profile, part.where, part.part, part.first, part.set, offset, limit)


def _cost(found: Cost) -> dict[str, Any]:
    return {"cpu_hours": round(found.cpu_hours, 3), "gpu_hours": round(found.gpu_hours, 3), "without": found.without}
