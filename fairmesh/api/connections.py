"""Connections of a server: bounded headers, time-outs, and a limit for each address, for REST and monitor alike.

uvicorn bounds headers with h11 alone, which is slower; httptools joins the pieces of a long header anew for each piece.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD = 64 << 10  # bytes of a request line with its headers
REQUEST = 8 << 20  # bytes of what follows: the body, which the guard bounds further, its chunks' lengths, trailers
MOST = 1000  # connections
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@dataclass(frozen=True)
class Patience:
    """How long a connection may do nothing useful, and how many of them an address may have.

    Parameters
    ----------
    head : float
        Seconds for the headers of a request.
    idle : int
        Seconds between two requests.
    unread : float
        Seconds for which a client may leave all that was sent to it unread.
    per_address : int
        Connections from one address; behind a proxy all come from the same one.
    """

    head: float = 10.0
    idle: int = 30
    unread: float = 30.0
    per_address: int = MOST // 2


class BoundedProtocol(HttpToolsProtocol):
    """A connection that cannot take more than its share.

    Whenever no request is being answered, a time-out runs: uvicorn's between two requests, else the one for headers.
    """

    patience = Patience()
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _received = 0
    _is_in_head = True
    since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection; with too many of them, one that waits for its request ends."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # any byte that the client leaves unread starts its time-out
        self.since = time.monotonic()
        self._await_head()
        self._make_room()

    def data_received(self, data: bytes) -> None:
        """Read a piece; the connection ends if the whole becomes too long."""
        self._received += len(data)
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:  # or it is a web socket by now
            return
        if self._received > (HEAD if self._is_in_head else REQUEST):
            self._refuse()
        elif self.is_waiting and self.timeout_keep_alive_task is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        """Begin a request."""
        self._stop_waiting()
        self._received, self._is_in_head, self.since = 0, False, time.monotonic()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End a request."""
        self._received, self._is_in_head = 0, True
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """End all time-outs."""
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for a client that does not read, but not for ever."""
        super().pause_writing()
        self._unread = self._unread or self.loop.call_later(self.patience.unread, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client has read everything."""
        super().resume_writing()
        if self._unread:
            self._unread.cancel()
            self._unread = None

    @property
    def is_waiting(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _await_head(self) -> None:
        self._deadline = self._deadline or self.loop.call_later(self.patience.head, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self) -> None:
        if self._is_in_head and self.is_waiting:
            self.transport.write(TOO_LARGE)
        self.transport.close()

    def _make_room(self) -> None:
        """Close the connection that has waited longest, if there are too many of this address, or altogether."""
        # A connection that was ended stays in the set until the loop comes round to it.
        open_ones = [
            connection for connection in self.connections if not cast("Any", connection).transport.is_closing()
        ]
        same = [connection for connection in open_ones if address_of(connection) == address_of(self)]
        if len(same) <= self.patience.per_address and len(open_ones) < MOST:
            return
        crowd = same if len(same) > self.patience.per_address else open_ones
        waiting = [
            connection
            for connection in crowd
            if isinstance(connection, BoundedProtocol) and connection.is_waiting and connection is not self
        ]
        min(waiting, key=lambda each: each.since, default=self).transport.abort()


def address_of(connection: object) -> str:
    """Return the address that a connection comes from; the same for all that have none, as a local socket's."""
    return str((cast("Any", connection).client or ("",))[0])


def protocol(patience: Patience) -> type[BoundedProtocol]:
    """Return the class of connections that have this patience."""
    return type("BoundedProtocol", (BoundedProtocol,), {"patience": patience})
