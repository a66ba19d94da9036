"""Events: numbered, resumable, one copy for all, and never more than so much."""

from __future__ import annotations

import asyncio
import json
import tracemalloc

import pytest

from fairmesh.service.events import _events
from fairmesh.service.status_feed import CHUNK, EventBuffer, StatusFeed, StatusFeeds
from tests.status.conftest import Study

MOST, EVENTS = 500, 10_000


def test_whoever_returns_gets_what_came_since() -> None:
    buffer = EventBuffer(4)
    begin = buffer.last_id
    for number in range(3):
        buffer.add("x", str(number))
    found = buffer.after(begin)
    assert found is not None
    assert [event.data for event in found] == ["0", "1", "2"]
    assert buffer.after(found[1].id) == found[2:]
    assert buffer.after(buffer.last_id) == []
    for number in range(3, 8):
        buffer.add("x", str(number))
    assert buffer.after(begin) is None, "too long ago"


@pytest.mark.parametrize(
    "identity", ["", "x", "x-1", "-", "1", "{}-9", "{}--1", "{}-\N{SUPERSCRIPT TWO}", "{}-1e1", "{}-" + "9" * 40]
)
def test_numbers_that_were_never_given_mean_nothing(identity: str) -> None:
    buffer = EventBuffer()
    buffer.add("x", "1")
    assert buffer.after(identity.format(buffer.last_id.partition("-")[0])) is None


def test_events_take_bounded_memory_however_many_and_whoever_listens() -> None:
    """One client takes each event once, one is slow, and one has stopped reading."""

    async def story() -> None:
        buffer = EventBuffer(MOST)
        fast, slow, stopped = (buffer.follow(buffer.last_id) for _ in range(3))
        taken = 0
        for number in range(EVENTS):
            buffer.add("experiment", "x" * 500 + str(number))
            if number == 0:
                assert await anext(stopped) is not None
            if number % 50 == 49:
                piece = await anext(fast)
                assert piece is not None
                numbers = [int(event["id"].rpartition("-")[2]) for event in _read(piece.data)]
                assert numbers == list(range(taken + 1, number + 2))
                taken = numbers[-1]
            if number == 2 * MOST:
                assert await anext(slow) is None, "too much was missed"
        assert taken == EVENTS
        assert len(buffer.after(f"{buffer.last_id.partition('-')[0]}-{EVENTS - MOST}") or []) == MOST
        assert buffer.after(f"{buffer.last_id.partition('-')[0]}-{EVENTS - MOST - 1}") is None

    tracemalloc.start()
    try:
        asyncio.run(story())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * MOST * 700, "all events would take ten times as much"


def test_who_listens_hears_of_each_change_once_and_of_what_was_missed(study: Study) -> None:
    async def story() -> None:
        feed = StatusFeeds().of(study.paths)
        first, second = _events(feed, ""), _events(feed, "x-1")
        (begin,) = _read(await anext(first))
        assert begin["event"] == "summary"
        assert _read(await anext(second))[0]["event"] == "reset"
        assert _read(await anext(second))[0]["event"] == "summary"
        study.start(study.points[2], "failed", run="x", reason="exit code 9")
        await _read_again(feed)
        pieces = [await asyncio.wait_for(anext(stream), 10) for stream in (first, second)]
        assert pieces[0] is pieces[1], "made once, however many listen"
        told = _read(pieces[0])
        assert [event["event"] for event in told] == ["experiment", "summary"]
        assert json.loads(told[0]["data"])["reason"] == "failed before: exit code 9"
        again = _events(feed, begin["id"])
        assert _read(await anext(again)) == told
        for stream in (first, second, again):
            await stream.aclose()
        assert feed._listeners == 0

    asyncio.run(story())


def test_a_slow_client_holds_no_more_than_a_piece_of_what_it_has_not_taken() -> None:
    async def story() -> None:
        buffer = EventBuffer(1000)
        slow, begin = buffer.follow(buffer.last_id), buffer.last_id
        for number in range(1000):
            buffer.add("x", str(number))
        first = await anext(slow)
        assert first is not None
        assert len(_read(first.data)) == CHUNK
        for number in range(1000):
            buffer.add("x", str(number))
        assert await anext(slow) is None, "it is told that it missed something, and what it missed is not kept"
        await slow.aclose()
        assert buffer.after(begin) is None

    asyncio.run(story())


def test_all_pieces_together_are_all_events_in_order() -> None:
    async def story() -> None:
        buffer = EventBuffer()
        followers = [buffer.follow(buffer.last_id) for _ in range(3)]
        for number in range(2 * CHUNK + 7):
            buffer.add("x", str(number))
        for follower in followers:
            pieces = [await asyncio.wait_for(anext(follower), 10) for _ in range(3)]
            told = [event["data"] for piece in pieces if piece for event in _read(piece.data)]
            assert told == [str(number) for number in range(2 * CHUNK + 7)]
            await follower.aclose()

    asyncio.run(story())


def test_who_was_told_of_nothing_hears_of_no_change(study: Study) -> None:
    async def story() -> None:
        feed = StatusFeeds().of(study.paths)
        stream = _events(feed, "")
        await anext(stream)
        before = feed.events.last_id
        await _read_again(feed)
        await _read_again(feed)
        assert feed.events.last_id == before, "only seconds have passed"
        await stream.aclose()

    asyncio.run(story())


def _read(piece: bytes) -> list[dict[str, str]]:
    """Read events as a client does."""
    blocks = piece.decode().split("\r\n\r\n")[:-1]
    return [dict(line.split(": ", 1) for line in block.split("\r\n")) for block in blocks]


async def _read_again(feed: StatusFeed) -> None:
    feed.cache.forget()
    await feed.snapshot()
