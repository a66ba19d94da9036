"""What has happened lately, numbered, for all who listen: one copy for all of them, and never more than so much."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator
from typing import NamedTuple

MOST = 5000  # events that are kept for who comes back
AT_ONCE = 100  # events in a piece: what a client holds that is slow


class Event(NamedTuple):
    """Something that happened: its number, its kind, and what it is, as JSON."""

    id: str
    kind: str
    data: str

    def encode(self) -> bytes:
        """Return it as a stream carries it."""
        return f"id: {self.id}\r\nevent: {self.kind}\r\ndata: {self.data}\r\n\r\n".encode()


class Piece(NamedTuple):
    """Events one after another as a stream carries them, the number before them, that of the last, and how many."""

    after: str
    last: str
    data: bytes
    number: int


_NOTHING = Piece("", "", b"", 0)


class Ring:
    """The latest events.

    Parameters
    ----------
    most : int
        How many are kept.
    """

    def __init__(self, most: int = MOST) -> None:
        self._life = secrets.token_hex(4)  # numbers of another life of the service mean nothing
        self._events: deque[Event] = deque(maxlen=most)
        self._count = 0
        self._news = asyncio.Event()
        self._piece = _NOTHING

    def add(self, kind: str, data: str) -> None:
        """Add an event, and wake who listens."""
        self._count += 1
        self._events.append(Event(f"{self._life}-{self._count}", kind, data))
        self._news.set()
        self._news = asyncio.Event()

    def clear(self) -> None:
        """Forget all events, and their numbers."""
        self._life = secrets.token_hex(4)
        self._events.clear()
        self._piece = _NOTHING

    @property
    def last_id(self) -> str:
        """The number of the latest event."""
        return f"{self._life}-{self._count}"

    def after(self, identity: str) -> list[Event] | None:
        """Return the events after a number; None if some of them are gone, or it was never given."""
        life, _, number = identity.partition("-")
        if life != self._life or not number.isascii() or not number.isdigit() or len(number) > 18:
            return None
        missed = self._count - int(number)
        if not 0 <= missed <= len(self._events):
            return None
        return [self._events[at] for at in range(len(self._events) - missed, len(self._events))]

    def piece(self, identity: str) -> Piece | None:
        """Return the next events after a number, made once for all who listen; None as ``after`` does."""
        known = self._piece
        if known.after == identity and (known.last == self.last_id or known.number == AT_ONCE):
            return known
        found = self.after(identity)
        if found is None:
            return None
        found = found[:AT_ONCE]
        data = b"".join([event.encode() for event in found])
        self._piece = Piece(identity, found[-1].id if found else identity, data, len(found))
        return self._piece

    async def follow(self, identity: str) -> AsyncIterator[Piece | None]:
        """Yield events after a number as they come; None where some were missed, because they came too fast."""
        while True:
            news = self._news
            found = self.piece(identity)
            if found is None:
                yield None
                identity = self.last_id
            elif found.data:
                yield found
                identity = found.last
            else:
                await news.wait()
