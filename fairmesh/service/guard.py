"""Checks before every request: token, host, origin, size and time."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fairmesh.service.problems import response
from fairmesh.web.access import below_root, is_cross_site, is_known, known_hosts
from fairmesh.web.headers import SECURITY_HEADERS, add_headers

DOCUMENTS = ("/docs", "/openapi.json")  # open to browsers by HTTP Basic, with the token as password
HEADERS = SECURITY_HEADERS | {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Limits:
    """Limits of a request.

    Parameters
    ----------
    body, headers : int
        Size of its body and of its headers, in bytes.
    receiving, seconds : float
        Time until the body has come, and until the answer begins.
    """

    body: int = 1 << 20
    headers: int = 32 << 10
    receiving: float = 20.0
    seconds: float = 60.0


class RequestGuard:
    """ASGI middleware that answers allowed requests, and refuses others.

    Parameters
    ----------
    app : ASGI application
        The application behind it.
    token : str
        The token that requests must have.
    hosts : iterable of str
        Host names and addresses of this service, besides loopback.
    limits : Limits
        Limits of a request.
    root : str
        The path below which a proxy shows the service; the proxy may keep or remove it.
    """

    def __init__(
        self, app: ASGIApp, token: str, hosts: Iterable[str] = (), limits: Limits | None = None, root: str = ""
    ) -> None:
        if not token:
            raise ValueError("the token is empty")
        self._app, self._token, self._root = app, token.encode(), root
        self._names = tuple(hosts)
        self._hosts = known_hosts(self._names)
        self._limits = limits or Limits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            is_head = scope["method"] == "HEAD"  # answered like GET, without a body
            path = below_root(scope["path"], self._root)
            inner = {**scope, "path": path, "root_path": self._root} | ({"method": "GET"} if is_head else {})
            await self._answer(inner, receive, _Sender(send, is_head))
        else:  # a web socket
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, sender: _Sender) -> None:
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
            scheme = "Basic" if self._is_document(scope) else "Bearer"
            challenge = {"www-authenticate": f'{scheme} realm="fairmesh"'} if status == 401 else {}
            await response(status, detail, headers=challenge)(scope, receive, sender)
            return
        await self._in_time(scope, _Body(receive, self._limits), sender)

    async def _in_time(self, scope: Scope, receive: _Body, sender: _Sender) -> None:
        """Answer, or send 503 if the answer does not begin in time."""
        work = asyncio.ensure_future(self._app(scope, receive, sender))
        begun = asyncio.ensure_future(sender.has_begun.wait())
        try:
            await asyncio.wait({work, begun}, timeout=self._limits.seconds, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and not sender.has_begun.is_set():
                work.cancel()
                await asyncio.wait({work})
                if not sender.has_begun.is_set():
                    await response(503, "the answer takes too long")(scope, receive, sender)
            elif not sender.is_head or work.done():
                await work
        finally:
            begun.cancel()
            work.cancel()

    def _is_document(self, scope: Scope) -> bool:
        return scope["path"].removeprefix(self._root) in DOCUMENTS

    def _length(self, headers: Headers) -> tuple[int, str] | None:
        if sum(len(name) + len(value) for name, value in headers.raw) > self._limits.headers:
            return 431, f"the headers are larger than {self._limits.headers} bytes"
        return None

    def _host(self, headers: Headers) -> tuple[int, str] | None:
        """Refuse unknown host names, against DNS rebinding."""
        if len(headers.getlist("host")) == 1 and is_known(headers["host"], self._hosts):
            return None
        return 400, "the header Host does not have a name of this service"

    def _origin(self, headers: Headers) -> tuple[int, str] | None:
        """Refuse cross-site requests of browsers."""
        if is_cross_site(headers.get("origin"), headers["host"], headers.get("sec-fetch-site", "none"), self._names):
            return 403, "cross-site requests are not allowed"
        return None

    def _identity(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic" and self._is_document(scope):
            given = _password(given)
        elif scheme.lower() != "bearer":
            given = ""
        if len(headers.getlist("authorization")) == 1 and hmac.compare_digest(given.strip().encode(), self._token):
            return None
        return 401, "the token is missing or wrong; send Authorization: Bearer TOKEN"

    def _size(self, headers: Headers) -> tuple[int, str] | None:
        declared = headers.get("content-length", "0")
        if not re.fullmatch(r"[0-9]{1,19}", declared, re.ASCII):
            return 400, "the header Content-Length is not a number"
        return (413, _too_large(self._limits)) if int(declared) > self._limits.body else None


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _too_large(limits: Limits) -> str:
    return f"the body is larger than {limits.body} bytes"


class _Body:
    """Receives a body within the limits of size and time."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self._receive, self._limits = receive, limits
        self._received, self._is_whole = 0, False
        self._until = asyncio.get_running_loop().time() + limits.receiving

    async def __call__(self) -> Message:
        if self._is_whole:  # the next message is the end of the connection
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(400, "the body did not arrive in time") from None
        self._received += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._received > self._limits.body:
            raise HTTPException(413, _too_large(self._limits))
        return message


class _Sender:
    """Sends an answer with the security headers, and without a body to HEAD requests."""

    def __init__(self, send: Send, is_head: bool = False) -> None:
        self._send, self.is_head = send, is_head
        self.has_begun = asyncio.Event()
        self._has_ended = False

    async def __call__(self, message: Message) -> None:
        if self._has_ended:
            return
        if message["type"] == "http.response.start":
            add_headers(message, HEADERS)
            await self._send(message)
            if self.is_head:
                self._has_ended = True
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            self.has_begun.set()
        else:
            await self._send(message)
