"""The rest: results, machines, and whether the service is well."""

from __future__ import annotations

import json
import shutil
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

import fairmesh
from fairmesh.jobs.paths import StudyPaths
from fairmesh.results.load import load_study
from fairmesh.results.table import csv_of
from fairmesh.service import models
from fairmesh.service.context import Given, StudyName, answer
from fairmesh.service.problems import documented
from fairmesh.service.studies import Limit, Offset
from fairmesh.study.settings import load_machines
from fairmesh.workflow.configuration import MACHINES

router = APIRouter()


@router.get(
    "/studies/{study}/results",
    responses=documented(404) | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    response_model=models.Results,
    tags=["results"],
)
def read_results(
    service: Given,
    study: StudyName,
    offset: Offset = 0,
    limit: Limit = 1000,
    format: Annotated[str, Query(pattern="^(json|csv)$", description="`json`, or `csv` with all rows.")] = "json",  # noqa: A002
) -> Response:
    """Read results: a row an experiment, with the unit of each column."""
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


def _frame(paths: StudyPaths) -> Any:
    from fairmesh.results.table import results_frame  # noqa: PLC0415  pandas, when somebody wants results

    return results_frame(load_study(paths.home, paths.study))


@router.get("/machines", responses=documented(), response_model=models.Machines, tags=["machines"])
def list_machines(service: Given) -> Response:
    """List the machines, and with which profiles something runs there."""
    here = service.project.folder / MACHINES
    machines = load_machines(here if here.exists() else service.project.root / MACHINES)
    profiles = service.project.profiles()
    found = [
        {
            "name": name,
            "kind": each.kind,
            "scheduler": each.scheduler,
            "gpus": list(each.gpus),
            "profiles": [profile for profile, machine in profiles.items() if machine == name],
        }
        for name, each in machines.items()
    ]
    return answer({"machines": found})


@router.get("/health", responses=documented(), response_model=models.Health, tags=["health"])
def read_health(service: Given) -> Response:
    """Tell that the service works, and how much room there is for results."""
    home = service.project.results
    existing = next(each for each in (home, *home.parents) if each.is_dir())
    free = shutil.disk_usage(existing).free
    found = {"status": "ok", "version": fairmesh.__version__, "studies": len(service.project.studies())}
    return answer(found | {"free_bytes": free})
