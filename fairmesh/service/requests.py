"""Request bodies: strict JSON, checked against the models below."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fairmesh.api.project import NAME
from fairmesh.service.responses import State

MAX_DEPTH = 50
MAX_DIGITS = 300
Text = Annotated[str, Field(max_length=2000)]
Names = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=10_000)]


def _to_integer(value: Any) -> Any:
    """Return 3 for 3.0, which JSON Schema accepts as an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Integer = Annotated[int, BeforeValidator(_to_integer)]


class RequestBody(BaseModel):
    """Base of request bodies: no unknown keys, no conversions."""

    model_config = ConfigDict(extra="forbid", strict=True)


class PlanBody(RequestBody):
    """Which experiments of a study to plan, and for which profile."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"profile": "local", "where": "epochs > 1"}]})

    profile: Annotated[str, Field(pattern=f"^{NAME}$", description="The name of a profile; `machines` lists them.")] = (
        "local"
    )
    where: Annotated[
        Text, Field(description="Only experiments for which this expression is true.", examples=["epochs > 1"])
    ] = ""
    part: Annotated[
        str, Field(pattern=r"^([1-9][0-9]{0,5}/[1-9][0-9]{0,5})?$", description="K/N: the K-th of N parts.")
    ] = ""
    first: Annotated[Integer | None, Field(ge=1, le=1_000_000, description="The largest number of experiments.")] = None
    set: Annotated[
        dict[Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9_]{0,99}$")], JsonValue],
        Field(
            description="Values that replace those of the study, by axis.", examples=[{"epochs": "1,5"}], max_length=100
        ),
    ] = Field(default_factory=dict)


class RunBody(PlanBody):
    """Which experiments of a study to run, and how."""

    probe: Annotated[
        bool, Field(description="Whether to run the cheapest of each kind first, and the rest only if all succeed.")
    ] = False
    again: Annotated[
        bool, Field(description="Whether to run experiments again that have a result; the old result becomes history.")
    ] = False
    wait: Annotated[bool, Field(description="Whether to wait for the end of a run in progress.")] = False


class SelectionBody(RequestBody):
    """Which experiments of a run; all by default."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"where": "epochs > 30", "states": ["running"]}]})

    names: Annotated[Names, Field(description="Axes that tell a point from others, ids, or keys.")] = Field(
        default_factory=list
    )
    where: Annotated[Text, Field(description="Only experiments for which this expression is true.")] = ""
    states: Annotated[list[State], Field(description="Only experiments in one of these states.", max_length=20)] = (
        Field(default_factory=list)
    )


class RetryBody(SelectionBody):
    """Which experiments to run again; by default all that ended without a result."""

    wait: Annotated[bool, Field(description="Whether to wait for the end of a run in progress.")] = False


class StudyBody(RequestBody):
    """The text of a study file."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"text": "study: mine\napplication: cloudmask\nparameters: {epochs: [1, 2]}\n"}]
        }
    )

    text: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200_000,
            description="YAML. `application` is a name, not a path; `template` is not allowed.",
        ),
    ]


def parse(body: bytes) -> Any:
    """Parse a request body.

    Raises
    ------
    ValueError
        If it is not JSON with unique keys, finite numbers and at most ``MAX_DEPTH`` levels.

    >>> parse(b'{"a": [1]}')
    {'a': [1]}
    """
    text = body.decode()
    depth = 0
    for bracket in re.sub(r'"(?:[^"\\]|\\.)*"?|[^][}{"]', "", text):
        depth += (bracket in "[{") - (bracket in "]}")
        if depth > MAX_DEPTH:
            raise ValueError(f"deeper than {MAX_DEPTH} levels")
    value = json.loads(text, object_pairs_hook=_unique, parse_constant=_reject, parse_float=_finite, parse_int=_integer)
    json.dumps(value, ensure_ascii=False).encode()  # an unpaired surrogate raises ValueError
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key occurs twice")
    return value


def _reject(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise ValueError(f"{text} is too large")
    return value


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError("a number has too many digits")
    return int(text)


class StrictRequest(Request):
    """A request whose body is parsed strictly."""

    async def json(self) -> Any:
        """Return the parsed body."""
        try:
            return parse(await self.body())
        except ValueError as error:
            raise HTTPException(400, f"the body is not valid JSON: {error}") from error


class StrictRoute(APIRoute):
    """A route whose request bodies are parsed strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return handle_strictly
