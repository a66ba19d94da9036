"""Operations on studies: list, read, check, plan, save a new one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from fairmesh.api.saving import check_text, save_text
from fairmesh.api.study import Study
from fairmesh.errors import InputError
from fairmesh.jobs.paths import StudyPaths
from fairmesh.printing import one_line
from fairmesh.service import asked, models
from fairmesh.service.bodies import StrictRoute
from fairmesh.service.context import Given, StudyName, answer
from fairmesh.service.parts import machine_of
from fairmesh.service.problems import NotFoundError, documented
from fairmesh.study.cost import Cost, cost
from fairmesh.workflow.forecast import Forecast, forecast

router = APIRouter(route_class=StrictRoute, tags=["studies"])
Offset = Annotated[int, Query(ge=0, le=10_000_000, description="How many to pass over.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]


@router.get("/studies", responses=documented(), response_model=models.Studies)
def list_studies(service: Given) -> Response:
    """List the studies that have a file or results here."""
    found = [
        {"name": name, "has_file": path is not None, "has_results": service.place.paths(name).plan.is_file()}
        for name, path in service.place.studies().items()
    ]
    return answer({"studies": found})


@router.post("/studies", status_code=201, responses=documented(409), response_model=models.Saved)
def save_study(service: Given, body: asked.StudyText) -> Response:
    """Save a new study, if it is right; none is ever replaced."""
    plan = save_text(service.place, body.text)
    name = plan.whole.study
    return answer({"name": name, "count": len(plan)}, 201, f"/api/v1/studies/{name}")


@router.post("/studies/validate", responses=documented(), response_model=models.Validity)
def validate_study(service: Given, body: asked.StudyText) -> Response:
    """Check a study, and tell what it comes to; nothing is saved."""
    try:
        plan = check_text(service.place, body.text)
    except InputError as error:
        faults = [
            {name: one_line(getattr(each, name)) for name in ("message", "where", "allowed", "near")}
            for each in error.problems
        ]
        nothing = {"warnings": [], "name": "", "count": 0, "cost": _cost(Cost())}
        return answer({"valid": False, "errors": faults, **nothing})
    found = {"warnings": list(plan.warnings), "name": plan.whole.study, "count": len(plan), "cost": _cost(plan.cost)}
    return answer({"valid": True, "errors": [], **found})


@router.get("/studies/{study}", responses=documented(404), response_model=models.StudyRead)
def read_study(service: Given, study: StudyName) -> Response:
    """Read a study: its file, and whether it has results."""
    known = service.place.studies()
    if study not in known:
        raise NotFoundError(f"there is no study {study!r}")
    path = known[study]
    text = path.read_text(encoding="utf-8", errors="replace") if path else ""
    has_results = service.place.paths(study).plan.is_file()
    return answer({"name": study, "has_file": path is not None, "has_results": has_results, "text": text})


@router.post("/studies/{study}/plan", responses=documented(404), response_model=models.PlanRead)
def plan_study(service: Given, study: StudyName, body: asked.Part, offset: Offset = 0, limit: Limit = 100) -> Response:
    """Tell which experiments a run would be about, which of them would run, why, and what they ask for."""
    machine = machine_of(service.place, body.profile)
    plan = load(service, study).plan(body.where, body.part, body.first, body.set, machine)
    found = list(forecast(plan.whole, StudyPaths(service.place.results, study)))
    to_run = [each.experiment for each in found if each.why]
    return answer(
        {
            "study": study,
            "machine": machine,
            "total": len(found),
            "to_run": len(to_run),
            "cost": _cost(cost(to_run)),
            "warnings": list(plan.warnings),
            "offset": offset,
            "experiments": [_forecasted(each) for each in found[offset : offset + limit]],
        }
    )


def load(service: Given, study: str) -> Study:
    """Load a study that has a file here.

    Raises
    ------
    NotFoundError
        If it has none.
    """
    path = service.place.studies().get(study)
    if path is None:
        raise NotFoundError(f"there is no file of a study {study!r}")
    return Study.load(path, service.place.folder)


def _cost(found: Cost) -> dict[str, Any]:
    return {"cpu_hours": round(found.cpu_hours, 3), "gpu_hours": round(found.gpu_hours, 3), "without": found.without}


def _forecasted(each: Forecast) -> dict[str, Any]:
    names = ("machine", "id", "key", "parameters", "axes", "resources")
    own = {name: getattr(each.experiment, name) for name in names}
    return own | {"state": each.state, "why": each.why, "note": each.note}
