"""What happens to a study, told as it happens: server-sent events, which a client that was cut off takes up again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header
from sse_starlette import EventSourceResponse
from starlette.responses import Response

from fairmesh.service.board import Board
from fairmesh.service.context import Given, StudyName
from fairmesh.service.problems import documented
from fairmesh.service.ring import Event

router = APIRouter(tags=["events"])
PING = 15  # seconds
SLOW = 20.0  # seconds that a client may take for an event
LastEventId = Annotated[
    str, Header(alias="Last-Event-ID", max_length=60, description="The id of the last event that came.")
]
_EXAMPLE = 'id: 1f2e3d4c-7\nevent: experiment\ndata: {"key": "abcebd7deff6", "state": "done"}\n\n'


@router.get(
    "/studies/{study}/events",
    responses=documented(404)
    | {200: {"description": "The events.", "content": {"text/event-stream": {"example": _EXAMPLE}}}},
    response_class=Response,
)
async def listen(service: Given, study: StudyName, last_event_id: LastEventId = "") -> Response:
    """Listen to a study: `summary` at first, then `experiment`, `stage`, `run` and `summary` when they change.

    `reset` says that events were missed: read anew what matters. Whoever sends `Last-Event-ID` gets what came since.
    """
    board = await service.board(study)
    await board.look()  # what goes wrong is told as an error, not in the stream
    return EventSourceResponse(_events(board, last_event_id), ping=PING, send_timeout=SLOW)


async def _events(board: Board, last: str) -> AsyncIterator[bytes]:
    async with board.listening() as look:
        begin = board.ring.last_id
        if last and board.ring.after(last) is not None:
            begin = last
        elif last:
            yield Event(begin, "reset", "{}").encode()
        if begin != last:
            yield Event(begin, "summary", json.dumps(look.summary)).encode()
        async for piece in board.ring.follow(begin):
            yield piece.data if piece else Event(board.ring.last_id, "reset", "{}").encode()
