"""What becomes of a job: its state, its reason, its commit and record."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fairmesh.jobs.render import render_command
from fairmesh.runner import owner
from fairmesh.runner.manifest import path_in
from tests.runner.conftest import GOOD, MakeJob, read, run, status
from tests.waiting import wait_until


def test_a_good_program_gives_a_commit_and_a_record_of_the_same_bytes(make_job: MakeJob) -> None:
    folder = make_job()
    assert run(folder) == 0
    commit = read(folder / "commit.json")
    assert commit["metrics"] == {"score": {"value": 1.5, "low": None, "high": None}}
    assert (commit["state"], commit["attempt"], commit["fingerprint"]) == ("done", 1, "f" * 64)
    assert set(commit["usage"]) == {"cpu_s", "peak_bytes", "read_bytes", "write_bytes", "energy_j", "energy_method"}
    for file in commit["files"]:
        assert hashlib.sha256((folder / file["path"]).read_bytes()).hexdigest() == file["sha256"]
    assert (folder.parents[3] / "environments" / f"{commit['environment']}.json").exists()
    record = folder.parents[2] / "records/local/x=1.json"
    assert record.read_bytes() == (folder / "commit.json").read_bytes()
    assert (status(folder)["state"], status(folder)["progress"]) == ("done", 100)
    assert not (folder / "attempts/2").exists()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise SystemExit(3)", "exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL"),
        ("pass", "the program wrote no metrics.json in the folder that it was started in, .../x=1/attempts/1"),
        ("open('metrics.json', 'w').write('{')", "metrics.json is not JSON"),
        ("open('metrics.json', 'w').write('[]')", "metrics.json is not a map"),
        ("open('metrics.json', 'w').write('{}')", "metrics.json holds no metric"),
        ("open('metrics.json', 'w').write('{\"a\": NaN}')", "metric 'a' is nan, not a finite number"),
        ("open('metrics.json', 'w').write('{\"a\": true}')", "metric 'a' is True, not a finite number"),
        ("open('metrics.json', 'w').write('{\"a\": {\"valu\": 1}}')", "metric 'a' has the keys 'valu'"),
        (
            "open('metrics.json', 'w').write('{\"a\": 1' + '0' * 400 + '}')",
            "metric 'a' is infinite or beyond 1.8e308, not a finite number",
        ),
        ("open('metrics.json', 'w').write('{\"a\": 2' + '0' * 308 + '}')", "metric 'a' is 2000"),
        (
            "open('metrics.json', 'w').write('{\"a\": 1e999}')",
            "metric 'a' is infinite or beyond 1.8e308, not a finite number",
        ),
        ("open('metrics.json', 'w').write('{\"a\":' * 100000)", "metrics.json is not JSON that can be read: it nests"),
        ("open('metrics.json', 'w').write('{\"' + chr(92) + 'ud800\": 1}')", "'\\ud800' is not the name of a metric"),
        ("open('metrics.json', 'wb').write(b'{\"gr' + bytes([252]) + b'\": 1}')", "metrics.json is not JSON: 'utf-8'"),
        ("import os; os.mkfifo('metrics.json')", "metrics.json cannot be read: not a regular file"),
        ("import os; os.symlink('/dev/zero', 'metrics.json')", "metrics.json cannot be read: not a regular file"),
        (f"{GOOD}; import os; os.mkfifo('baselines.json')", "baselines.json cannot be read: not a regular file"),
        (
            f"{GOOD}; open('baselines.json', 'w').write('{{\"b\": {{\"a\": 1' + '0' * 400 + '}}}}')",
            "metric 'b.a' is infinite or beyond",
        ),
        (f"{GOOD}; open('baselines.json', 'w').write('{{\"b\": 1}}')", "baselines.json: 'b' is not a map"),
    ],
)
def test_a_bad_program_fails_with_its_reason(
    make_job: MakeJob, capsys: pytest.CaptureFixture[str], code: str, reason: str
) -> None:
    folder = make_job(code)
    assert run(folder) == 1
    assert status(folder)["state"] == "failed"
    assert status(folder)["reason"].startswith(reason)
    assert reason in capsys.readouterr().err
    assert not (folder / "commit.json").exists()


@pytest.mark.parametrize(
    ("written", "required", "said"),
    [
        (["solvetime"], ["solve_time"], "no 'solve_time'; it has 'solvetime'"),
        (["x", "solvetime"], ["solve_time"], "no 'solve_time'; it has 'x', 'solvetime'; 'solvetime' may be meant"),
        (["x"], ["solve_time", "x"], "no 'solve_time'; it has 'x'"),
        (["x"], ["solve_time", "gflops"], "no 'solve_time' and no 'gflops'; it has 'x'"),
        (list("abcdefghijkl"), ["solve_time"], f"no 'solve_time'; it has {str(list('abcdefghij'))[1:-1]} and 2 more"),
    ],
)
def test_a_program_that_does_not_write_a_required_metric_fails(
    make_job: MakeJob, written: list[str], required: list[str], said: str
) -> None:
    code = f"import json; json.dump(dict.fromkeys({written}, 1), open('metrics.json', 'w'))"
    folder = make_job(code, required=required)
    assert run(folder) == 1
    assert (status(folder)["state"], status(folder)["reason"]) == ("failed", f"metrics.json has {said}")


def test_a_metric_says_on_how_many_samples_its_interval_rests(make_job: MakeJob) -> None:
    score = {"value": 0.5, "low": 0.4, "high": 0.7, "samples": 4}
    folder = make_job(f"import json; json.dump({{'score': {score}}}, open('metrics.json', 'w'))", required=["score"])
    assert run(folder) == 0
    assert read(folder / "commit.json")["metrics"] == {"score": score}


def test_a_program_that_does_not_exist_fails_with_its_name(make_job: MakeJob) -> None:
    folder = make_job(command=["no-such-program"])
    assert run(folder) == 1
    assert "no-such-program" in status(folder)["reason"]


def test_the_last_lines_of_the_log_are_told_without_control_characters(
    make_job: MakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    run(make_job(r"print('first'); print('\x1b[31mlast\x07'); raise SystemExit(1)"))
    told = capsys.readouterr().err
    assert "last" in told
    assert "\x1b" not in told
    assert "\x07" not in told


def test_a_program_that_runs_too_long_is_ended_though_it_ignores_the_request(make_job: MakeJob) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    folder = make_job(code, resources={"runtime": 0.01})
    assert run(folder) == 1
    assert status(folder)["state"] == "timeout"
    assert "0.01 minutes" in status(folder)["reason"]


def test_a_wish_to_cancel_is_obeyed_before_the_start(make_job: MakeJob) -> None:
    folder = make_job()
    (folder / "cancel.json").write_text(json.dumps({"who": "ada", "when": ""}))
    assert run(folder) == 1
    assert (status(folder)["state"], status(folder)["reason"]) == ("cancelled", "cancelled by ada")
    assert not (folder / "attempts/1/job.log").exists()


def test_a_signal_reaches_the_program_and_what_it_started(make_job: MakeJob) -> None:
    code = "import subprocess; open('child', 'w').write(str(subprocess.Popen(['sleep', '60']).pid)); input"
    folder = make_job(f"{code}; import time; time.sleep(60)")

    def interrupt() -> None:
        child = folder / "attempts/1/child"
        while not (child.exists() and child.read_text()):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=interrupt).start()
    assert run(folder) == 1
    assert (status(folder)["state"], status(folder)["reason"]) == ("cancelled", "stopped by SIGTERM")
    child = int((folder / "attempts/1/child").read_text())
    wait_until(lambda: not owner.start_time(child), "the end of what the program started", 5)


def test_a_signal_means_what_the_scheduler_of_the_job_says(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"JOB_ID": "7", "SGE_TASK_ID": "undefined", "SGE_ROOT": "/nowhere"}.items():
        monkeypatch.setenv(name, value)
    code = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: open('asked', 'w'));"
    folder = make_job(f"{code} open('began', 'w'); time.sleep(60)")

    def suspend_and_delete() -> None:
        wait_until((folder / "attempts/1/began").exists, "it runs")
        os.kill(os.getpid(), signal.SIGUSR1)  # of a suspension: it means nothing to a job
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGUSR2)

    threading.Thread(target=suspend_and_delete).start()
    assert run(folder) == 1
    assert (status(folder)["state"], status(folder)["reason"]) == ("cancelled", "stopped by SIGUSR2")
    assert (folder / "attempts/1/asked").exists(), "the program is asked by SIGTERM"


def test_the_program_sees_its_folders(make_job: MakeJob, tmp_path: Path) -> None:
    code = f"import json, os; json.dump(dict(os.environ), open('seen.json', 'w')); {GOOD}"
    folder = make_job(code, environment={"OMP_NUM_THREADS": "2"})
    assert run(folder) == 0
    seen = read(folder / "attempts/1/seen.json")
    assert seen["FAIRMESH_CONFIG"] == str(folder / "attempts/1/config.yaml")
    assert seen["FAIRMESH_APPLICATION"] == str(tmp_path)
    assert seen["OMP_NUM_THREADS"] == "2"


def test_a_stage_is_given_by_the_folder_of_its_winning_attempt(make_job: MakeJob) -> None:
    folder = make_job(
        f"import shutil, sys, os; assert sys.argv[1] == os.environ['FAIRMESH_STAGE_SCENES'], sys.argv; {GOOD}",
        stages={"scenes": "a" * 64},
    )
    content = read(folder / "experiment.json")
    content["command"].append("\0scenes\0")
    (folder / "experiment.json").write_text(json.dumps(content))
    assert run(folder) == 1
    assert "stage scenes is not ready" in status(folder)["reason"]
    stage = folder.parents[3] / "stages/toy" / f"scenes-{'a' * 12}"
    stage.mkdir(parents=True)
    (stage / "commit.json").write_text(json.dumps({"fingerprint": "a" * 64, "attempt": 3}))
    assert run(folder) == 0


def test_the_command_names_the_folder_of_the_application(make_job: MakeJob, tmp_path: Path) -> None:
    folder = make_job(f"import sys; assert sys.argv[1] == {str(tmp_path / 'main.py')!r}, sys.argv; {GOOD}")
    content = read(folder / "experiment.json")
    content["command"] += render_command(["{{ application }}/main.py"], "here", {}, [])
    (folder / "experiment.json").write_text(json.dumps(content))
    assert run(folder) == 0


def test_a_file_of_any_name_is_in_the_commit(make_job: MakeJob) -> None:
    folder = make_job(
        f"{GOOD}; import os; os.mkdir('tables'); open('tables/status.json', 'w'); open(b'gr\\xfc.txt', 'w');"
        r"open('two\nlines', 'w')"
    )
    assert run(folder) == 0
    listed = [
        os.fsencode(path_in(entry)).removeprefix(b"attempts/1/") for entry in read(folder / "commit.json")["files"]
    ]
    assert {b"tables/status.json", b"gr\xfc.txt", b"two\nlines"} <= {*listed}
    assert b"status.json" not in listed


def test_whole_numbers_stay_exact(make_job: MakeJob) -> None:
    folder = make_job(f"open('metrics.json', 'w').write('{{\"a\": {2**64 - 1}, \"b\": {10**300}}}')")
    assert run(folder) == 0
    assert {name: metric["value"] for name, metric in read(folder / "commit.json")["metrics"].items()} == {
        "a": 2**64 - 1,
        "b": 10**300,
    }


def test_variables_that_are_no_text_are_in_the_record(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPTAINER_CONTAINER", os.fsdecode(b"/images/gr\xfc.sif"))
    monkeypatch.setenv("LOADEDMODULES", os.fsdecode(b"gcc/\xff"))
    folder = make_job()
    assert run(folder) == 0
    environment = read(folder.parents[3] / "environments" / f"{read(folder / 'commit.json')['environment']}.json")
    assert environment["container"]["image"] == r"/images/gr\xfc.sif"
    assert environment["modules"] == [r"gcc/\xff"]


def test_outputs_that_are_not_kept_are_deleted(make_job: MakeJob) -> None:
    code = f"{GOOD}; open('weights.bin', 'w').write('x'); open('seen.txt', 'w').write('x')"
    folder = make_job(code, keep=["*.txt"])
    assert run(folder) == 0
    kept = {Path(file["path"]).name for file in read(folder / "commit.json")["files"]}
    assert "seen.txt" in kept
    assert "weights.bin" not in kept
    assert {"config.yaml", "experiment.json", "job.log", "metrics.json"} <= kept


def test_a_folder_without_a_job_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "a/b/c/d") == 1
    assert "holds no experiment.json" in capsys.readouterr().err


def test_an_application_that_travels_with_the_job_is_found_below_the_home(make_job: MakeJob) -> None:
    application = {"name": "travelling", "version": "1", "folder": "applications/travelling"}
    folder = make_job(command=[sys.executable, "-m", "travelling"], application=application)
    package = folder.parents[3] / "applications/travelling"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text(
        f"import os; open('seen', 'w').write(os.environ['FAIRMESH_APPLICATION']); {GOOD}"
    )
    assert run(folder) == 0
    assert (folder / "attempts/1/seen").read_text() == str(package)


DAEMON = """
import json, os, time
middle = os.fork()
if not middle:
    os.setsid()
    if os.fork():
        os._exit(0)
    open("daemon.tmp", "w").write(str(os.getpid()))
    os.rename("daemon.tmp", "daemon")
    time.sleep(1000)
os.waitpid(middle, 0)
while not os.path.exists("daemon"):
    time.sleep(0.01)
"""


@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody adopts orphans")
def test_nothing_that_a_program_started_outlives_it(make_job: MakeJob, cancelled: bool) -> None:
    folder = make_job(DAEMON + ("time.sleep(1000)" if cancelled else GOOD))
    command = [sys.executable, "-c", "import sys; from fairmesh.runner.main import main; sys.exit(main(sys.argv[1:]))"]
    runner = subprocess.Popen([*command, str(folder), "--home", str(folder.parents[3])], stderr=subprocess.PIPE)
    daemon = folder / "attempts/1/daemon"
    deadline = time.monotonic() + 20
    while not daemon.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    pid = int(daemon.read_text())
    if cancelled:
        (folder / "cancel.json").write_text(json.dumps({"who": "ada", "when": "2026-11-20T10:00:00Z"}))
    runner.communicate(timeout=30)
    assert status(folder)["state"] == ("cancelled" if cancelled else "done")
    assert status(folder)["reason"] == ("cancelled by ada at 2026-11-20T10:00:00Z" if cancelled else "")
    assert not owner.start_time(pid), "the daemon, in a session of its own and without a parent, is gone"
