"""Events: numbered, resumable, one copy for all, and never more than so much."""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest

from fairmesh.service.board import Board, Boards
from fairmesh.service.events import _events
from fairmesh.service.ring import Ring
from tests.live.conftest import Study


def test_whoever_returns_gets_what_came_since() -> None:
    ring = Ring(4)
    begin = ring.last_id
    for number in range(3):
        ring.add("x", str(number))
    found = ring.after(begin)
    assert found is not None
    assert [each.data for each in found] == ["0", "1", "2"]
    assert ring.after(found[1].id) == found[2:]
    assert ring.after(ring.last_id) == []
    for number in range(3, 8):
        ring.add("x", str(number))
    assert ring.after(begin) is None, "too long ago"


@pytest.mark.parametrize(
    "identity", ["", "x", "x-1", "-", "1", "{}-9", "{}--1", "{}-\N{SUPERSCRIPT TWO}", "{}-1e1", "{}-" + "9" * 40]
)
def test_numbers_that_were_never_given_mean_nothing(identity: str) -> None:
    ring = Ring()
    ring.add("x", "1")
    assert ring.after(identity.format(ring.last_id.partition("-")[0])) is None


def test_an_hour_of_events_takes_no_more_memory_than_the_first_minutes() -> None:
    ring = Ring()
    tracemalloc.start()
    try:
        for number in range(5000):
            ring.add("experiment", "x" * 500 + str(number))
        before = tracemalloc.get_traced_memory()[0]
        for number in range(72_000):  # twenty a second
            ring.add("experiment", "x" * 500 + str(number))
        assert tracemalloc.get_traced_memory()[0] < before * 1.1
    finally:
        tracemalloc.stop()


def test_who_listens_hears_of_each_change_once_and_of_what_was_missed(study: Study) -> None:
    async def story() -> None:
        board = Boards().of(study.paths)
        first, second = _events(board, ""), _events(board, "x-1")
        begin = await anext(first)
        assert begin.event == "summary"
        assert (await anext(second)).event == "reset"
        assert (await anext(second)).event == "summary"
        study.start(study.points[2], "failed", run="x", reason="exit code 9")
        await _forced_look(board)
        for each in (first, second):
            told = [await asyncio.wait_for(anext(each), 10) for _ in range(2)]
            assert [event.event for event in told] == ["experiment", "summary"]
            assert '"progress":40' in str(told[0].data) or "failed" in str(told[0].data)
        again = _events(board, str(begin.id))
        assert [(await anext(again)).id for _ in range(2)] == [event.id for event in told]
        for each in (first, second, again):
            await each.aclose()
        assert board._listeners == 0

    asyncio.run(story())


async def _forced_look(board: Board) -> None:
    board.forget()
    await board.look()
