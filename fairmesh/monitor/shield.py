"""What stands before every request to the monitor: names of this computer alone, and no page of another site."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from fairmesh.monitor.setting import given
from fairmesh.web.access import below_root, is_cross_site, is_known, known_hosts
from fairmesh.web.headers import SECURITY_HEADERS, with_headers

# Streamlit's pages need their own scripts and styles inline, and Vega makes functions of its specifications.
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {"content-security-policy": POLICY, **SECURITY_HEADERS}
NO_SUCH_NAME = "the monitor is not known by the name in the header Host"
FOREIGN = "requests from pages of other sites are not answered"
READ_ONLY = "the monitor takes no uploads"


class Shield:
    """Lets through what may be answered.

    Parameters
    ----------
    app : ASGI application
        What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._names, self._root = app, given().names, given().root
        self._hosts = known_hosts(self._names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(Headers(scope=scope))
        path = below_root(scope["path"], self._root)
        if not refusal and scope.get("method", "GET") not in {"GET", "HEAD"}:
            await PlainTextResponse(READ_ONLY, 405, {"allow": "GET, HEAD"})(scope, receive, with_headers(send, HEADERS))
        elif not refusal:
            await self._app({**scope, "path": path, "raw_path": path.encode()}, receive, with_headers(send, HEADERS))
        elif scope["type"] == "http":
            await PlainTextResponse(refusal, 403)(scope, receive, with_headers(send, HEADERS))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, headers: Headers) -> str:
        if len(headers.getlist("host")) != 1 or not is_known(headers["host"], self._hosts):
            return NO_SUCH_NAME
        return FOREIGN if is_cross_site(headers.get("origin"), headers["host"], names=self._names) else ""
