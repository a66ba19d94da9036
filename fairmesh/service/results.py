"""Operations on results and machines, and the health of the service."""

from __future__ import annotations

import json
import shutil
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

import fairmesh
from fairmesh.jobs.paths import StudyPaths
from fairmesh.project import MACHINES, own_or_installed
from fairmesh.results.load import load_study
from fairmesh.results.machines import compare_machines
from fairmesh.results.table import csv_of
from fairmesh.service import responses
from fairmesh.service.context import GivenService, StudyName, answer
from fairmesh.service.problems import documented
from fairmesh.service.studies import Limit, Offset
from fairmesh.study.machines import load_machines

router = APIRouter()


@router.get(
    "/studies/{study}/results",
    responses=documented(404) | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    response_model=responses.Results,
    tags=["results"],
)
def read_results(
    service: GivenService,
    study: StudyName,
    offset: Offset = 0,
    limit: Limit = 1000,
    format: Annotated[str, Query(pattern="^(json|csv)$", description="`json`, or `csv` with all rows.")] = "json",  # noqa: A002
) -> Response:
    """Read results, with a row for each experiment and the unit of each column."""
    frame = _frame(service.paths(study))
    if format == "csv":
        return Response(csv_of(frame), media_type="text/csv")
    end = offset + limit
    text = frame.iloc[offset:end].to_json(orient="split", index=False, double_precision=15)
    content = json.loads(text)
    return answer(
        {
            **frame.attrs,
            "total": len(frame),
            "offset": offset,
            "next": end if end < len(frame) else None,
            "columns": content["columns"],
            "rows": content["data"],
        }
    )


@router.get(
    "/studies/{study}/machines", responses=documented(404), response_model=responses.MachineComparison, tags=["results"]
)
def compare_study_machines(
    service: GivenService,
    study: StudyName,
    reference: Annotated[
        str, Query(max_length=100, description="The machine that the others are compared with; by default the first.")
    ] = "",
) -> Response:
    """Compare the machines of a study over the points that they have in common."""
    paths = service.paths(study)
    return answer(compare_machines(load_study(paths.home, paths.study), reference).to_json())


def _frame(paths: StudyPaths) -> Any:
    from fairmesh.results.table import results_frame  # noqa: PLC0415  pandas, when somebody wants results

    return results_frame(load_study(paths.home, paths.study))


@router.get("/machines", responses=documented(), response_model=responses.Machines, tags=["machines"])
def list_machines(service: GivenService) -> Response:
    """List the machines and the profiles that run there."""
    machines = load_machines(own_or_installed(service.project.folder, MACHINES))
    profiles = service.project.profiles()
    items = [
        {
            "name": name,
            "kind": machine.kind,
            "scheduler": machine.scheduler,
            "gpus": list(machine.gpus),
            "profiles": [profile for profile, target in profiles.items() if target == name],
        }
        for name, machine in machines.items()
    ]
    return answer({"machines": items})


@router.get("/health", responses=documented(), response_model=responses.Health, tags=["health"])
def read_health(service: GivenService) -> Response:
    """Read the health of the service, with the free space for results."""
    results = service.project.results
    existing = next(folder for folder in (results, *results.parents) if folder.is_dir())
    free = shutil.disk_usage(existing).free
    health = {"status": "ok", "version": fairmesh.__version__, "studies": len(service.project.studies())}
    return answer(health | {"free_bytes": free})
