"""Test when a machine that does not answer is tried again, and what its user learns."""

from __future__ import annotations

import pytest

from fairmesh.dispatch import backoff
from fairmesh.dispatch.backoff import Health
from fairmesh.machines.transport import RefusedError, RequestError, UnreachableError
from tests.dispatch.faults import FaultyTransport
from tests.dispatch.study import RemoteStudy
from tests.waiting import wait_until


def test_pauses_grow_to_five_minutes_and_patience_ends_in_a_pause_never_in_a_failure() -> None:
    now = [0.0]
    health = Health(600.0, lambda: now[0])
    pauses, states = [], []
    for _ in range(12):
        health.fail(UnreachableError("no route to host"))
        pauses.append(health.next_try - now[0])
        states.append(health.state)
        now[0] = health.next_try
        assert health.is_due
    assert 1.6 <= pauses[0] <= 2
    assert 240 <= pauses[-1] <= 300
    assert states[0] == "unreachable"
    assert states[-1] == "paused"
    health.succeed()
    assert (health.state, health.reason, health.is_due) == ("connected", "", True)


def test_a_refusal_pauses_at_once_and_a_failed_request_after_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    health = Health(600.0, lambda: 0.0)
    health.fail(RefusedError("unknown host key"))
    assert (health.state, health.is_due) == ("refused", False)
    health = Health(600.0, lambda: 0.0)
    states = []
    for _ in range(3):
        health.fail(RequestError("no space left on device"))
        states.append(health.state)
    assert states == ["unreachable", "unreachable", "paused"]


def test_a_pause_and_its_end_are_announced_once_each(study: RemoteStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST", 0.1)
    monkeypatch.setattr(backoff, "LONGEST", 0.3)
    study.add("x=1")
    transport = FaultyTransport(study.transport(), ["before"] * 12)
    dispatcher = study.dispatcher(transport, patience=0.005)
    dispatcher.start()
    study.request("x=1")
    assert study.wait("x=1") == ["0"]
    wait_until(lambda: len(study.said) > 1, "both announcements")
    dispatcher.stop(cancel=False)
    assert study.said == [
        "far is paused: far: the request got lost; its experiments wait; it is tried again every five minutes",
        "far is connected again",
    ]
    assert study.starts("x=1") == 1
