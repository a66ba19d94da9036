"""Cores and GPUs of a computer without a scheduler belong to one experiment at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairmesh.runner import leases, machine_lock
from fairmesh.runner.gpu import Gpu
from fairmesh.runner.leases import Leases, TooMuchError
from tests.runner.conftest import MakeJob, read, run, status
from tests.waiting import wait_until

GPUS = [
    Gpu(0, "NVIDIA A100-SXM4-80GB", "GPU-aa", None),
    Gpu(1, "NVIDIA A100-SXM4-80GB", "GPU-bb", None),
    Gpu(2, "NVIDIA H200", "GPU-cc", None),
]


@pytest.fixture(autouse=True)
def computer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Replace the cores and GPUs of this computer by stand-ins, four and three, and use locks of its own."""

    class StandIns:
        all = GPUS

    affinity = os.sched_getaffinity(0)
    monkeypatch.setattr(machine_lock, "FOLDER", str(tmp_path))
    monkeypatch.setattr(leases, "Gpus", StandIns)
    monkeypatch.setattr(leases, "cores", lambda: [0, 1, 2, 3])
    yield
    os.sched_setaffinity(0, affinity)


def take(**resources: Any) -> Leases:
    """Lease resources that are free."""
    leased = Leases(resources, "x=1 of sweep")
    assert leased.try_take()
    return leased


def apply(leased: Leases, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what is leased, and the variables that programs get."""
    variables: dict[str, str] = {}
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None)
    return leased.apply(variables), variables


def test_experiments_get_distinct_cores_and_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = take(threads=2, gres="gpu:1"), take(threads=2, gres="gpu:a100:1")
    leased, variables = apply(first, monkeypatch)
    assert leased == {"cores": [0, 1], "gpus": ["GPU-aa"]}
    assert variables == {"OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "GPU-aa"}
    assert apply(second, monkeypatch)[0] == {"cores": [2, 3], "gpus": ["GPU-bb"]}


def test_a_gpu_is_found_by_a_part_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert apply(take(gpu_model="h200"), monkeypatch)[0] == {"gpus": ["GPU-cc"]}


def test_nothing_is_leased_without_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    assert apply(take(mem_mb=900), monkeypatch) == ({}, {})


def test_who_waits_learns_for_whom() -> None:
    holder = take(threads=3)
    waiting = Leases({"threads": 2})
    assert not waiting.try_take()
    assert waiting.reason() == "waits for 2 of 4 cores; they are leased to x=1 of sweep"
    for descriptor in holder.descriptors:
        os.close(descriptor)
    assert waiting.try_take()


def test_who_came_first_is_not_overtaken_by_one_that_needs_less() -> None:
    holder = take(threads=3)
    large, small = Leases({"threads": 4}), Leases({"threads": 1})
    assert not large.try_take()
    assert not small.try_take()
    for descriptor in holder.descriptors:
        os.close(descriptor)
    assert not small.try_take()
    assert large.try_take()
    assert not small.try_take()


def test_who_waits_for_a_gpu_does_not_hold_up_those_without() -> None:
    take_all = take(gres="gpu:3")
    assert not Leases({"gres": "gpu:1", "threads": 2}).try_take()
    assert take(threads=4)
    assert len(take_all.descriptors) == 3


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"threads": 5}, "it requests 5 cores, and this computer has 4"),
        ({"gres": "gpu:a100:3"}, "it requests 3 GPUs of the model a100, and this computer has 2"),
        ({"gpu_model": "b200"}, "it requests 1 GPU of the model b200, and this computer has 0"),
    ],
)
def test_more_than_there_is_fails_at_once(resources: dict[str, Any], message: str) -> None:
    with pytest.raises(TooMuchError, match=f"^{message}$"):
        Leases(resources)


def test_the_program_keeps_the_lease_if_its_runner_is_killed() -> None:
    leased = take(threads=4)
    program = subprocess.Popen(["sleep", "60"], pass_fds=leased.descriptors)
    for descriptor in leased.descriptors:
        os.close(descriptor)
    waiting = Leases({"threads": 4})
    assert not waiting.try_take()
    program.send_signal(signal.SIGKILL)
    program.wait()
    assert waiting.try_take()


SHOW = (
    "import json, os; names = ('OMP_NUM_THREADS', 'CUDA_VISIBLE_DEVICES')\n"
    "shown = {name: os.environ.get(name) for name in names}\n"
    "json.dump(dict(shown, cores=len(os.sched_getaffinity(0))), open('shown.json', 'w'))\n"
    "json.dump({'score': 1.5}, open('metrics.json', 'w'))"
)


def run_alone(folder: Path, tmp_path: Path, *options: str) -> int:
    """Run a job folder in a process of its own, since cores are leased by the process."""
    code = (
        "import sys; from fairmesh.runner import machine_lock, main\n"
        f"machine_lock.FOLDER = {str(tmp_path)!r}; sys.exit(main.main(sys.argv[1:]))"
    )
    home = str(folder.parents[3])
    command = [sys.executable, "-c", code, str(folder), "--home", home, *options]
    return subprocess.run(command, check=False, timeout=60).returncode


def test_the_program_sees_its_lease_and_the_status_records_it(make_job: MakeJob, tmp_path: Path) -> None:
    folder = make_job(SHOW)
    assert run_alone(folder, tmp_path, "--lease", json.dumps({"threads": 1})) == 0
    shown = read(folder / "attempts/1/shown.json")
    assert shown == {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": None, "cores": 1}
    assert len(status(folder)["leased"]["cores"]) == 1
    environment = read(folder.parents[3] / f"environments/{read(folder / 'commit.json')['environment']}.json")
    assert environment["processor"]["cores"] == 1
    assert environment["processor"]["machine_cores"] == os.cpu_count()
    assert environment["variables"]["OMP_NUM_THREADS"] == "1"


def test_without_the_option_nothing_is_leased(make_job: MakeJob, tmp_path: Path) -> None:
    folder = make_job(SHOW, resources={"threads": 1})
    assert run_alone(folder, tmp_path) == 0
    assert read(folder / "attempts/1/shown.json")["cores"] == len(os.sched_getaffinity(0))
    assert "leased" not in status(folder)


def test_a_job_waits_with_the_reason_in_its_status(make_job: MakeJob, tmp_path: Path) -> None:
    folder = make_job()
    holder = take(threads=4)
    code = (
        "import sys; from fairmesh.runner import leases, machine_lock, main\n"
        f"machine_lock.FOLDER = {str(tmp_path)!r}; leases.cores = lambda: [0, 1, 2, 3]\n"
        "sys.exit(main.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, str(folder), "--home", str(folder.parents[3]), "--lease", '{"threads": 1}']
    runner = subprocess.Popen(command)
    reason = "waits for 1 of 4 cores; they are leased to x=1 of sweep"
    path = folder / "attempts/1/status.json"
    wait_until(lambda: path.exists() and read(path)["message"] == reason, "the reason is in the status")
    assert read(path)["state"] == "queued"
    for descriptor in holder.descriptors:
        os.close(descriptor)
    assert runner.wait(60) == 0
    assert status(folder)["message"] == ""


def test_too_much_is_a_failure_with_the_numbers(make_job: MakeJob) -> None:
    folder = make_job()
    assert run(folder, "--lease", '{"threads": 5}') == 1
    assert status(folder)["reason"] == "it requests 5 cores, and this computer has 4"


@pytest.mark.parametrize("text", ["", "[]", "x"])
def test_a_bad_option_is_an_error(make_job: MakeJob, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(make_job(), "--lease", text)
    assert "--lease" in capsys.readouterr().err
