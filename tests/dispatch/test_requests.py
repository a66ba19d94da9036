"""Test requests of rules and their answers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairmesh.dispatch.requests import SCRIPT, JobRequest, Mailbox, request_path
from tests.waiting import wait_until

ID = "epochs=1+name=a~20.answer"


@pytest.fixture
def main() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def wait_in_rule(run_folder: Path, record: Path, pid: int) -> subprocess.Popen[str]:
    request = request_path(run_folder, "dgx", "experiments", ID)
    command = ["bash", str(SCRIPT), str(request), str(record), str(pid)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def take(mailbox: Mailbox) -> JobRequest:
    new: list[JobRequest] = []
    wait_until(lambda: new.extend(mailbox.new_requests()) or bool(new), "a request")
    return new[0]


def test_a_rule_ends_well_when_its_record_is_there(tmp_path: Path) -> None:
    mailbox, record = Mailbox(tmp_path, "dgx"), tmp_path / "record.json"
    process = wait_in_rule(tmp_path, record, os.getpid())
    request = take(mailbox)
    assert request == JobRequest("experiments", "dgx", ID)
    record.write_text("{}")
    mailbox.answer(request)
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0
    assert mailbox.new_requests() == []


def test_a_rule_prints_the_problem_without_control_characters_and_fails(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path, "dgx")
    process = wait_in_rule(tmp_path, tmp_path / "record.json", os.getpid())
    mailbox.answer(take(mailbox), "failed: exit code 1\n    \x1b[31mno $(touch x) `file`\x07")
    assert process.communicate(timeout=20)[1] == "failed: exit code 1\n    no $(touch x) `file`\ufffd\n"
    assert process.returncode == 1


def test_a_rule_fails_if_the_record_is_missing(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path, "dgx")
    process = wait_in_rule(tmp_path, tmp_path / "record.json", os.getpid())
    mailbox.answer(take(mailbox))
    assert "record.json is missing" in process.communicate(timeout=20)[1]
    assert process.returncode == 1


def test_a_rule_ends_when_the_main_process_is_gone(tmp_path: Path, main: subprocess.Popen[bytes]) -> None:
    process = wait_in_rule(tmp_path, tmp_path / "record.json", main.pid)
    take(Mailbox(tmp_path, "dgx"))
    main.kill()
    main.wait()
    assert "the next run finds this job" in process.communicate(timeout=20)[1]
    assert process.returncode == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_waiting_rule_starts_no_process_and_hardly_computes(tmp_path: Path) -> None:
    process = wait_in_rule(tmp_path, tmp_path / "record.json", os.getpid())
    mailbox = Mailbox(tmp_path, "dgx")
    request = take(mailbox)
    wait_until(lambda: not children(process.pid), "the end of the script's own start")
    before = cpu_seconds(process.pid)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=3)
    assert not children(process.pid)
    assert cpu_seconds(process.pid) - before <= 0.05
    mailbox.answer(request, "enough")
    process.communicate(timeout=20)


def children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_rule_prints_the_answer_although_a_signal_came_to_it_first(tmp_path: Path, number: int) -> None:
    mailbox = Mailbox(tmp_path, "dgx")
    process = wait_in_rule(tmp_path, tmp_path / "record.json", os.getpid())
    request = take(mailbox)
    process.send_signal(number)
    mailbox.answer(request, "fairmesh: x=1: it goes on on dgx")
    assert process.communicate(timeout=20)[1] == "fairmesh: x=1: it goes on on dgx\n"
    assert process.returncode == 1
