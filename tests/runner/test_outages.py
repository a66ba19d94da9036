"""A folder that goes away and comes back, or does not: the program goes on, its result counts, and nothing is left."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fairmesh.jobs.render import archive
from fairmesh.runner import owner
from tests.needs import must_have
from tests.runner.conftest import MakeJob, read, status

IN_A_HURRY = """
import sys
sys.path.insert(0, sys.argv[1])
from fairmesh.runner import main, program, retry, status, telemetry
status.SHORTEST, telemetry.BATCH, program.GRACE, retry.PAUSE = 0.1, 0.1, 0.5, 0.1
sys.exit(main.main(sys.argv[2:]))
"""
# Each takes the attempt's folder away, which the program works in, and brings it back. What the runner writes at that
# very moment may be in the way once.
OUTAGES = {
    "read-only": ("mount --bind . $PWD; until mount -o remount,bind,ro $PWD; do :; done", "umount -l $PWD"),
    "unmounted": ("mount --bind $EMPTY $HOME_OF_RUNNER", "umount -l $HOME_OF_RUNNER"),
    "forbidden": ("chmod 500 .", "chmod 700 ."),
    "full": ("cat /dev/zero > filler", "rm filler"),
}
WORK = "for n in 1 2 3 4 5 6 7 8; do echo '# fairmesh progress=5'$n; sleep 0.2; done"
RESULT = "echo '{\"score\": 1.5}' > metrics.json"
NOTE = "echo $$ > $EMPTY/../pid"
SLEEP = "echo '# fairmesh progress=5'; exec sleep 100"

Start = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Return a function that runs a job folder where it may mount, but not write what it is forbidden to write."""
    apart = ["unshare", "--mount", "setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    may = all(map(shutil.which, apart[::2])) and not subprocess.run([*apart, "true"], check=False).returncode
    must_have(may, "no right to mount (unshare --mount, as root): folders that go away are not tested")
    (tmp_path / "empty").mkdir()
    (tmp_path / "runner.pyz").write_bytes(archive())

    def start(folder: Path, *options: str, size: str = "") -> subprocess.CompletedProcess[str]:
        home = folder.parents[3]
        disk = (
            f"cp -a {home} {tmp_path}/copy; mount -t tmpfs -o size={size} none {home}; cp -a {tmp_path}/copy/. {home};"
        )
        hurry = [sys.executable, "-IS", "-c", IN_A_HURRY, tmp_path / "runner.pyz", folder, "--home", home, *options]
        seen_there = f"code=$?; cp {folder}/attempts/1/status.json {tmp_path}/seen-there.json; exit $code"
        script = f'{disk if size else ""} "$@"; {seen_there}'
        return subprocess.run(
            list(map(str, [*apart, "bash", "-c", script, "bash", *hurry])),
            env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "EMPTY": f"{tmp_path}/empty", "HOME_OF_RUNNER": str(home)},
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return start


def is_gone(tmp_path: Path) -> bool:
    return not owner.start_time(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("outage", OUTAGES)
def test_a_folder_that_comes_back_costs_nothing(outage: str, make_job: MakeJob, start: Start, tmp_path: Path) -> None:
    away, back = OUTAGES[outage]
    folder = make_job(command=["bash", "-c", f"{away}; {WORK}; {back}; {RESULT}; sleep 0.3"])
    done = start(folder, "--record", str(tmp_path / "record.json"), size="400k" if outage == "full" else "")
    assert (done.returncode, done.stderr) == (0, "")
    record = read(tmp_path / "record.json")
    assert record["metrics"]["score"]["value"] == 1.5
    assert {"telemetry.csv", "job.log", "config.yaml"} <= {Path(file["path"]).name for file in record["files"]}


@pytest.mark.parametrize("outage", OUTAGES)
def test_a_result_waits_for_its_folder_and_then_fails(
    outage: str, make_job: MakeJob, start: Start, tmp_path: Path
) -> None:
    folder = make_job(command=["bash", "-c", f"{RESULT}; {OUTAGES[outage][0]}; exit 0"])
    done = start(folder, "--patience", "1", size="400k" if outage == "full" else "")
    assert done.returncode == 1
    assert "fairmesh: x=1 failed: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "commit.json").exists()
    if outage == "full":
        said = read(tmp_path / "seen-there.json")
        assert (said["state"], "No space left" in said["reason"]) == ("failed", True)


@pytest.mark.parametrize("outage", ["read-only", "unmounted"])
def test_a_program_is_ended_when_the_patience_is(outage: str, make_job: MakeJob, start: Start, tmp_path: Path) -> None:
    folder = make_job(command=["bash", "-c", f"{NOTE}; {OUTAGES[outage][0]}; {SLEEP}"])
    done = start(folder, "--patience", "0.5")
    assert done.returncode == 1
    assert "x=1 failed: its folder could not be written for" in done.stderr
    assert is_gone(tmp_path)


def test_a_program_whose_folder_was_removed_is_ended_and_the_state_says_so(
    make_job: MakeJob, start: Start, tmp_path: Path
) -> None:
    folder = make_job(command=["bash", "-c", f"{NOTE}; until rm -rf $PWD; do :; done; {SLEEP}"])
    assert start(folder).returncode == 1
    assert is_gone(tmp_path)
    assert (status(folder)["state"], status(folder)["reason"]) == ("failed", "its folder was removed")


@pytest.mark.parametrize("removal", ["rm *", "rm job.log", "rm job.log; ln -s /dev/zero job.log", "> job.log"])
def test_a_program_may_clear_its_folder(removal: str, make_job: MakeJob, start: Start) -> None:
    folder = make_job(command=["bash", "-c", f"echo before; {removal}; echo after; {RESULT}"])
    done = start(folder)
    assert (done.returncode, done.stderr) == (0, "")
    names = {Path(file["path"]).name for file in read(folder / "commit.json")["files"]}
    assert {"metrics.json", "telemetry.csv", "config.yaml", "experiment.json"} <= names
    log = folder / "attempts/1/job.log"
    if not log.is_symlink():
        assert log.read_text() == ("after\n" if removal == "> job.log" else "before\nafter\n")
