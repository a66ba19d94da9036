"""Speaking HTTP with the application itself, in a loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any, Self

import httpx

TOKEN = "a-token-of-more-than-twenty-characters"  # noqa: S105  of no service that exists
BASE = "http://127.0.0.1:8765"
V1 = "/api/v1"


class Speaker:
    """A client that blocks, of an application that does not.

    Parameters
    ----------
    app : ASGI application
        Which answers.
    """

    def __init__(self, app: Any, headers: Mapping[str, str] | None = None, loop: Any = None) -> None:
        self._app = app
        self._headers = dict(headers if headers is not None else {"authorization": f"Bearer {TOKEN}"})
        self._loop = loop or asyncio.new_event_loop()
        self._own = loop is None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def without(self, *names: str) -> Speaker:
        """Return somebody who speaks without some headers."""
        kept = {name: value for name, value in self._headers.items() if name not in names}
        return Speaker(self._app, kept, self._loop)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask, and give the answer."""
        return asyncio.run_coroutine_threadsafe(self._ask(method, path, **more), self._loop).result(60)

    async def _ask(self, method: str, path: str, headers: Any = (), **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            return await client.request(method, path, headers={**self._headers, **dict(headers)}, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Get what is below /api/v1."""
        return self.ask("GET", V1 + path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        """Post to what is below /api/v1."""
        return self.ask("POST", V1 + path, **more)
