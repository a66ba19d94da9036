"""Rented machines whose instances are real sshd servers on loopback, by commands and by the EC2 API of moto."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fairmesh.cli import main
from fairmesh.jobs.lock import RunLock
from fairmesh.jobs.paths import StudyPaths
from fairmesh.machines import cloud, fleet
from fairmesh.machines.cloud import CloudComputers, computers
from fairmesh.machines.computers import Computer
from fairmesh.machines.leaks import Leaks
from fairmesh.machines.rentals import Journal
from fairmesh.machines.transport import RefusedError
from fairmesh.schema import dump_yaml
from fairmesh.study.machines import Machine
from fairmesh.target.renew import DEADLINE
from tests.instances import Instances, is_available, provider_settings
from tests.needs import must_have, note_component
from tests.sshd import ssh_network
from tests.waiting import wait_until

pytestmark = pytest.mark.clusters

ROOT = Path(__file__).parents[2]


@pytest.fixture
def instances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instances]:
    """Yield the instances of a provider of commands; at the end, none is left."""
    must_have(is_available(), "no sshd: no instance was tried; apt-get install openssh-server")
    note_component("commands as a provider (stand-in for a cloud)")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(cloud, "BUSY", 0.3)
    monkeypatch.setattr(cloud, "CALM", 1.0)
    made = Instances(tmp_path / "i")
    with ssh_network():  # sshd is there, and can start
        try:
            yield made
        finally:
            made.destroy_all()


def machine(rented_from: Instances, **settings: Any) -> Machine:
    provider = provider_settings(rented_from.folder)
    values = {"kind": "cloud", "provider": provider, "user": "root", "python": sys.executable, "instances": 2}
    return Machine.model_validate({**values, **settings})


def start(rented_from: Instances, **settings: Any) -> CloudComputers:
    folder = rented_from.folder.parent
    made = computers("aws", machine(rented_from, **settings), StudyPaths(folder / "results", "quick"), folder, "run-1")
    assert isinstance(made, CloudComputers)
    return made


def wait_ready(machine: CloudComputers, number: int, wanted: int = 2) -> list[Computer]:
    wait_until(lambda: len(machine.ready(wanted)) >= number, f"{number} instances are ready")
    return list(machine.ready(wanted))


def journal(instances: Instances) -> Journal:
    return Journal(StudyPaths(instances.folder.parent / "results", "quick"), "aws")


def test_instances_come_up_work_over_ssh_and_are_destroyed(instances: Instances) -> None:
    rented = start(instances)
    assert rented.ready(0) == []
    assert instances.alive() == []
    both = wait_ready(rented, 2)
    hosts = {computer.transport.call({"verb": "hello"})["base"] for computer in both}
    assert hosts == {str(instances.home(identity) / "fairmesh") for identity in ("vm-1", "vm-2")}
    tags = instances.list({})[0]["tags"]
    assert (tags["fairmesh-study"], tags["fairmesh-machine"], tags["fairmesh-run"]) == ("quick", "aws", "run-1")
    rented.release()
    rented.close()
    assert instances.alive() == []
    assert all(rented.is_gone(computer.name) for computer in both)
    assert not list((instances.folder.parent / "state").rglob("known_hosts"))


def test_instances_are_destroyed_before_the_end_of_the_run_once_nothing_more_is_wanted(instances: Instances) -> None:
    rented = start(instances, instances=1)
    wait_ready(rented, 1, 1)
    rented.messages()
    rented.release()
    assert instances.alive() == ["vm-1"]
    rented.release(is_final=True)
    wait_until(lambda: instances.alive() == [], "the instance is destroyed")
    assert any("destroying vm-1: all its experiments have ended" in line for line in rented.messages())
    rented.close()


def test_the_switch_is_renewed_and_powers_off_an_instance_that_is_not(instances: Instances) -> None:
    rented = start(instances, unattended=0.5, instances=1)
    wait_ready(rented, 1, 1)
    time.sleep(35)  # more than the 30 seconds
    assert instances.alive() == ["vm-1"]
    deadline = instances.home("vm-1") / DEADLINE
    assert deadline.stat().st_mode & 0o777 == 0o600
    rented.close()  # without release: what runs there goes on
    assert instances.alive() == ["vm-1"]
    wait_until(lambda: instances.alive() == [], "the instance powers itself off")
    assert (instances.folder / "vm-1/shutdown").read_text() == "-P now\n"


def test_no_other_host_key_is_accepted(instances: Instances) -> None:
    rented = start(instances, instances=1, boot=0.15)
    instances.set_faults("wrong")
    rented.ready(1)
    wait_until(lambda: any("host key" in line.lower() for line in rented.messages()), "the wrong key is refused")
    assert rented.ready(0) == []
    rented.close()
    assert instances.alive() == []


def test_the_next_process_uses_the_instances_of_a_closed_one(instances: Instances) -> None:
    rented = start(instances)
    names = {computer.name for computer in wait_ready(rented, 2)}
    rented.close()
    again = start(instances)
    assert {computer.name for computer in wait_ready(again, 2)} == names
    again.release()
    again.close()
    assert instances.alive() == []


def test_a_command_outside_of_runs_reaches_instances_and_creates_and_destroys_none(instances: Instances) -> None:
    folder = instances.folder.parent
    paths = StudyPaths(folder / "results", "quick")
    look = computers("aws", machine(instances), paths, folder)
    assert look.ready(5) == []
    look.close()
    rented = start(instances, instances=1)
    (computer,) = wait_ready(rented, 1, 1)
    look = computers("aws", machine(instances), paths, folder)
    (same,) = look.ready(5)
    assert same.name == computer.name
    assert same.transport.call({"verb": "hello"})["base"] == str(instances.home("vm-1") / "fairmesh")
    look.release()
    look.close()
    assert instances.alive() == ["vm-1"]
    rented.release()
    rented.close()
    assert computers("aws", machine(instances), paths, folder).is_gone(computer.name)


def test_an_instance_that_vanishes_is_gone_and_replaced(instances: Instances) -> None:
    rented = start(instances, instances=1)
    (first,) = wait_ready(rented, 1, 1)
    assert not rented.is_gone(first.name)
    instances.destroy("vm-1")
    wait_until(lambda: rented.is_gone(first.name), "the provider says that it is gone")
    (second,) = wait_ready(rented, 1, 1)
    assert second.name != first.name
    rented.release()
    rented.close()
    assert instances.alive() == []


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("dead", "instances in a row did not come up"),
        ("quota", "no instance can be created: the command"),
    ],
)
def test_a_machine_without_instances_is_paused_with_the_reason(
    instances: Instances, fault: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "MAX_BOOTS", 1)
    monkeypatch.setattr(fleet, "MAX_CREATES", 1)
    instances.set_faults(fault)
    rented = start(instances, instances=1, boot=0.02)
    problems: list[str] = []

    def is_refused() -> bool:
        try:
            rented.ready(1)
        except RefusedError as error:
            problems.append(str(error))
        return bool(problems) and message in problems[-1]

    wait_until(is_refused, message)
    rented.release()
    rented.close()
    assert instances.alive() == []


def test_an_instance_that_comes_up_twice_is_left_once(instances: Instances) -> None:
    instances.set_faults("twice")
    rented = start(instances, instances=1)
    wait_ready(rented, 1, 1)
    wait_until(lambda: len(instances.alive()) == 1, "one of two is destroyed")
    rented.release()
    rented.close()
    assert instances.alive() == []


CLIENT = """
import sys, time
sys.path.insert(0, {root!r})
from pathlib import Path
from tests.machines import test_cloud
from tests.instances import Instances
from fairmesh.machines import cloud
cloud.BUSY = 0.3
rented = test_cloud.start(Instances(Path({folder!r})), instances=1, unattended={minutes})
while True:
    print(*(computer.name for computer in rented.ready(1)), flush=True)
    time.sleep(0.2)
