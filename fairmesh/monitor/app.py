"""The monitor as a web application, for ``streamlit run fairmesh/monitor/app.py`` and ``fairmesh monitor``."""

from __future__ import annotations

from pathlib import Path

import streamlit
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import HTTP_PROTOCOLS

from fairmesh.monitor.context import settings
from fairmesh.monitor.login import PATH as LOGIN
from fairmesh.web.access import below_root, is_cross_site, is_known, known_hosts
from fairmesh.web.headers import SECURITY_HEADERS, with_headers

# Streamlit's pages need inline scripts and styles, and Vega compiles its specifications to functions.
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {"content-security-policy": POLICY, **SECURITY_HEADERS}
UNKNOWN_HOST = "the monitor is not known by the name in the header Host"
CROSS_SITE = "requests from pages of other sites are not answered"
READ_ONLY = "the monitor takes no uploads"


class RequestFilter:
    """Refuses requests under unknown host names, from pages of other sites, and uploads.

    Parameters
    ----------
    app : ASGI application
        Answers the other requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._names, self._root = app, settings().names, settings().root
        self._hosts, self._login = known_hosts(self._names), settings().login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse a request."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(Headers(scope=scope))
        path = below_root(scope["path"], self._root)
        if not refusal and scope.get("method", "GET") not in {"GET", "HEAD"}:
            await PlainTextResponse(READ_ONLY, 405, {"allow": "GET, HEAD"})(scope, receive, with_headers(send, HEADERS))
        elif not refusal and self._login and scope["type"] == "http" and path == LOGIN:
            await self._login.answer(scope)(scope, receive, with_headers(send, HEADERS))
        elif not refusal:
            own = self._login.without_foreign(scope) if self._login else scope
            await self._app({**own, "path": path, "raw_path": path.encode()}, receive, with_headers(send, HEADERS))
        elif scope["type"] == "http":
            await PlainTextResponse(refusal, 403)(scope, receive, with_headers(send, HEADERS))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, headers: Headers) -> str:
        if len(headers.getlist("host")) != 1 or not is_known(headers["host"], self._hosts):
            return UNKNOWN_HOST
        return CROSS_SITE if is_cross_site(headers.get("origin"), headers["host"], names=self._names) else ""


HTTP_PROTOCOLS["auto"] = "fairmesh.web.connections:BoundedProtocol"  # Streamlit offers no other way to set it
app = streamlit.App(Path(__file__).with_name("main.py"), middleware=[Middleware(RequestFilter)])
