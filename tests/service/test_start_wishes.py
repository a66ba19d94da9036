"""What a request to start a run can wish for, and what it cannot."""

from __future__ import annotations

from typing import Any

import pytest

from fairmesh.api import run_process
from tests.service.speaking import Speaker


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Start nothing, and give the commands that would have been."""
    found: list[tuple[str, ...]] = []

    def start(_paths: Any, command: Any, *_: Any) -> str:
        found.append(command.arguments)
        return "5b0f7a52-2a5e-4a52-9d1c-0d2f6a1b9c11"

    monkeypatch.setattr(run_process, "start", start)
    return found


@pytest.mark.parametrize("option", ["probe", "again"])
@pytest.mark.parametrize(("value", "there"), [(True, True), (False, False), (None, False)])
def test_a_request_may_ask_for_probes_and_for_measuring_again(
    speaker: Speaker, commands: list[tuple[str, ...]], option: str, value: bool | None, there: bool
) -> None:
    speaker.post("/studies/small/runs", json={} if value is None else {option: value})
    (command,) = commands
    assert (f"{option}=true" in command) is there


@pytest.mark.parametrize(
    "wish",
    [
        {"finish": {"command": ["touch", "x"]}},
        {"set": {"finish": {"command": ["touch", "x"]}}},
        {"config": {"finish": {}}},
        {"probe": "finish={command: [touch, x]}"},
        {"probe": 1},
    ],
)
def test_no_request_sets_what_the_end_of_a_run_calls(
    speaker: Speaker, commands: list[tuple[str, ...]], wish: dict[str, Any]
) -> None:
    assert speaker.post("/studies/small/runs", json=wish).status_code == 422
    assert not commands
