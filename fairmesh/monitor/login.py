"""A link that works once: it lets the browser of the user who started the monitor steer, without the token."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Scope

PATH = "/login"
REFUSED = "This link was used already, or it is another user's. Enter the token in the sidebar of the monitor instead."
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


class Login:
    """The link, and the session of the browser that opened it; both end with the process.

    Browsers send a cookie to all ports of a host, so a server of another user may get to know it. Hence the session is
    valid only for connections of processes of this user.

    Parameters
    ----------
    port : int
        The port of the monitor, which distinguishes its cookie from those of others.
    user_of : callable, optional
        Returns the number of the user whose process made a connection.
    """

    def __init__(self, port: int, user_of: Callable[[Scope], int | None] | None = None) -> None:
        self.cookie = f"fairmesh-monitor-{port}"
        self._key: str | None = secrets.token_urlsafe()
        self._session = secrets.token_urlsafe()
        self._user_of = user_of or connecting_user

    def link(self, address: str) -> str:
        """Return the link below the monitor's address."""
        return f"{address}{PATH}?key={self._key}"

    def has_session(self, value: str | None) -> bool:
        """Return whether a cookie is that of the session."""
        return value is not None and hmac.compare_digest(value.encode(), self._session.encode())

    def answer(self, scope: Scope) -> Response:
        """Answer a request for the link: the first one of this user gets the session, others a refusal."""
        key = parse_qs(scope["query_string"].decode("ascii", "replace")).get("key", [""])[0]
        is_right = self._key is not None and hmac.compare_digest(key.encode(), self._key.encode())
        if scope["method"] != "GET" or not is_right or not self._is_own(scope):
            return PlainTextResponse(REFUSED, 403)
        self._key = None
        response = RedirectResponse(scope["path"].removesuffix(PATH) + "/", 303, {"cache-control": "no-store"})
        response.set_cookie(self.cookie, self._session, httponly=True, samesite="strict")
        return response

    def without_foreign(self, scope: Scope) -> Scope:
        """Return a request without its cookies if it has the session's and is not of this user."""
        if not self.has_session(_cookie(Headers(scope=scope).get("cookie", ""), self.cookie)) or self._is_own(scope):
            return scope
        changed = {**scope, "headers": list(scope["headers"])}
        del MutableHeaders(raw=changed["headers"])["cookie"]
        return changed

    def _is_own(self, scope: Scope) -> bool:
        return self._user_of(scope) == os.getuid()


def _cookie(header: str, name: str) -> str | None:
    try:
        morsel = SimpleCookie(header).get(name)
    except CookieError:
        return None
    return morsel.value if morsel else None


def connecting_user(scope: Scope) -> int | None:
    """Return the number of the user whose process on this computer made a connection; None if it is not known."""
    client, server = scope.get("client"), scope.get("server")
    if not client or not server:
        return None
    ends = _end(*client[:2]), _end(*server[:2])
    for table in _TABLES:
        for line in Path(table).read_text().splitlines()[1:] if Path(table).exists() else ():
            fields = line.split()
            if (_end_of_table(fields[1]), _end_of_table(fields[2])) == ends:
                return int(fields[7])
    return None


def _end(address: str, port: int) -> tuple[bytes, int]:
    return ip_address(address).packed, port


def _end_of_table(text: str) -> tuple[bytes, int]:
    """Return the address and the port of an entry; the kernel writes addresses as words of the host's byte order.

    >>> [*_end_of_table("0100007F:2135")[0]], _end_of_table("0100007F:2135")[1]
    ([127, 0, 0, 1], 8501)
    """
    address, port = text.split(":")
    words = [address[start : start + 8] for start in range(0, len(address), 8)]
    packed = b"".join(bytes.fromhex(word)[::-1] for word in words)
    return packed.removeprefix(b"\0" * 10 + b"\xff\xff") if len(packed) == 16 else packed, int(port, 16)
