"""Bodies of requests: JSON with each key once, real numbers, and not too deep."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

DEEPEST = 50


def parse(body: bytes) -> Any:
    """Read a body.

    Raises
    ------
    ValueError
        If it is not such JSON.

    >>> parse(b'{"a": [1]}')
    {'a': [1]}
    """
    text = body.decode()
    depth = 0
    for bracket in re.sub(r'"(?:[^"\\]|\\.)*"?|[^][}{"]', "", text):
        depth += (bracket in "[{") - (bracket in "]}")
        if depth > DEEPEST:
            raise ValueError(f"deeper than {DEEPEST} levels")
    found = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse, parse_float=_finite, parse_int=_short)
    json.dumps(found, ensure_ascii=False).encode()  # half a character is a ValueError here
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    found = float(text)
    if found in {float("inf"), float("-inf")}:
        raise ValueError(f"{text} is too large")
    return found


def _short(text: str) -> int:
    if len(text) > 300:
        raise ValueError("a number has too many digits")
    return int(text)


class StrictRequest(Request):
    """A request whose body is read strictly."""

    async def json(self) -> Any:
        """Read the body."""
        try:
            return parse(await self.body())
        except ValueError as error:
            raise HTTPException(400, f"the body is not JSON as this service takes it: {error}") from error


class StrictRoute(APIRoute):
    """A route whose bodies are read strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler."""
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return strictly
