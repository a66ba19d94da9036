"""Error responses: all errors as problem details (RFC 9457), without internals."""

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
from fairmesh.runner.text import printable_lines
from fairmesh.service.responses import Mistake
from fairmesh.workflow.planner import OverloadError

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger("fairmesh.service")


class ProblemDetails(BaseModel):
    """What went wrong (RFC 9457)."""

    type: Annotated[str, Field(examples=["about:blank"])] = "about:blank"
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404], ge=400, le=599)
    detail: str = Field(examples=["there is no study 'quik'"])
    errors: list[Mistake] = Field(default_factory=list, description="The mistakes, if there are several.")


class NotFoundError(FairmeshError):
    """A name in a request does not exist."""


_MEANINGS = {
    400: "The request is not valid HTTP, or its body is not valid JSON.",
    401: "The token is missing or wrong.",
    403: "The request is a cross-site request.",
    404: "The address does not exist.",
    405: "The method is not allowed.",
    409: "A run is in progress, or the name exists already.",
    413: "The body is too large.",
    422: "The request has mistakes; `errors` lists them.",
    431: "The headers are too large.",
    500: "The operation failed.",
    503: "There are too many requests, or the answer takes too long.",
}


_STATUS = {NotFoundError: 404, BusyError: 409, OverloadError: 503}


def documented(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entries of the errors of an operation: those of every operation, and further ones."""
    return {
        code: {
            "description": _MEANINGS[code],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        }
        for code in sorted({400, 401, 403, 405, 413, 422, 431, 500, 503, *codes})
    }


def response(
    status: int, detail: str, mistakes: Iterable[Mistake] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """Return an error response."""
    body = ProblemDetails(
        title=HTTPStatus(status).phrase, status=status, detail=printable_lines(detail), errors=list(mistakes)
    )
    text = json.dumps(body.model_dump(), ensure_ascii=True)
    return Response(text, status, dict(headers or {}), MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make an app answer all errors with problem details."""
    for kind in (FairmeshError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _handle)


async def _handle(request: Request, error: Exception) -> Response:
    """Return the response to an exception."""
    if isinstance(error, FairmeshError):
        return _fairmesh_error(error)
    if isinstance(error, RequestValidationError):
        mistakes = [_validation_mistake(entry) for entry in error.errors()]
        return response(422, "; ".join(f"{mistake.where}: {mistake.message}" for mistake in mistakes), mistakes)
    if isinstance(error, HTTPException):
        if error.status_code == 405:
            detail = f"{request.url.path} does not allow {request.method}"
            return response(405, detail, headers={"allow": _allowed(request)})
        return response(error.status_code, str(error.detail), headers=error.headers)
    log.error("internal error", exc_info=error)
    return response(500, "internal error; see the log of the service")


def _fairmesh_error(error: FairmeshError) -> Response:
    if isinstance(error, InputError):
        return response(422, str(error), map(Mistake.of, error.problems))
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    return response(status, str(error))


def _validation_mistake(entry: Mapping[str, Any]) -> Mistake:
    where = ".".join(str(step) for step in entry["loc"] if step not in {"body", "query", "path", "header"})
    return Mistake(message=str(entry["msg"]), where=where or str(entry["loc"][0]))


def _allowed(request: Request) -> str:
    """Return the methods that an address allows."""
    paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    path = request.scope["path"].removeprefix(request.scope["root_path"])
    matching = (
        operations
        for template, operations in paths.items()
        if compile_path(template.replace("{name}", "{name:path}"))[0].match(path)
    )
    methods = {method.upper() for operations in matching for method in operations} or {"GET"}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
