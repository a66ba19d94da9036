"""Errors as clients get them: one shape (RFC 9457) for whatever goes wrong, and no word of how we are built."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path

from fairmesh.errors import BusyError, FairmeshError, InputError
from fairmesh.errors import Problem as Mistake
from fairmesh.printing import one_line
from fairmesh.runner.text import printable_lines
from fairmesh.workflow.planner import OverloadError

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger("fairmesh.service")


class Fault(BaseModel):
    """One mistake in what was sent."""

    message: str = Field(examples=["there is no 'epoch' in quick"])
    where: Annotated[str, Field(description="The key, parameter, or place in a file.", examples=["where"])] = ""
    allowed: Annotated[str, Field(description="What would be right, if that can be said in a line.")] = ""
    near: Annotated[str, Field(description="What was probably meant.", examples=["epochs"])] = ""


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: Annotated[str, Field(examples=["about:blank"])] = "about:blank"
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404], ge=400, le=599)
    detail: str = Field(examples=["there is no study 'quik'"])
    errors: list[Fault] = Field(default_factory=list, description="The mistakes one by one.")


class NotFoundError(FairmeshError):
    """What a request names is not there."""


_MEANINGS = {
    400: "The request is not HTTP, or its body not JSON, as this service takes it.",
    401: "The token is missing or wrong.",
    403: "The request comes from a page of another site.",
    404: "What the address names is not there.",
    405: "This address does not know the method.",
    409: "Somebody is at it, or it is there already.",
    413: "The body is too large.",
    422: "What was sent has mistakes; `errors` lists them.",
    431: "The headers are too large.",
    500: "The work failed.",
    503: "Too much is asked at once, or it takes too long.",
}


_STATUS = {NotFoundError: 404, BusyError: 409, OverloadError: 503}


def documented(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return the errors that an operation may answer with, besides those of every operation."""
    return {
        code: {
            "description": _MEANINGS[code],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for code in sorted({400, 401, 403, 405, 413, 422, 431, 500, 503, *codes})
    }


def response(
    status: int, detail: str, faults: Iterable[Fault] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """Make an answer that tells what went wrong."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=printable_lines(detail), errors=list(faults))
    text = json.dumps(body.model_dump(), ensure_ascii=True)
    return Response(text, status, dict(headers or {}), MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let an app answer all errors alike."""
    for kind in (FairmeshError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _handle)


async def _handle(request: Request, error: Exception) -> Response:
    """Answer whatever was raised."""
    if isinstance(error, FairmeshError):
        return _of_ours(error)
    if isinstance(error, RequestValidationError):
        faults = [_of_validation(each) for each in error.errors()]
        return response(422, "; ".join(f"{each.where}: {each.message}" for each in faults), faults)
    if isinstance(error, HTTPException):
        if error.status_code == 405:
            what = f"{request.url.path} does not know {request.method}"
            return response(405, what, headers={"allow": _allowed(request)})
        return response(error.status_code, str(error.detail), headers=error.headers)
    log.error("an error that nobody foresaw", exc_info=error)
    return response(500, "an error that nobody foresaw; the log of the service has more")


def _of_ours(error: FairmeshError) -> Response:
    if isinstance(error, InputError):
        return response(422, str(error), map(_of_mistake, error.problems))
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    return response(status, str(error))


def _of_mistake(mistake: Mistake) -> Fault:
    names = ("message", "where", "allowed", "near")
    return Fault(**{name: one_line(getattr(mistake, name)) for name in names})


def _of_validation(found: Mapping[str, Any]) -> Fault:
    where = ".".join(str(step) for step in found["loc"] if step not in {"body", "query", "path", "header"})
    return Fault(message=str(found["msg"]), where=where or str(found["loc"][0]))


def _allowed(request: Request) -> str:
    """Return the methods that an address knows."""
    paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    path = request.scope["path"].removeprefix(request.scope["root_path"])
    fitting = (
        methods
        for known, methods in paths.items()
        if compile_path(known.replace("{name}", "{name:path}"))[0].match(path)
    )
    found = {method.upper() for methods in fitting for method in methods} or {"GET"}
    return ", ".join(sorted(found | ({"HEAD"} if "GET" in found else set())))
