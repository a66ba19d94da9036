"""The application: all operations below /api/v1, their description, and the guard before everything."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse, Response

import fairmesh
from fairmesh.api import Project
from fairmesh.service import events, experiments, others, runs, studies
from fairmesh.service.context import Service, answer
from fairmesh.service.guard import Limits, RequestGuard
from fairmesh.service.problems import Problem, install

PREFIX = "/api/v1"


def create_app(
    project: Project, token: str, hosts: Iterable[str] = (), limits: Limits | None = None, root: str = ""
) -> RequestGuard:
    """Make the application that a server serves.

    Parameters
    ----------
    project : Project
        Where it works.
    token : str
        What every request must show.
    hosts : iterable of str
        Names under which it is reached, besides those of this computer for itself.
    limits : Limits, optional
        What a request may take.
    root : str
        The path below which a proxy shows it, such as ``/fairmesh``.
    """
    app = _App(title="fairmesh", version=fairmesh.__version__, openapi_url=None, docs_url=None, redoc_url=None)
    app.router.redirect_slashes = False
    app.state.service = Service(project, root)
    install(app)
    inner = APIRouter(prefix=PREFIX)
    for each in (studies, runs, experiments, events, others):
        inner.include_router(each.router)
    app.include_router(inner)
    app.add_api_route("/openapi.json", lambda: answer(app.openapi()), include_in_schema=False)
    app.add_api_route("/docs", lambda: _page(app.openapi()), include_in_schema=False)
    return RequestGuard(app, token, hosts, limits, root)


class _App(FastAPI):
    """An application that describes itself in our words, once somebody asks."""

    def openapi(self) -> dict[str, Any]:
        """Return the description."""
        self.openapi_schema = self.openapi_schema or _describe(self)
        return self.openapi_schema


def _describe(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title="fairmesh",
        version=fairmesh.__version__,
        summary="Watch and steer benchmark studies",
        description="Whatever the command line and the Python interface show and do, over HTTP.",
        routes=app.routes,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    own = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= own.pop("$defs", {}) | {"Problem": own}
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    document["servers"] = [{"url": app.state.service.root or "/"}]
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}]
    return document


def _page(document: dict[str, Any]) -> Response:
    """Show the operations on a page without scripts."""
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
    about = '<p>All of it, for programs: <a href="openapi.json">openapi.json</a></p>'
    return HTMLResponse(f"{head}{style}<h1>fairmesh: REST</h1>{about}<table>{rows}</table></html>")
