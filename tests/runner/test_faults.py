"""What programs and errors do to the runner: no traceback, no hanging, no program that is left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fairmesh.runner import commit, machine_lock, owner
from fairmesh.runner.output import Output
from fairmesh.runner.status import Status
from tests.runner.conftest import GOOD, MakeJob, run, status

ERRORS = [MemoryError, KeyboardInterrupt, RecursionError, SystemExit, ValueError, AssertionError]


@pytest.fixture(autouse=True)
def own_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine_lock, "FOLDER", str(tmp_path))


@pytest.mark.parametrize("error", ERRORS)
def test_whatever_is_raised_is_a_failed_attempt(
    error: type[BaseException], make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise error("something")

    monkeypatch.setattr(commit, "list_files", fail)
    folder = make_job()
    assert run(folder) == 1
    assert status(folder)["state"] == "failed"
    assert status(folder)["reason"].startswith(f"unexpected error in the runner: {error.__name__} something (test_")
    assert status(folder)["exit_code"] == 0
    assert not (folder / "commit.json").exists()
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "error"), [((Output, "read_new"), KeyboardInterrupt), ((Status, "beat"), MemoryError)]
)
def test_whatever_is_raised_while_a_program_runs_ends_it(
    place: tuple[type, str], error: type[BaseException], make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_job("import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(100)")
    pid = folder / "attempts/1/pid"

    def fail(*_: object, **__: object) -> None:
        if pid.exists() and pid.read_text():
            raise error("something")

    monkeypatch.setattr(*place, fail)
    assert run(folder) == 1
    assert not owner.start_time(int(pid.read_text()))
    assert f"{error.__name__} something" in status(folder)["reason"]


def test_an_error_before_the_attempt_is_one_line(make_job: MakeJob, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_job()
    (folder / "experiment.json").write_text('{"fingerprint": "f"}')
    assert run(folder) == 1
    assert capsys.readouterr().err.startswith("fairmesh: x=1: unexpected error in the runner: KeyError")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os; os.kill(os.getpid(), 40)", "killed by signal 40"),
        (
            "open('metrics.json', 'w').write('[' * 100_000)",
            "metrics.json is not JSON that can be read",
        ),
        ("open('metrics.json', 'wb').write(b'{\"\\xfc\": 1}')", "metrics.json is not JSON: 'utf-8' codec"),
        (
            f"{GOOD}; open('baselines.json', 'w').write('[' * 100_000)",
            "baselines.json is not JSON that can be read",
        ),
        ("import os; os.mkfifo('metrics.json')", "metrics.json cannot be read: not a regular file"),
        ("import os; os.symlink('/dev/zero', 'metrics.json')", "metrics.json cannot be read: not a regular file"),
        ("open('metrics.json', 'w').truncate(1 << 40)", "metrics.json cannot be read: larger than 16777216 bytes"),
        (f"{GOOD}; import os; os.mkfifo('baselines.json')", "baselines.json cannot be read: not a regular file"),
        ("import os; os.mkfifo('telemetry.csv')", "telemetry.csv: not a regular file"),
        ("import os; os.mkdir('telemetry.csv')", "telemetry.csv: not a regular file"),
        ("import os; os.symlink('/dev/zero', 'telemetry.csv')", "telemetry.csv: not a regular file"),
    ],
)
def test_a_strange_end_is_a_reason(make_job: MakeJob, code: str, reason: str) -> None:
    folder = make_job(code)
    assert _run_apart(folder) == 1
    assert status(folder)["state"] == "failed"
    assert reason in status(folder)["reason"]


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.mkfifo('status.json.new'); os.replace('status.json.new', 'status.json')",
        "import os; os.mkfifo('../../cancel.json')",
        "import os; os.remove('job.log'); os.symlink('/dev/zero', 'job.log')",
        "import os; os.remove('job.log'); os.mkfifo('job.log')",
        "import os; os.mkfifo('figures')",
        "print(':::MLLOG ' + '[' * 100_000)",
        "open(b'gr\\xfc.txt', 'w').close()",
    ],
)
def test_a_good_program_stays_good(make_job: MakeJob, code: str) -> None:
    folder = make_job(f"{GOOD}; {code}")
    assert _run_apart(folder) == 0
    assert status(folder)["state"] == "done"


def test_a_file_that_takes_long_to_read_does_not_outlast_the_runtime(make_job: MakeJob) -> None:
    code = f"{GOOD}; open('huge', 'w').truncate(1 << 40)"
    folder = make_job(code, resources={"runtime": 0.05})
    assert _run_apart(folder) == 1
    assert status(folder)["state"] == "timeout"


@pytest.mark.parametrize("pid", [0, -1, 1, "1", None, [], 2.5, True])
def test_a_process_file_of_a_programs_own_making_harms_nobody(pid: object) -> None:
    leader = owner.current_process() | {"pid": pid, "start": ""}
    owner.end_group(leader, grace=0.1)
    assert owner.is_alive(leader) in {None, False}


@pytest.mark.parametrize("restart", ["x", None, -1, [], "1.5"])
def test_a_claim_with_a_strange_restart_proves_nothing(restart: object) -> None:
    assert owner.is_alive(owner.current_process() | {"host": "faraway", "restart": restart}) is None


def _run_apart(folder: Path) -> int:
    """Run a job folder in a process that is ended if it hangs."""
    code = "import sys; from fairmesh.runner.main import main; sys.exit(main())"
    command = [sys.executable, "-c", code, str(folder), "--home", str(folder.parents[3])]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FAIRMESH")}
    return subprocess.run(command, env=environment, check=False, timeout=60).returncode
