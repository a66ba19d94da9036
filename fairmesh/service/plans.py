"""Plans for requests: made in a process of its own, which ends when the client goes away or too much time passes."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from fairmesh.api import Project
from fairmesh.workflow.planner import PLANNER
from fairmesh.workflow.planning import PlanRequest, Preview

WAITING = 16  # who wait for a plan at once; the others wait for their turn to wait
_threads = ThreadPoolExecutor(WAITING, "plan")


async def plan_for(request: Request, project: Project, wanted: PlanRequest) -> Preview:
    """Make a plan as long as somebody waits for it.

    Raises
    ------
    FairmeshError
        As `fairmesh.workflow.planner.Planning.result`.
    HTTPException
        If the client has gone away.
    """
    planning = PLANNER.begin(project, wanted)
    work = asyncio.get_running_loop().run_in_executor(_threads, planning.result)
    gone = asyncio.ensure_future(_wait_until_gone(request))
    either: set[asyncio.Future[Any]] = {work, gone}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise HTTPException(503, "the client has gone away")
        return work.result()
    finally:
        planning.cancel()
        gone.cancel()
        work.add_done_callback(lambda found: found.cancelled() or found.exception())  # seen, even if by nobody


async def _wait_until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
