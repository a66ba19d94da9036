"""The remote machines of a study, as every interface shows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fairmesh import cli
from fairmesh.api.html import status_html
from fairmesh.files import write_json, write_text
from fairmesh.status import MachineStatus, Reader, read_status
from fairmesh.status.machines import MACHINE_MEANINGS
from tests.status.conftest import Study

PAUSED = {
    "format": 1,
    "machine": "hpc",
    "host": "login.example.org",
    "state": "paused",
    "reason": "connection refused",
    "since": "2026-11-30T10:00:00.000Z",
    "last_seen": "2026-11-30T09:50:00.000Z",
    "jobs": {"running": 2, "queued": 1},
    "computers": [],
}


@pytest.fixture
def place(study: Study, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Return a study with a result, and a machine that is paused."""
    write_text(study.results.parent / "config/config.yaml", "study: quick\n")
    monkeypatch.chdir(study.results.parent)
    study.finish(study.add(epochs=1), {"accuracy": 0.9})
    write_json(study.paths.machine("hpc"), PAUSED)
    return study


def test_a_study_without_remote_machines_has_none(study: Study) -> None:
    study.add(epochs=1)
    status = read_status(study.paths)
    assert (status.machines, status.summary()["machines"]) == ((), [])


def test_a_paused_machine_is_no_failure_and_is_the_same_in_all_formats(
    place: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    status = read_status(place.paths)
    (machine,) = status.machines
    assert not status.has_failed
    assert not status.is_active
    assert (machine.machine, machine.state, machine.reason) == ("hpc", "paused", "connection refused")
    assert cli.main(["status", "quick"]) == 0
    heads, row, reason = capsys.readouterr().out.splitlines()[3:6]
    assert heads.split("  ")[0] == "machine"
    assert row.startswith("hpc      login.example.org  paused  ")
    assert row.endswith(" ago  1 queued, 2 running")
    assert reason == "hpc is paused: connection refused"
    assert cli.main(["status", "quick", "--watch"]) == 0
    capsys.readouterr()
    assert cli.main(["status", "quick", "--json"]) == 0
    expected = {name: value for name, value in PAUSED.items() if name != "format"}
    assert json.loads(capsys.readouterr().out)["machines"] == [expected]
    assert MachineStatus.of_json("hpc", machine.to_json()) == machine
    assert "<td>connection refused</td>" in status_html(status, "running")


def test_a_long_reason_is_shown_to_its_end(place: Study, capsys: pytest.CaptureFixture[str]) -> None:
    reason = "python4 cannot be started (sh: 1: exec: python4: not found); set `python` in machines.yaml " * 2
    write_json(place.paths.machine("hpc"), PAUSED | {"state": "refused", "reason": reason.strip()})
    assert cli.main(["status", "quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("hpc is refused: "))
    assert reason.strip() in " ".join(line.strip() for line in lines[first : first + 3])
    assert max(map(len, lines[first : first + 3])) <= 100


def test_a_change_of_a_machine_is_read(place: Study) -> None:
    reader = Reader(place.paths)
    assert [machine.state for machine in reader.read().machines] == ["paused"]
    write_json(place.paths.machine("hpc"), PAUSED | {"state": "connected", "reason": ""})
    write_json(place.paths.machine("dgx"), {"state": "unreachable"})
    assert [(machine.machine, machine.state) for machine in reader.read().machines] == [
        ("dgx", "unreachable"),
        ("hpc", "connected"),
    ]


@pytest.mark.parametrize(
    ("content", "left"),
    [
        ({"jobs": {"running": "many", "queued": -1, "new": 3, "done": True}}, {}),
        ({"jobs": [1], "computers": {"a": 1}}, {}),
        ({"host": ["x"], "computers": [1, {"name": 3}, {"state": "up"}]}, {"host": ""}),
        ({"reason": "full\n\x1b[31mdisk"}, {"reason": "full disk"}),
        ({"computers": [{"name": "a", "state": "connected", "secret": 1}]}, {}),
    ],
)
def test_what_a_machine_says_is_not_trusted(place: Study, content: dict[str, Any], left: dict[str, str]) -> None:
    write_json(place.paths.machine("hpc"), content)
    (machine,) = read_status(place.paths).machines
    assert machine.jobs == {}
    assert {name: getattr(machine, name) for name in left} == left
    assert machine.computers == tuple(computer for computer in machine.computers if computer.name == "a")


def test_a_file_that_cannot_be_read_is_named(place: Study, capsys: pytest.CaptureFixture[str]) -> None:
    write_text(place.paths.machine("hpc"), "{")
    assert cli.main(["status", "quick"]) == 1
    assert f"{Path('results/quick/machines/hpc.json')}: cannot be read: " in capsys.readouterr().err


def test_computers_are_counted() -> None:
    computers = [{"name": name, "state": "connected"} for name in ("i-1", "i-2")]
    assert MachineStatus.of_json("aws", {"computers": computers, "jobs": {"done": 4}}).jobs_text == (
        "4 done on 2 computers"
    )


def test_all_states_are_explained_in_the_manual() -> None:
    page = (Path(__file__).parents[2] / "site/docs/how-to/close-the-laptop.md").read_text(encoding="utf-8")
    assert [meaning for state, meaning in MACHINE_MEANINGS.items() if f"| `{state}` | {meaning} |" not in page] == []
