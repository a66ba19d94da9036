"""What stands before every request: the token, where it comes from, how large it is, and how long it may take."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fairmesh.api.hosts import below_root, is_foreign, is_known, known_hosts
from fairmesh.service.problems import response

DOCUMENTS = ("/docs", "/openapi.json")  # what a browser may open with a password, which is the token
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Limits:
    """How much a request may take.

    Parameters
    ----------
    body, headers : int
        Bytes of its body, and of its headers.
    receiving, seconds : float
        How long it may take to send the body; and until the answer begins.
    """

    body: int = 1 << 20
    headers: int = 32 << 10
    receiving: float = 20.0
    seconds: float = 60.0


class Guard:
    """Lets through what may be answered.

    Parameters
    ----------
    app : ASGI application
        What answers.
    token : str
        What every request must show.
    hosts : iterable of str
        Names and addresses under which this service is known, besides those of this computer for itself.
    limits : Limits
        What a request may take.
    root : str
        The path below which a proxy shows the service; the proxy may take it away or leave it.
    """

    def __init__(
        self, app: ASGIApp, token: str, hosts: Iterable[str] = (), limits: Limits | None = None, root: str = ""
    ) -> None:
        if not token:
            raise ValueError("there is no service without a token")
        self._app, self._token, self._root = app, token.encode(), root
        self._names = tuple(hosts)
        self._hosts = known_hosts(self._names)
        self._limits = limits or Limits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            is_head = scope["method"] == "HEAD"  # answered like GET, without a body
            path = below_root(scope["path"], self._root)
            inner = {**scope, "path": path, "root_path": self._root} | ({"method": "GET"} if is_head else {})
            await self._answer(inner, receive, _Sealed(send, is_head))
        else:  # a web socket, which nothing here speaks
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, sealed: _Sealed) -> None:
        headers = Headers(scope=scope)
        refusal = (
            self._length(headers)
            or self._host(headers)
            or self._origin(headers)
            or self._identity(scope, headers)
            or self._size(headers)
        )
        if refusal:
            status, detail = refusal
            kind = "Basic" if self._is_document(scope) else "Bearer"
            shown = {"www-authenticate": f'{kind} realm="fairmesh"'} if status == 401 else {}
            await response(status, detail, headers=shown)(scope, receive, sealed)
            return
        await self._in_time(scope, _Counted(receive, self._limits), sealed)

    async def _in_time(self, scope: Scope, receive: _Counted, sealed: _Sealed) -> None:
        """Answer, or say that it takes too long; what has begun to be sent may take its time."""
        work = asyncio.ensure_future(self._app(scope, receive, sealed))
        begun = asyncio.ensure_future(sealed.has_begun.wait())
        try:
            await asyncio.wait({work, begun}, timeout=self._limits.seconds, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and not sealed.has_begun.is_set():
                work.cancel()
                await asyncio.wait({work})
                if not sealed.has_begun.is_set():
                    await response(503, "this takes too long")(scope, receive, sealed)
            elif not sealed.is_head or work.done():
                await work
        finally:
            begun.cancel()
            work.cancel()

    def _is_document(self, scope: Scope) -> bool:
        return scope["path"].removeprefix(self._root) in DOCUMENTS

    def _length(self, headers: Headers) -> tuple[int, str] | None:
        if sum(len(name) + len(value) for name, value in headers.raw) > self._limits.headers:
            return 431, f"the headers of a request may have {self._limits.headers} bytes"
        return None

    def _host(self, headers: Headers) -> tuple[int, str] | None:
        """Refuse names that others may have given to this computer: DNS can be made to point anywhere."""
        if len(headers.getlist("host")) == 1 and is_known(headers["host"], self._hosts):
            return None
        return 400, "this service is not known by the name in the header Host"

    def _origin(self, headers: Headers) -> tuple[int, str] | None:
        """Refuse what a page of another site made a browser send."""
        if is_foreign(headers.get("origin"), headers["host"], headers.get("sec-fetch-site", "none"), self._names):
            return 403, "requests from pages of other sites are not answered"
        return None

    def _identity(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        kind, _, shown = headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic" and self._is_document(scope):
            shown = _password(shown)
        elif kind.lower() != "bearer":
            shown = ""
        if len(headers.getlist("authorization")) == 1 and hmac.compare_digest(shown.strip().encode(), self._token):
            return None
        return 401, "show the token: Authorization: Bearer TOKEN"

    def _size(self, headers: Headers) -> tuple[int, str] | None:
        declared = headers.get("content-length", "0")
        if not re.fullmatch(r"[0-9]{1,19}", declared, re.ASCII):
            return 400, "the header Content-Length is no number"
        return (413, _too_large(self._limits)) if int(declared) > self._limits.body else None


def _password(shown: str) -> str:
    try:
        return base64.b64decode(shown, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _too_large(limits: Limits) -> str:
    return f"a body may have {limits.body} bytes"


class _Counted:
    """Receives a body, as far as it is not too long, in bytes or in time."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self._receive, self._limits = receive, limits
        self._received, self._is_whole = 0, False
        self._until = asyncio.get_running_loop().time() + limits.receiving

    async def __call__(self) -> Message:
        if self._is_whole:  # what is to come is the end of the connection
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(400, "the body did not come") from None
        self._received += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._received > self._limits.body:
            raise HTTPException(413, _too_large(self._limits))
        return message


class _Sealed:
    """Sends an answer, with the headers that every answer has, and without a body where only headers are asked for."""

    def __init__(self, send: Send, is_head: bool = False) -> None:
        self._send, self.is_head = send, is_head
        self.has_begun = asyncio.Event()
        self._has_ended = False

    async def __call__(self, message: Message) -> None:
        if self._has_ended:
            return
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            for name, value in HEADERS.items():
                headers[name] = value
            await self._send(message)
            if self.is_head:
                self._has_ended = True
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            self.has_begun.set()
        else:
            await self._send(message)
