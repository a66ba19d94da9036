"""Who may run a job: one at a time, whatever happens to whom."""

from __future__ import annotations

import errno
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fairmesh.runner import main, owner
from fairmesh.runner.claims import Claims
from fairmesh.runner.job import Job
from fairmesh.runner.status import cancel_reason, request_cancel
from tests.runner.conftest import MakeJob, read, run, status
from tests.waiting import PATIENCE


def test_of_many_threads_that_claim_a_number_one_gets_it(tmp_path: Path) -> None:
    threads, numbers = 8, range(1, 31)
    barrier = threading.Barrier(threads, timeout=PATIENCE)

    def claim_all(_: int) -> list[int]:
        claims = Claims(str(tmp_path))
        return [number for number in numbers if (barrier.wait(), claims.take(number))[1]]

    with ThreadPoolExecutor(threads) as pool:
        won = list(pool.map(claim_all, range(threads)))
    assert sorted(itertools.chain(*won)) == list(numbers)


def test_of_many_processes_that_claim_a_number_one_gets_it(tmp_path: Path) -> None:
    """Each process says that it is ready, and all of them are let go by one line."""
    code = (
        "import sys; from fairmesh.runner.claims import Claims; claims = Claims(sys.argv[1])\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(*(number for number in range(1, 31) if claims.take(number)))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    won = [process.communicate(timeout=PATIENCE)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * 8
    assert sorted(map(int, itertools.chain(*won))) == list(range(1, 31))


def test_a_finished_job_is_not_started_again(make_job: MakeJob) -> None:
    folder = make_job()
    assert run(folder) == run(folder) == 0
    assert [path.name for path in (folder / "attempts").iterdir()] == ["1"]


def test_a_lost_record_is_copied_again(make_job: MakeJob, tmp_path: Path) -> None:
    folder = make_job()
    run(folder)
    assert run(folder, "--record", str(tmp_path / "elsewhere/record.json")) == 0
    assert read(tmp_path / "elsewhere/record.json") == read(folder / "commit.json")


def test_another_fingerprint_starts_anew(make_job: MakeJob) -> None:
    run(make_job())
    folder = make_job(fingerprint="e" * 64)
    assert run(folder) == 0
    assert (read(folder / "commit.json")["attempt"], read(folder / "commit.json")["fingerprint"]) == (2, "e" * 64)


def test_force_starts_anew_once_in_a_run(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_job()
    run(folder)
    monkeypatch.setenv("FAIRMESH_RUN", "second")
    assert run(folder, "--force", "1") == run(folder, "--force", "1") == 0
    assert read(folder / "commit.json")["attempt"] == 2
    assert read(folder.parents[2] / "history/local/x=1/1.json")["attempt"] == 1


def test_a_failed_forced_start_leaves_no_result(make_job: MakeJob) -> None:
    run(make_job())
    folder = make_job("raise SystemExit(1)")
    assert run(folder, "--force", "1") == 0, "without a run of the workflow there is nothing to force against"
    os.environ["FAIRMESH_RUN"] = "second"
    try:
        assert run(folder, "--force", "1") == 1
    finally:
        del os.environ["FAIRMESH_RUN"]
    assert not (folder / "commit.json").exists()


def _claim_of(folder: Path, who: owner.Owner, state: str = "running") -> None:
    (folder / "claims").mkdir(exist_ok=True)
    (folder / "claims/1").write_text(json.dumps(who))
    (folder / "attempts/1").mkdir(parents=True, exist_ok=True)
    (folder / "attempts/1/status.json").write_text(json.dumps({"state": state, "heartbeat": 1}))


@pytest.mark.parametrize(
    "change", [{"pid": 2**22 + 1}, {"start": "1"}, {"boot": "another"}], ids=["no-such-process", "reused", "rebooted"]
)
def test_a_claim_whose_owner_is_proven_gone_is_taken_over(make_job: MakeJob, change: dict[str, object]) -> None:
    folder = make_job()
    _claim_of(folder, owner.current_process() | change)
    assert run(folder) == 0
    assert read(folder / "commit.json")["attempt"] == 2


def test_a_living_claim_is_waited_for_and_its_result_taken(make_job: MakeJob) -> None:
    folder = make_job()
    _claim_of(folder, owner.current_process())

    def finish() -> None:
        time.sleep(0.6)
        (folder / "commit.json").write_text(json.dumps({"fingerprint": "f" * 64, "attempt": 1}))
        _claim_of(folder, owner.current_process(), "done")

    threading.Thread(target=finish).start()
    assert run(folder, "--collect", "nobody") == 0
    assert not (folder / "attempts/2").exists()
    assert (folder.parents[2] / "records/local/x=1.json").exists()


def test_collecting_never_starts(make_job: MakeJob, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_job()
    assert run(folder, "--collect", "nobody") == 1
    assert "ended without a result" in capsys.readouterr().err
    assert not (folder / "attempts").exists()


def test_an_owner_of_whom_nothing_is_known_and_heard_is_lost(
    make_job: MakeJob, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "SILENCE", 0.2)
    folder = make_job()
    _claim_of(folder, owner.current_process() | {"host": "faraway"})
    assert run(folder) == 1
    assert "lost: no sign of life of attempt 1 on faraway" in capsys.readouterr().err


@pytest.mark.parametrize("calls", range(1, 9))
def test_an_owner_may_commit_and_end_at_any_moment(
    calls: int, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner comes to its end between any two looks of a second runner, which takes its result all the same."""
    folder = make_job()
    _claim_of(folder, owner.current_process())
    looks = 0

    def interleave(kind: type, name: str) -> None:
        original = getattr(kind, name)

        def look(*arguments: Any) -> Any:
            nonlocal looks
            found = original(*arguments)
            looks += 1
            if looks == calls:
                (folder / "commit.json").write_text(json.dumps({"fingerprint": "f" * 64, "attempt": 1}))
                _claim_of(folder, owner.current_process(), "done")
            return found

        monkeypatch.setattr(kind, name, look)

    for kind, name in ((Claims, "highest"), (Claims, "is_over"), (Job, "commit"), (Claims, "take")):
        interleave(kind, name)
    assert run(folder) == 0
    assert read(folder / "commit.json")["attempt"] == 1
    assert not (folder / "attempts/2").exists()


def test_an_owner_that_was_given_up_may_commit_while_another_claims(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_job()
    _claim_of(folder, owner.current_process(), "lost")
    take = Claims.take

    def late(claims: Claims, number: int) -> bool:
        (folder / "commit.json").write_text(json.dumps({"fingerprint": "f" * 64, "attempt": 1}))
        return take(claims, number)

    monkeypatch.setattr(Claims, "take", late)
    assert run(folder) == 0
    assert read(folder / "commit.json")["attempt"] == 1
    assert [path.name for path in (folder / "claims").iterdir()] == ["1"]


NO_LINKS = """
import errno, os, sys
def link(*_):
    raise OSError(int(sys.argv[3]), "no links here")
if int(sys.argv[3]):
    os.link = link
from fairmesh.runner.claims import Claims
sys.exit(not Claims(sys.argv[1]).take(int(sys.argv[2])))
"""


@pytest.mark.parametrize("problems", [[errno.EPERM] * 8, [0, errno.ENOTSUP] * 4], ids=["none-has-links", "some-have"])
def test_without_hard_links_one_process_gets_a_claim(tmp_path: Path, problems: list[int]) -> None:
    for number in (1, 2):
        command = [sys.executable, "-c", NO_LINKS, str(tmp_path), str(number)]
        processes = [subprocess.Popen([*command, str(problem)]) for problem in problems]
        assert [process.wait() for process in processes].count(0) == 1
        assert Claims(str(tmp_path)).holder(number)["pid"] in {process.pid for process in processes}
        assert Claims(str(tmp_path)).is_over(number), "its process is gone"
    assert sorted(path.name for path in (tmp_path / "claims").iterdir()) == ["1", "2"]


@pytest.mark.parametrize("problem", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK])
def test_a_job_runs_and_is_waited_for_without_hard_links(
    problem: int, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise OSError(problem, os.strerror(problem))

    monkeypatch.setattr(os, "link", link)
    folder = make_job()
    assert run(folder) == run(folder) == 0
    claims = Claims(str(folder))
    assert (claims.highest(), claims.holder(1)["pid"]) == (1, os.getpid())
    assert claims.take(2)
    assert claims.active() == 2
    assert not claims.take(2)
    assert request_cancel(str(folder), "ada")
    assert not request_cancel(str(folder), "grace")
    assert cancel_reason(str(folder)).startswith("cancelled by ada at ")


def test_a_claim_that_cannot_be_looked_at_binds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    claims = Claims(str(tmp_path))
    assert claims.take(1)
    monkeypatch.setattr(os, "lstat", away)
    assert not claims.is_over(1)


def test_what_a_killed_runner_left_running_is_ended_first(make_job: MakeJob) -> None:
    folder = make_job()
    left = subprocess.Popen(["sleep", "60"], start_new_session=True)
    threading.Thread(target=left.wait).start()  # as init does for orphans: a zombie would keep the group alive
    _claim_of(folder, owner.current_process() | {"pid": 2**22 + 1})
    (folder / "attempts/1/process.json").write_text(json.dumps(owner.describe(left.pid)))
    assert run(folder) == 0
    assert not owner.start_time(left.pid)


def test_an_attempt_that_was_taken_over_does_not_commit(make_job: MakeJob) -> None:
    folder = make_job()
    code = f"{(folder / 'claims/2')!s}"
    make_job(f"import json; open({code!r}, 'w').write('{{}}'); json.dump({{'score': 1}}, open('metrics.json', 'w'))")
    assert run(folder) == 1
    assert (status(folder)["state"], status(folder)["reason"]) == ("lost", "another attempt took over")
    assert not (folder / "commit.json").exists()


def test_half_written_files_of_a_killed_runner_are_removed(make_job: MakeJob) -> None:
    folder = make_job()
    _claim_of(folder, owner.current_process() | {"pid": 2**22 + 1})
    left = [folder / ".commit.json.vm.1.half", folder / "attempts/1/.status.json.vm.1.half"]
    for path in left:
        path.write_text("{")
    assert run(folder) == 0
    assert not any(path.exists() for path in left)


def test_a_chosen_number_is_claimed_once(make_job: MakeJob) -> None:
    folder = make_job()
    assert run(folder, "--claim", "3") == 0
    assert [path.name for path in (folder / "claims").iterdir()] == ["3"]
    assert read(folder / "commit.json")["attempt"] == 3


@pytest.mark.parametrize("number", ["1", "2"])
def test_a_chosen_number_that_is_taken_starts_nothing(make_job: MakeJob, number: str) -> None:
    folder = make_job("raise SystemExit(1)")
    assert run(folder, "--claim", "2") == 1
    assert run(folder, "--claim", number) == 0
    assert run(folder, "--claim", number, "--failed", "its setup ended") == 0
    assert [path.name for path in (folder / "attempts").iterdir()] == ["2"]


def test_a_chosen_number_starts_nothing_beside_an_active_attempt(make_job: MakeJob) -> None:
    folder = make_job()
    _claim_of(folder, owner.current_process())
    assert run(folder, "--claim", "2") == 0
    assert [path.name for path in (folder / "attempts").iterdir()] == ["1"]


def test_the_failure_of_a_setup_takes_the_chosen_number(make_job: MakeJob) -> None:
    folder = make_job()
    assert run(folder, "--claim", "4", "--failed", "its setup ended") == 1
    assert status(folder, 4)["reason"] == "its setup ended"


def test_a_job_that_the_scheduler_requeues_takes_the_next_number(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_job()
    before = {"host": "n1", "pid": 7, "job_id": "12", "cluster": "c", "restart": ""}
    for name, value in {"JOB_ID": "12", "CLUSTER_NAME": "c", "RESTART_COUNT": "1"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    _claim_of(folder, before | {"job_id": "11"})
    assert run(folder, "--claim", "1") == 0
    assert not (folder / "commit.json").exists()
    _claim_of(folder, before)
    assert run(folder, "--claim", "1") == 0
    assert read(folder / "commit.json")["attempt"] == 2
