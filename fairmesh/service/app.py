"""The server and its application: all operations below /api/v1, and their OpenAPI description."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from html import escape
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse, Response

import fairmesh
from fairmesh.api import Project
from fairmesh.service import events, experiments, results, runs, studies
from fairmesh.service.context import Service, answer
from fairmesh.service.guard import Limits, RequestGuard
from fairmesh.service.problems import ProblemDetails, install
from fairmesh.web.connections import MAX_CONNECTIONS, ConnectionLimits, protocol

PREFIX = "/api/v1"
SWITCH_INTERVAL = 0.0001  # seconds after which a thread that reads files lets others answer


def create_server(
    project: Project, token: str, names: Iterable[str] = (), root: str = "", limits: ConnectionLimits | None = None
) -> uvicorn.Server:
    """Return the server; ``run`` it with sockets to serve until it is interrupted."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    logging.getLogger("fairmesh.service").setLevel(logging.ERROR)
    limits = limits or ConnectionLimits()
    config = uvicorn.Config(
        create_app(project, token, names, root=root),
        http=protocol(limits),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="off",
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=limits.idle,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)


def create_app(
    project: Project, token: str, hosts: Iterable[str] = (), limits: Limits | None = None, root: str = ""
) -> RequestGuard:
    """Return the ASGI application of the service.

    Parameters
    ----------
    project : Project
        The project that it serves.
    token : str
        The token that requests must have.
    hosts : iterable of str
        Host names of the service, besides loopback.
    limits : Limits, optional
        Limits of a request.
    root : str
        The path below which a proxy shows it, such as ``/fairmesh``.
    """
    app = _App(title="fairmesh", version=fairmesh.__version__, openapi_url=None, docs_url=None, redoc_url=None)
    app.router.redirect_slashes = False
    app.state.service = Service(project, root)
    install(app)
    inner = APIRouter(prefix=PREFIX)
    for module in (studies, runs, experiments, events, results):
        inner.include_router(module.router)
    app.include_router(inner)
    app.add_api_route("/openapi.json", lambda: answer(app.openapi()), include_in_schema=False)
    app.add_api_route("/docs", lambda: _documentation(app.openapi()), include_in_schema=False)
    return RequestGuard(app, token, hosts, limits, root)


class _App(FastAPI):
    """An application whose OpenAPI description is made when it is first requested."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI description."""
        self.openapi_schema = self.openapi_schema or _describe(self)
        return self.openapi_schema


def _describe(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title="fairmesh",
        version=fairmesh.__version__,
        summary="Watch and steer benchmark studies",
        description="The functions of the command line and the Python interface, over HTTP.",
        routes=app.routes,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    problem = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {}) | {"ProblemDetails": problem}
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    document["servers"] = [{"url": app.state.service.root or "/"}]
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}]
    return document


def _documentation(document: dict[str, Any]) -> Response:
    """Return a list of the operations as an HTML page without scripts."""
    rows = "".join(
        f"<tr><td><code>{method.upper()}</code></td><td><code>{escape(path)}</code></td>"
        f"<td>{escape(operation['description'])}</td></tr>"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>fairmesh: REST</title>'
    style = (
        "<style>body{font-family:sans-serif;max-width:70em;margin:2em auto}td{padding:.3em;vertical-align:top}</style>"
    )
    about = '<p>OpenAPI description: <a href="openapi.json">openapi.json</a></p>'
    return HTMLResponse(f"{head}{style}<h1>fairmesh: REST</h1>{about}<table>{rows}</table></html>")