"""


def client(instances: Instances, minutes: float = 60.0) -> subprocess.Popen[str]:
    """Start a client in a process of its own."""
    text = CLIENT.format(root=str(ROOT), folder=str(instances.folder), minutes=minutes)
    return subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True, cwd="/")


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def leaks(instances: Instances) -> Leaks:
    folder = instances.folder.parent
    return Leaks({"aws": machine(instances), "here": Machine(kind="local")}, folder / "results", folder)


def test_a_client_killed_before_the_answer_of_create_leaks_nothing(instances: Instances) -> None:
    instances.set_faults("slow")
    process = client(instances)
    wait_until(lambda: instances.alive() == ["vm-1"], "the instance comes up")
    kill(process)
    (rental,) = journal(instances).all()
    assert not rental.id
    instances.set_faults()
    rented = start(instances, instances=1)
    (computer,) = wait_ready(rented, 1, 1)
    assert computer.name == rental.token
    assert instances.alive() == ["vm-1"]
    rented.release()
    rented.close()
    assert instances.alive() == []


def test_a_killed_client_leaves_what_the_leak_check_finds_and_destroys(instances: Instances) -> None:
    process = client(instances)
    assert process.stdout is not None
    wait_until(lambda: process.stdout.readline().strip(), "the instance is ready")  # type: ignore[union-attr]
    kill(process)
    check = leaks(instances)
    assert check.names == ["aws"]
    survey = check.survey("aws")
    assert [instance.id for instance in survey.unused] == ["vm-1"]
    assert survey.is_list_proven
    assert check.destroy(survey, survey.unused, pause=0.1) == []
    assert instances.alive() == []
    after = check.survey("aws")
    assert (after.unused, after.pending, after.is_list_proven) == ([], [], True)
    assert journal(instances).open() == []


def test_a_killed_client_to_which_nobody_comes_back_leaks_nothing(instances: Instances) -> None:
    process = client(instances, minutes=0.1)
    wait_until(lambda: instances.alive() == ["vm-1"], "the instance comes up")
    kill(process)
    wait_until(lambda: instances.alive() == [], "the instance powers itself off")


def test_an_empty_list_of_a_provider_that_was_never_used_is_no_proof(instances: Instances) -> None:
    survey = leaks(instances).survey("aws")
    assert (survey.unused, survey.is_list_proven, survey.problem) == ([], False, "")


def test_a_provider_that_does_not_answer_is_reported(instances: Instances) -> None:
    settings = {**provider_settings(instances.folder), "list": ["sh", "-c", "echo down for maintenance >&2; exit 1"]}
    broken = machine(instances, provider=settings)
    survey = Leaks({"aws": broken}, instances.folder, instances.folder).survey("aws")
    assert survey.problem == "the command `list` failed: down for maintenance"


def test_instances_of_other_results_folders_are_others(instances: Instances) -> None:
    rented = start(instances, instances=1)
    wait_ready(rented, 1, 1)
    rented.close()
    (instances.folder.parent / "results/.machine-home").write_text("other-0123abcd\n")
    survey = leaks(instances).survey("aws")
    assert (survey.unused, [instance.id for instance in survey.others]) == ([], ["vm-1"])
    assert os.environ["XDG_STATE_HOME"].startswith(str(instances.folder.parent))


def test_down_destroys_what_a_killed_client_left_and_says_whether_the_list_is_proven(
    instances: Instances, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("study: x\n")
    machines = {"here": {"kind": "local"}, "aws": machine(instances).model_dump(exclude_unset=True)}
    (tmp_path / "config/machines.yaml").write_text(dump_yaml(machines))
    monkeypatch.chdir(tmp_path)
    assert main(["machines", "down", "--all"]) == 0
    assert "aws: no instance in the provider's list; it has not shown one yet" in capsys.readouterr().out
    process = client(instances)
    assert process.stdout is not None
    wait_until(lambda: process.stdout.readline().strip(), "the instance is ready")  # type: ignore[union-attr]
    kill(process)
    assert main(["machines", "check", "aws"]) == 1
    assert "1 instance that no run uses: vm-1  -> fairmesh machines down aws" in capsys.readouterr().out
    assert main(["machines", "down", "aws"]) == 0
    assert capsys.readouterr().out == "aws: destroyed: vm-1\n"
    assert instances.alive() == []
    assert main(["machines", "down", "aws"]) == 0
    assert capsys.readouterr().out.startswith("aws: no instance in the provider's list; it has shown earlier")


def test_down_leaves_instances_of_a_run_alone(
    instances: Instances, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("study: x\n")
    (tmp_path / "config/machines.yaml").write_text(
        dump_yaml({"aws": machine(instances).model_dump(exclude_unset=True)})
    )
    monkeypatch.chdir(tmp_path)
    rented = start(instances, instances=1)
    wait_ready(rented, 1, 1)
    paths = StudyPaths(tmp_path / "results", "quick")
    with RunLock(paths.lock).held():
        assert main(["machines", "down", "aws"]) == 0
        assert "aws: in use by a run, left alone without --force: vm-1" in capsys.readouterr().out
        assert instances.alive() == ["vm-1"]
        assert main(["machines", "down", "aws", "--force"]) == 0
    assert instances.alive() == []
    rented.release()
    rented.close()


def test_down_names_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("study: x\n")
    (tmp_path / "config/machines.yaml").write_text("here: {kind: local}\n")
    monkeypatch.chdir(tmp_path)
    assert main(["machines", "down"]) == 2
    assert main(["machines", "down", "there"]) == 2
    assert main(["machines", "down", "here"]) == 2


@pytest.mark.long
def test_clients_killed_at_random_moments_leak_nothing(
    instances: Instances, record_property: Callable[[str, object], None]
) -> None:
    """Eight clients are killed around their request; then one run and one leak check find all that came up."""
    chance = random.Random(17)  # noqa: S311  moments of a test
    created = 0
    in_window = 0
    for _ in range(8):
        known = len(journal(instances).all())
        process = client(instances)
        wait_until(lambda known=known: len(journal(instances).all()) > known, "an instance is asked for")  # type: ignore[misc]
        time.sleep(chance.uniform(0.0, 2.0))
        kill(process)
        in_window += any(not rental.id for rental in journal(instances).open())
        created = len(instances.list({}))
        time.sleep(2)  # the program that creates goes on without its client
        instances.destroy_all()  # the next client needs a new one
    rented = start(instances, instances=1)
    wait_ready(rented, 1, 1)
    assert len(instances.alive()) == 1
    rented.release()
    rented.close()
    assert instances.alive() == []
    assert {entry["id"] for entry in instances.list({})} == {rental.id for rental in journal(instances).all()} - {""}
    check = leaks(instances)
    survey = check.survey("aws")
    assert (survey.unused, survey.used, survey.is_list_proven) == ([], [], True)
    record_property(
        "component", f"8 clients killed, {in_window} while create had no answer; {created} instances came up before"
    )
