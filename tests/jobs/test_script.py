"""job.sh, run for real: from anywhere, as a scheduler's copy, and ended by signals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fairmesh.jobs.paths import JobPaths
from tests.jobs.conftest import GOOD, MakeJob, machine, status
from tests.locales import latin
from tests.shells import check_script
from tests.waiting import wait_until

HANG = "open('started', 'w').close(); import time; time.sleep(60)"
SAYS_WHY = """{% extends "parent" %}
{% block teardown %}
sleep 0.2
echo "torn down" > "$here/teardown"
false
exit 7
{% endblock %}
"""


def run(*command: object, cwd: Path, stdin: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command and give what it said."""
    with (stdin or Path(os.devnull)).open() as text:
        return subprocess.run(list(map(str, command)), cwd=cwd, stdin=text, capture_output=True, text=True, check=False)


@pytest.fixture
def tearing_down(tmp_path: Path) -> Path:
    """Return a child with a teardown that fails itself."""
    path = tmp_path / "child.jinja"
    path.write_text(SAYS_WHY)
    return path


def test_it_runs_from_anywhere_in_folders_of_any_name(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(home="my 'home' $(reboot)\n-x")
    done = run("bash", job.script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert job.commit.exists()
    relative = make_job(home="other")
    assert run("bash", "job.sh", cwd=relative.folder).returncode == 0
    assert relative.commit.exists()


def test_a_locale_that_is_not_utf_8_changes_nothing(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in latin(tmp_path).items():
        monkeypatch.setenv(name, value)
    code = (
        "import os, sys; assert os.fsencode(sys.argv[2]).decode() == chr(0x65e5) + chr(0x672c), sys.argv;"
        f"open(sys.argv[1], 'w'); open(chr(0xfc), 'w'); {GOOD}"
    )
    job = make_job(command=[sys.executable, "-IS", "-c", code, "grün", "日本"], home="日本 ü")
    done = run("bash", job.script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = {file["path"].rpartition("/")[2] for file in json.loads(job.commit.read_text())["files"]}
    assert {"grün", "\\xfc"} <= names


@pytest.mark.parametrize("scheduler", ["slurm", "lsf"])
def test_a_schedulers_copy_runs_in_the_folder_of_submission(make_job: MakeJob, tmp_path: Path, scheduler: str) -> None:
    job = make_job(at=machine(scheduler=scheduler))
    spool = tmp_path / "spool/job0001/slurm_script"
    spool.parent.mkdir(parents=True)
    shutil.copy(job.script, spool)
    done = run("bash", spool, cwd=job.folder) if scheduler == "slurm" else run("bash", cwd=job.folder, stdin=job.script)
    assert done.returncode == 0, done.stderr
    assert job.commit.exists()


def test_a_copy_in_a_wrong_folder_says_so_and_runs_nothing(make_job: MakeJob, tmp_path: Path) -> None:
    job, other = make_job(), make_job(home="other", key="ba9876543210")
    shutil.copy(job.script, tmp_path / "copy")
    for folder in (tmp_path, other.folder):
        done = run("bash", tmp_path / "copy", cwd=folder)
        assert done.returncode == 1
        assert f"{folder} is not the folder of job 0123456789ab" in done.stderr
        assert not other.commit.exists()


def test_modules_are_loaded_before_the_setup(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(at=machine(modules=["cuda/12", "a b; touch hacked"], setup=['echo setup >> "$LOADED"']))
    check_script(job.script)
    code = f"module() {{ printf '%s\\n' \"$*\" >> {tmp_path}/loaded; }}; export -f module; bash {job.script}"
    subprocess.run(["bash", "-c", code], cwd=tmp_path, check=True, env=os.environ | {"LOADED": f"{tmp_path}/loaded"})
    assert (tmp_path / "loaded").read_text() == "load cuda/12\nload a b; touch hacked\nsetup\n"
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize(("code", "expected"), [(GOOD, 0), ("raise SystemExit(3)", 1)])
def test_after_the_runner_the_teardown_runs_and_the_status_is_the_runners(
    make_job: MakeJob, tearing_down: Path, code: str, expected: int
) -> None:
    job = make_job(tearing_down, command=[sys.executable, "-IS", "-c", code])
    assert run("bash", job.script, cwd=job.folder).returncode == expected
    assert (job.folder / "teardown").exists()
    assert status(job)["state"] == ("failed" if expected else "done")


def heed_signals() -> None:
    """Undo what nohup or a shell's & made whoever started the tests ignore."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def start(job: JobPaths) -> subprocess.Popen[str]:
    """Start job.sh in a group of its own and wait until its program runs."""
    process = subprocess.Popen(
        ["bash", job.script],
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_signals,  # noqa: PLW1509  the tests have no other thread
    )
    deadline = time.monotonic() + 20
    while not (job.attempt(1) / "started").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_without_a_teardown_a_signal_reaches_the_runner_itself(make_job: MakeJob, number: signal.Signals) -> None:
    job = make_job(command=[sys.executable, "-IS", "-c", HANG])
    process = start(job)
    holder = json.loads((job.folder / "claims/1").read_text())
    assert holder["pid"] == process.pid, "the runner took the place of the shell"
    process.send_signal(number)
    assert process.wait(20) == 1
    assert (status(job)["state"], status(job)["reason"]) == ("cancelled", f"stopped by {number.name}")


@pytest.mark.parametrize(
    ("number", "passed_on"),
    [("SIGTERM", "SIGTERM"), ("SIGINT", "SIGTERM"), ("SIGUSR1", "SIGTERM"), ("SIGHUP", "SIGHUP")],
)
def test_with_a_teardown_a_signal_is_passed_on_and_waited_for(
    make_job: MakeJob, tearing_down: Path, number: str, passed_on: str
) -> None:
    job = make_job(tearing_down, command=[sys.executable, "-IS", "-c", HANG])
    process = start(job)
    process.send_signal(signal.Signals[number])
    assert process.wait(20) == 1
    assert (status(job)["state"], status(job)["reason"]) == ("cancelled", f"stopped by {passed_on}")
    assert (job.folder / "teardown").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_everybody_as_from_a_terminal_is_one_wish(
    make_job: MakeJob, tearing_down: Path, number: signal.Signals
) -> None:
    job = make_job(tearing_down, command=[sys.executable, "-IS", "-c", HANG])
    process = start(job)
    os.killpg(process.pid, number)
    assert process.wait(20) == 1
    assert status(job)["state"] == "cancelled"
    assert (job.folder / "teardown").exists()


def test_many_signals_are_one_wish_and_cannot_stop_the_teardown(make_job: MakeJob, tearing_down: Path) -> None:
    job = make_job(tearing_down, command=[sys.executable, "-IS", "-c", HANG])
    process = start(job)
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.02)
    assert process.returncode == 1
    assert status(job)["state"] == "cancelled"
    assert (job.folder / "teardown").exists()


@pytest.mark.parametrize(
    ("setup", "reason"),
    [
        (["exit 0"], "status 0 at: exit 0"),
        (["echo before", "exit 3"], "status 3 at: exit 3"),
        (["false"], "status 1 at: false"),
        (["return 0"], "at: return 0"),
        (["if true; then", "  no-such-program", "fi"], "status 127 at: no-such-program"),
        (["start() { exit 5; }", "start"], "status 5 at: start"),
        (['source "$TOOL"'], 'status 6 at: source "$TOOL"'),
        (["set -u", 'echo "$NOT_SET"'], 'at: echo "$NOT_SET"'),
        (["cd /", "set -- a b", "here=/tmp job=x", "exit 0"], "status 0 at: exit 0"),
    ],
)
@pytest.mark.parametrize("scheduler", ["none", "slurm", "lsf"])
def test_a_setup_that_ends_the_job_is_a_failure_with_its_line(
    make_job: MakeJob, tmp_path: Path, scheduler: str, setup: list[str], reason: str
) -> None:
    (tmp_path / "tool").write_text("exit 6\n")
    job = make_job(at=machine(setup=setup, scheduler=scheduler))
    check_script(job.script, severity="error")
    environment = os.environ | {"TOOL": str(tmp_path / "tool")}
    done = subprocess.run(["bash", job.script], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 1
    assert (status(job)["state"], reason in status(job)["reason"]) == ("failed", True), status(job)["reason"]
    assert reason in done.stderr.decode()


@pytest.mark.parametrize(
    "setup",
    [
        ['export A="$NOT_SET"'],
        ["set -- a b c"],
        ["here=/nowhere home=/nowhere job=x"],
        ["set +e", "false"],
        ["trap 'echo bye' EXIT"],
        ["(exit 3) || true"],
        ["cd /"],
    ],
)
def test_a_setup_may_use_any_name_argument_and_option(
    make_job: MakeJob, tearing_down: Path, tmp_path: Path, setup: list[str]
) -> None:
    for number, children in enumerate([(), (tearing_down,)]):
        job = make_job(*children, at=machine(setup=setup), home=f"home{number}")
        record = tmp_path / f"record{number}"
        assert run("bash", job.script, "--record", record.name, cwd=tmp_path).returncode == 0
        assert record.exists()


def test_a_setup_that_ends_the_job_takes_no_result_away(make_job: MakeJob, tmp_path: Path) -> None:
    assert run("bash", make_job().script, cwd=tmp_path).returncode == 0
    job = make_job(at=machine(setup=["exit 3"]))
    assert run("bash", job.script, "--record", tmp_path / "record", cwd=tmp_path).returncode == 0
    assert (tmp_path / "record").exists()
    assert not job.attempt(2).exists()


def test_a_signal_during_the_setup_is_no_failure_of_it(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(at=machine(setup=[f"touch {tmp_path}/begun", "sleep 0.5"]))
    process = subprocess.Popen(["bash", job.script], preexec_fn=heed_signals)  # noqa: PLW1509  as above
    wait_until((tmp_path / "begun").exists, "the setup runs")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 1
    assert not job.attempts.exists()


def test_what_is_said_goes_where_the_workflow_wants_it_as_soon_as_that_can_be_written(
    make_job: MakeJob, tmp_path: Path
) -> None:
    job = make_job(command=["false"])
    log = tmp_path / "later/rule.log"
    process = subprocess.Popen(["bash", job.script, "--log", log])
    time.sleep(0.2)
    assert process.poll() is None
    log.parent.mkdir()
    assert process.wait(20) == 1
    assert "failed: exit code 1" in log.read_text()
