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

from fairmesh.api.hosts import is_foreign, is_known, known_hosts
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
    body : int
        Bytes that it may send.
    receiving, seconds : float
        How long it may take to send them; and until the answer begins.
    """

    body: int = 1 << 20
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
    """

    def __init__(self, app: ASGIApp, token: str, hosts: Iterable[str] = (), limits: Limits | None = None) -> None:
        if not token:
            raise ValueError("there is no service without a token")
        self._app, self._token = app, token.encode()
        self._hosts = known_hosts(hosts)
        self._limits = limits or Limits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, _Sealed(send))
        else:  # a web socket, which nothing here speaks
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, sealed: _Sealed) -> None:
        headers = Headers(scope=scope)
        refusal = self._host(headers) or self._origin(headers) or self._identity(scope, headers) or self._size(headers)
        if refusal:
            status, detail = refusal
            kind = "Basic" if scope["path"] in DOCUMENTS else "Bearer"
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
                return
            await work
        finally:
            begun.cancel()
            work.cancel()

    def _host(self, headers: Headers) -> tuple[int, str] | None:
        """Refuse names that others may have given to this computer: DNS can be made to point anywhere."""
        if len(headers.getlist("host")) == 1 and is_known(headers["host"], self._hosts):
            return None
        return 400, "this service is not known by the name in the header Host"

    def _origin(self, headers: Headers) -> tuple[int, str] | None:
        """Refuse what a page of another site made a browser send."""
        if is_foreign(headers.get("origin"), headers["host"], headers.get("sec-fetch-site", "none")):
            return 403, "requests from pages of other sites are not answered"
        return None

    def _identity(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        kind, _, shown = headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic" and scope["path"] in DOCUMENTS:
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

    async def __call__(self) -> Message:
        if self._is_whole:  # what is to come is the end of the connection
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self._limits.receiving)
        except TimeoutError:
            raise HTTPException(400, "the body did not come") from None
        self._received += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._received > self._limits.body:
            raise HTTPException(413, _too_large(self._limits))
        return message


class _Sealed:
    """Sends an answer, with the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = asyncio.Event()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            for name, value in HEADERS.items():
                headers[name] = value
            self.has_begun.set()
        await self._send(message)
