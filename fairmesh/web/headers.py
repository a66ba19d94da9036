"""Response headers that every answer has, to keep browsers from using it in other ways than intended."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


def add_headers(message: Message, headers: Mapping[str, str]) -> None:
    """Set headers in the message that starts a response; other messages stay as they are."""
    if message["type"] == "http.response.start":
        MutableHeaders(raw=message.setdefault("headers", [])).update(headers)


def with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    """Return a ``send`` that adds headers to every response."""

    async def send_with_headers(message: Message) -> None:
        add_headers(message, headers)
        await send(message)

    return send_with_headers
