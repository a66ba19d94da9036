"""The changes of a study as server-sent events, which a client can resume after a lost connection."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header
from sse_starlette import EventSourceResponse
from starlette.responses import Response

from fairmesh.service.context import GivenService, StudyName
from fairmesh.service.problems import documented
from fairmesh.service.status_feed import StatusFeed, StreamEvent

router = APIRouter(tags=["events"])
PING = 15  # seconds
SEND_TIMEOUT = 20.0  # seconds that a client may take for an event
LastEventId = Annotated[
    str, Header(alias="Last-Event-ID", max_length=60, description="The id of the last received event.")
]
_EXAMPLE = 'id: 1f2e3d4c-7\nevent: experiment\ndata: {"key": "abcebd7deff6", "state": "done"}\n\n'


@router.get(
    "/studies/{study}/events",
    responses=documented(404)
    | {200: {"description": "The events.", "content": {"text/event-stream": {"example": _EXAMPLE}}}},
    response_class=Response,
)
async def listen(service: GivenService, study: StudyName, last_event_id: LastEventId = "") -> Response:
    """Listen to a study: `summary` first, then `experiment`, `stage`, `run` and `summary` when they change.

    `reset` means that events were missed: read the study again. With `Last-Event-ID`, the stream resumes there.
    """
    feed = await service.feed(study)
    await feed.snapshot()  # so that errors become a response, and not part of the stream
    return EventSourceResponse(_events(feed, last_event_id), ping=PING, send_timeout=SEND_TIMEOUT)


async def _events(feed: StatusFeed, last: str) -> AsyncIterator[bytes]:
    async with feed.listening() as snapshot:
        begin = feed.events.last_id
        if last and feed.events.after(last) is not None:
            begin = last
        elif last:
            yield StreamEvent(begin, "reset", "{}").encode()
        if begin != last:
            yield StreamEvent(begin, "summary", json.dumps(snapshot.summary)).encode()
        async for chunk in feed.events.follow(begin):
            yield chunk.data if chunk else StreamEvent(feed.events.last_id, "reset", "{}").encode()
