"""What stands before every request to the monitor: names of this computer alone, and no page of another site."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fairmesh.api.hosts import is_foreign, is_known, known_hosts
from fairmesh.monitor.setting import given

# Streamlit's pages need their own scripts and styles inline, and Vega makes functions of its specifications.
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
NO_SUCH_NAME = "the monitor is not known by the name in the header Host"
FOREIGN = "requests from pages of other sites are not answered"


class Shield:
    """Lets through what may be answered.

    Parameters
    ----------
    app : ASGI application
        What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._hosts = app, known_hosts(given().names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        refusal = self._refusal(Headers(scope=scope)) if scope["type"] in {"http", "websocket"} else ""
        if not refusal:
            await self._app(scope, receive, _sealed(send))
        elif scope["type"] == "http":
            await PlainTextResponse(refusal, 403)(scope, receive, _sealed(send))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, headers: Headers) -> str:
        if len(headers.getlist("host")) != 1 or not is_known(headers["host"], self._hosts):
            return NO_SUCH_NAME
        return FOREIGN if is_foreign(headers.get("origin"), headers["host"]) else ""


def _sealed(send: Send) -> Send:
    """Give what sends an answer with the headers that every answer has."""

    async def sealed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return sealed
