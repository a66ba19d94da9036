"""The instances of a rented machine, step by step: a provider in memory and a clock of the test."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from fairmesh.files import write_json
from fairmesh.jobs.paths import StudyPaths
from fairmesh.machines import cloud_init, fleet
from fairmesh.machines.fleet import Fleet
from fairmesh.machines.providers.base import GONE, HOME, RUNNING, STOPPED, TOKEN, Instance, ProviderError
from fairmesh.machines.rentals import CREATED, DESTROYING, READY, Journal, Rental
from fairmesh.machines.transport import RefusedError, UnreachableError
from fairmesh.study.machines import Machine

START = 1_800_000_000.0
TAGS = {HOME: "bench-0123abcd"}
SETTINGS = {
    "kind": "cloud",
    "provider": {"create": ["c"], "list": ["l"], "destroy": ["d"]},
    "instances": 2,
    "slots": 2,
    "price": 0.5,
}


@dataclass
class Table:
    """A provider whose instances are entries of a table; the next creates and lists may fail."""

    instances_by_id: dict[str, Instance] = field(default_factory=dict)
    failing: list[ProviderError] = field(default_factory=list)
    is_answering: bool = True
    is_hidden: bool = False
    numbers: Any = field(default_factory=lambda: count(1))

    def create(self, name: str, tags: Mapping[str, str], user_data: str) -> Instance:
        """Create an instance, also if the answer gets lost."""
        assert user_data.startswith(cloud_init.HEAD)
        error = self.failing.pop(0) if self.failing else None
        if error and error.is_certain:
            raise error
        instance = Instance(f"i-{next(self.numbers)}", "10.0.0.1", 22, RUNNING, dict(tags))
        self.instances_by_id[instance.id] = instance
        if error:
            raise error
        return instance

    def instances(self, tags: Mapping[str, str]) -> list[Instance]:
        """Return the instances."""
        if not self.is_answering:
            raise ProviderError("no answer", is_certain=False)
        return (
            []
            if self.is_hidden
            else [instance for instance in self.instances_by_id.values() if instance.is_tagged(tags)]
        )

    def destroy(self, identity: str) -> None:
        """Destroy an instance."""
        self.set_state(identity, GONE)

    def console(self, identity: str) -> str:
        """Return a console with a host key."""
        key = "-----BEGIN SSH HOST KEY KEYS-----\nssh-ed25519 AAAA x\n-----END SSH HOST KEY KEYS-----"
        return f"boot of {identity}\n{key}\n"

    def set_state(self, identity: str, state: str) -> None:
        """Change the state of an instance."""
        self.instances_by_id[identity] = dataclasses.replace(self.instances_by_id[identity], state=state)

    def alive(self) -> list[str]:
        """Return the ids of those that cost something."""
        return [instance.id for instance in self.instances_by_id.values() if not instance.is_gone]


@dataclass
class Connections:
    """Connections: whether instances answer is up to the test."""

    reason: str | None = ""
    renewed: list[str] = field(default_factory=list)
    checked: list[Rental] = field(default_factory=list)

    def authorized_keys(self) -> Sequence[str]:
        """Return a key."""
        return ["ssh-ed25519 AAAA"]

    def check(self, rental: Rental) -> str | None:
        """Return the reason of the test."""
        self.checked.append(rental)
        return self.reason

    def renew(self, rental: Rental, minutes: float) -> None:
        """Count."""
        assert minutes == 60
        self.renewed.append(rental.id)

    def forget(self, rental: Rental) -> None:
        """No-op."""


@dataclass
class Setup:
    """A fleet with everything around it."""

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    table: Table = field(default_factory=Table)
    connections: Connections = field(default_factory=Connections)
    lines: list[str] = field(default_factory=list)
    now: float = START

    def __post_init__(self) -> None:
        """Make the fleet."""
        self.restart()

    def restart(self) -> None:
        """Make a new fleet from what is on the disk, as the next process does after SIGKILL."""
        machine = Machine.model_validate({**SETTINGS, **self.settings})
        journal = Journal(StudyPaths(self.folder, "quick"), "aws")
        self.fleet = Fleet("aws", machine, self.table, journal, TAGS, self.connections, self.lines.append)

    def steps(self, wanted: int, seconds: float = 0.0, number: int = 1) -> None:
        """Take steps, each some seconds after the one before."""
        for _ in range(number):
            self.now += seconds
            self.fleet.step(wanted, self.now)

    @property
    def states(self) -> list[str]:
        """The states of all rentals."""
        return [rental.state for rental in self.fleet.journal.all()]


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(tmp_path)


def test_as_many_instances_come_up_as_experiments_need(setup: Setup) -> None:
    setup.steps(2)
    assert setup.table.alive() == ["i-1"]
    setup.steps(3, 5)
    setup.steps(100, 5, 3)
    assert setup.table.alive() == ["i-1", "i-2"]
    assert setup.states == [READY, READY]
    assert setup.lines[0] == "aws: created i-1 (0.5 USD an hour)"
    assert setup.lines[-1].startswith("aws: i-2 is ready after")


def test_ready_instances_are_renewed_each_minute(setup: Setup) -> None:
    setup.steps(1, 5, 3)
    assert setup.connections.renewed == ["i-1"]
    setup.steps(1, 61, 2)
    assert setup.connections.renewed == ["i-1"] * 3


def test_renewal_goes_on_while_the_provider_does_not_answer(setup: Setup) -> None:
    setup.steps(1, 5, 3)
    setup.table.is_answering = False
    setup.steps(1, 61)
    assert setup.connections.renewed == ["i-1"] * 2
    assert isinstance(setup.fleet.problem, UnreachableError)
    assert setup.states == [READY]


def test_a_process_killed_before_the_answer_finds_its_instance_by_the_tag(setup: Setup) -> None:
    class Killed(BaseException):
        pass

    real = setup.table.create

    def create(*arguments: Any) -> Instance:
        real(*arguments)
        raise Killed

    setup.table.create = create  # type: ignore[method-assign]
    with pytest.raises(Killed):
        setup.steps(1)
    setup.table.create = real  # type: ignore[method-assign]
    (rental,) = setup.fleet.journal.all()
    assert not rental.id
    setup.restart()
    setup.steps(2, 5, 3)
    assert setup.table.alive() == ["i-1"]
    (rental,) = setup.fleet.journal.all()
    assert (rental.id, rental.state) == ("i-1", READY)
    assert rental.host_key.startswith("ssh-ed25519 ")


def test_a_process_killed_between_journal_and_create_leaves_nothing_that_blocks(setup: Setup) -> None:
    class Killed(BaseException):
        pass

    def create(*_: Any) -> Instance:
        raise Killed

    setup.steps(1, 5, 2)
    real, setup.table.create = setup.table.create, create  # type: ignore[method-assign]
    with pytest.raises(Killed):
        setup.steps(4)
    setup.table.create = real  # type: ignore[method-assign]
    setup.restart()
    setup.steps(4, 5, 3)
    assert setup.table.alive() == ["i-1"]  # the other may still come up
    setup.steps(4, fleet.GRACE, 2)
    assert setup.table.alive() == ["i-1", "i-2"]
    assert "it was never created" in [rental.reason for rental in setup.fleet.journal.all()]


def test_an_instance_whose_answer_got_lost_is_used(setup: Setup) -> None:
    setup.table.failing = [ProviderError("timeout", is_certain=False)]
    setup.steps(1)
    assert isinstance(setup.fleet.problem, UnreachableError)
    setup.steps(1, 5, 3)
    assert setup.table.alive() == ["i-1"]
    assert setup.states == [READY]


def test_a_refused_create_is_tried_again_later_and_later_with_its_reason(setup: Setup) -> None:
    setup.table.failing = [ProviderError("quota of 0 instances")] * 3
    setup.steps(1, 1, 5)
    assert len(setup.table.failing) == 2
    assert str(setup.fleet.problem) == "aws: no instance can be created: quota of 0 instances"
    setup.steps(1, 11)
    setup.steps(1, 11)
    assert len(setup.table.failing) == 1
    setup.steps(1, 31)
    setup.steps(1, 91)
    setup.steps(1, 5, 2)
    assert setup.fleet.problem is None
    assert setup.states[-1] == READY
    assert setup.fleet.journal.open()[0].id == "i-1"


def test_a_refused_create_is_announced_once_and_again_when_its_reason_changes(setup: Setup) -> None:
    reasons = ["quota of 0 instances", "quota of 0 instances", "no such image"]
    setup.table.failing = [ProviderError(reason) for reason in reasons]
    setup.steps(1, 100, 3)
    assert setup.lines == [
        "aws: no instance can be created: quota of 0 instances; it is tried again",
        "aws: no instance can be created: no such image; it is tried again",
    ]


def test_after_several_refusals_the_machine_is_paused(setup: Setup) -> None:
    setup.table.failing = [ProviderError("quota of 0 instances")] * 100
    setup.steps(1, 10, 200)
    assert len(setup.table.failing) in range(88, 93)
    assert isinstance(setup.fleet.problem, RefusedError)
    assert not setup.fleet.journal.open()


def test_an_instance_that_never_answers_is_destroyed_and_after_three_the_machine_is_paused(setup: Setup) -> None:
    setup.connections.reason = "connection timed out"
    setup.steps(1, 30, 200)
    assert setup.table.alive() == []
    assert len(setup.table.instances_by_id) == fleet.MAX_BOOTS
    assert isinstance(setup.fleet.problem, RefusedError)
    assert str(setup.fleet.problem) == "aws: 3 instances in a row did not come up: connection timed out"
    assert any("it does not answer within 10 min: connection timed out" in line for line in setup.lines)


def test_of_an_instance_that_came_up_twice_one_is_destroyed(setup: Setup) -> None:
    setup.steps(1)
    setup.table.instances_by_id["i-99"] = dataclasses.replace(setup.table.instances_by_id["i-1"], id="i-99")
    setup.steps(1, 5, 3)
    assert setup.table.alive() == ["i-1"]
    assert "aws: i-1 came up twice; destroying i-99" in setup.lines


@pytest.mark.parametrize("state", [GONE, STOPPED, "removed"])
def test_an_instance_that_vanishes_is_proven_gone_and_replaced(setup: Setup, state: str) -> None:
    setup.steps(1, 5, 3)
    token = setup.fleet.journal.all()[0].token
    if state == "removed":
        del setup.table.instances_by_id["i-1"]
    else:
        setup.table.set_state("i-1", state)
    setup.steps(1, 5, 4)
    gone = setup.fleet.journal.get(token)
    assert gone
    assert not gone.is_open
    assert setup.table.alive() == ["i-2"]
    assert [rental.id for rental in setup.fleet.ready()] == ["i-2"]


def test_one_empty_list_proves_nothing(setup: Setup) -> None:
    setup.steps(1, 5, 3)
    setup.table.is_hidden = True
    setup.steps(1, 5)
    assert setup.states == [READY]
    setup.table.is_hidden = False
    setup.steps(1, 5, 2)
    assert setup.table.alive() == ["i-1"]


def test_what_was_taken_for_gone_and_comes_back_is_destroyed(setup: Setup) -> None:
    setup.steps(1, 5, 3)
    setup.table.is_hidden = True
    setup.steps(0, 5, 3)
    assert setup.states == ["gone"]
    setup.table.is_hidden = False
    setup.steps(0, 5, 3)
    assert setup.table.alive() == []
    assert setup.states == ["gone"]
    assert "aws: i-1 is there again; destroying it" in setup.lines


def test_a_list_that_never_shows_what_was_created_is_not_trusted(setup: Setup) -> None:
    setup.table.is_hidden = True
    setup.steps(1, 5)
    setup.steps(1, fleet.GRACE + 1)
    assert isinstance(setup.fleet.problem, RefusedError)
    assert "its list cannot be trusted" in str(setup.fleet.problem)
    assert setup.table.alive() == []
    assert setup.states == ["destroying"]  # still open: nothing proves that it is gone


def test_instances_end_with_their_lifetime(setup: Setup) -> None:
    setup.settings["lifetime"] = 60.0
    setup.restart()
    setup.steps(1, 5, 3)
    (rental,) = setup.fleet.ready()
    assert setup.fleet.ends(rental, setup.now) == rental.requested + 3600
    setup.steps(0, 3600, 2)
    assert setup.table.alive() == []


def test_a_budget_ends_instances_in_time_and_no_new_ones_begin(setup: Setup) -> None:
    setup.settings["budget"] = {"money": 1.0}
    setup.restart()
    setup.steps(4, 60, 3)
    assert len(setup.table.alive()) == 2
    setup.steps(4, 60, 300)
    assert setup.table.alive() == []
    hours = sum(rental.seconds(setup.now) for rental in setup.fleet.journal.all()) / 3600
    assert hours == pytest.approx(2, abs=0.1)
    assert str(setup.fleet.problem) == "aws: the budget of 1 USD (2 h) is used; raise it in machines.yaml to go on"
    assert [line for line in setup.lines if "% of the budget" in line] == [
        "aws: 50% of the budget of 1 USD (2 h) is used",
        "aws: 80% of the budget of 1 USD (2 h) is used",
    ]
    setup.restart()
    setup.steps(4, 60, 3)
    assert setup.table.alive() == []  # also in the next run


def test_a_host_key_of_the_console_is_known_before_anything_connects(setup: Setup) -> None:
    setup.settings["host_key"] = "console"
    setup.restart()
    setup.steps(1, 5, 3)
    assert setup.states == [READY]
    assert [rental.host_key for rental in setup.connections.checked] == ["ssh-ed25519 AAAA"]


def test_instances_in_no_journal_are_named_and_not_used(setup: Setup) -> None:
    setup.table.instances_by_id["i-77"] = Instance("i-77", "10.0.0.7", 22, RUNNING, {**TAGS, TOKEN: "x"})
    setup.steps(1, 5, 3)
    assert setup.lines[0] == "aws: i-77: in no journal; `fairmesh machines down aws` destroys them"
    assert [rental.id for rental in setup.fleet.ready()] == ["i-1"]


@pytest.mark.parametrize("state", [READY, CREATED, DESTROYING])
def test_an_instance_that_was_not_created_for_a_journal_is_never_destroyed(setup: Setup, state: str) -> None:
    setup.table.instances_by_id["i-77"] = Instance("i-77", "10.0.0.7", 22, RUNNING, {"name": "production"})
    planted = Rental("0123456789abcdef", "aws", "sweep", state=state, id="i-77", address="10.0.0.7", requested=1.0)
    setup.fleet.journal.write(planted)
    setup.restart()
    setup.steps(0, 200, 3)
    assert setup.table.alive() == ["i-77"]
    assert setup.fleet.journal.open() == []
    assert "aws: i-77 has not the tags of fairmesh, and is left alone; look after it" in setup.lines


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "x\n  ProxyCommand touch hacked"},
        {"address": "-oProxyCommand=x"},
        {"id": "i-1; reboot"},
        {"token": "../../../.ssh"},
        {"host_key": "ssh-ed25519 AAAA\n* ssh-ed25519 BBBB"},
    ],
)
def test_a_journal_with_values_that_no_provider_gives_is_not_read(setup: Setup, changes: dict[str, str]) -> None:
    path = setup.fleet.journal.folder / "0123456789abcdef.json"
    write_json(path, dataclasses.asdict(Rental("0123456789abcdef", "aws", "sweep", id="i-1", address="10.0.0.1")))
    setup.restart()
    assert [rental.id for rental in setup.fleet.journal.all()] == ["i-1"]
    write_json(path, json.loads(path.read_text()) | changes)
    setup.restart()
    assert setup.fleet.journal.all() == []
