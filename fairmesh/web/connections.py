"""Connections with bounded headers, time-outs and a limit for each client address, for uvicorn.

uvicorn bounds headers only with h11, which is slower than httptools.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 64 << 10  # bytes of a request line with its headers
MAX_REQUEST = 8 << 20  # bytes of what follows: the body, which the guard bounds further, its chunks' lengths, trailers
MAX_CONNECTIONS = 1000  # connections
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@dataclass(frozen=True)
class ConnectionLimits:
    """Time-outs of a connection, and how many of them a client address may have.

    Parameters
    ----------
    head : float
        Seconds for the headers of a request.
    idle : int
        Seconds between two requests.
    unread : float
        Seconds for which a client may leave the response unread.
    per_address : int
        Connections from one address; behind a proxy, all come from the same one.
    """

    head: float = 10.0
    idle: int = 30
    unread: float = 30.0
    per_address: int = MAX_CONNECTIONS // 2


class BoundedProtocol(HttpToolsProtocol):
    """An HTTP connection within ``limits``.

    While no request is being answered, a time-out runs: uvicorn's between two requests, otherwise the one for headers.
    """

    limits = ConnectionLimits()
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _received = 0
    _is_in_head = True
    since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; if there are too many connections, abort one that is idle."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # any byte that the client leaves unread starts its time-out
        self.since = time.monotonic()
        self._await_head()
        self._make_room()

    def data_received(self, data: bytes) -> None:
        """Read bytes; close the connection if a request becomes too long."""
        self._received += len(data)
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:  # upgraded to a web socket
            return
        if self._received > (MAX_HEAD if self._is_in_head else MAX_REQUEST):
            self._refuse()
        elif self.is_waiting and self.timeout_keep_alive_task is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        """Begin to answer a request."""
        self._stop_waiting()
        self._received, self._is_in_head, self.since = 0, False, time.monotonic()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect the next request."""
        self._received, self._is_in_head = 0, True
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel all time-outs."""
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for a client that does not read, up to the time-out."""
        super().pause_writing()
        self._unread = self._unread or self.loop.call_later(self.limits.unread, self.transport.abort)

    def resume_writing(self) -> None:
        """Continue: the client has read everything."""
        super().resume_writing()
        if self._unread:
            self._unread.cancel()
            self._unread = None

    @property
    def is_waiting(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _await_head(self) -> None:
        self._deadline = self._deadline or self.loop.call_later(self.limits.head, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self) -> None:
        if self._is_in_head and self.is_waiting:
            self.transport.write(TOO_LARGE)
        self.transport.close()

    def _make_room(self) -> None:
        """Abort the connection that has been idle longest, if there are too many of this address or in total."""
        # A closed connection stays in the set until its callback has run.
        open_connections = [
            connection for connection in self.connections if not cast("Any", connection).transport.is_closing()
        ]
        same = [connection for connection in open_connections if address_of(connection) == address_of(self)]
        if len(same) <= self.limits.per_address and len(open_connections) < MAX_CONNECTIONS:
            return
        candidates = same if len(same) > self.limits.per_address else open_connections
        waiting = [
            connection
            for connection in candidates
            if isinstance(connection, BoundedProtocol) and connection.is_waiting and connection is not self
        ]
        min(waiting, key=lambda connection: connection.since, default=self).transport.abort()


def address_of(connection: object) -> str:
    """Return the client address of a connection; empty for local sockets."""
    return str((cast("Any", connection).client or ("",))[0])


def protocol(limits: ConnectionLimits) -> type[BoundedProtocol]:
    """Return a connection class with these limits."""
    return type("BoundedProtocol", (BoundedProtocol,), {"limits": limits})
