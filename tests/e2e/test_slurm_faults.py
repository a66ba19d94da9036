"""A study on a real cluster of Slurm, and all that can happen to it: each experiment is done once, or says why not."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from fairmesh import schema
from tests.conftest import FAULT
from tests.e2e.workplace import RECORDS_ONLY, Workplace, kill
from tests.needs import must_have
from tests.slurm.cluster import SlurmCluster
from tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.clusters]

Note = Callable[[str, object], None]
Survived = Callable[..., None]
FALSE_CLOCKS = """\
slurm:
  kind: profile
  scheduler: slurm
  setup:
    - export LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1 FAKETIME_DONT_FAKE_MONOTONIC=1
    - export FAKETIME=$(case $SLURMD_NODENAME in n1) echo -1h ;; n2) echo +1h ;; *) echo +0 ;; esac)
"""


def sweep(place: Workplace, count: int, seconds: float, **keys: object) -> list[str]:
    """Write a study of so many experiments that take so long, and give their ids."""
    place.study({"value": list(range(1, count + 1))}, **keys)
    place.edit("toy/application.yaml", "default: 0, minimum: 0, unit: s", f"default: {seconds}, minimum: 0, unit: s")
    return [f"value={value}" for value in range(1, count + 1)]


def begin(place: Workplace, running: int, *arguments: str) -> subprocess.Popen[str]:
    """Start the workflow, and wait until so many programs run."""
    process = place.start(*RECORDS_ONLY, *arguments)
    wait_until(
        lambda: len(place.experiments_started()) >= running or process.poll() is not None, "experiments run", 120
    )
    assert process.poll() is None, process.communicate()[0]
    return process


def end(process: subprocess.Popen[str], status: int = 0) -> str:
    """Wait for the end of a run, and give what it said."""
    output, _ = process.communicate(timeout=300)
    assert process.returncode == status, output
    return output


def submissions(place: Workplace) -> int:
    """Count the jobs that Slurm was given for a study, ended ones too."""
    about = [json.loads(path.read_text()) for path in place.results.glob("sweep/runs/*/run.json")]
    names = ",".join(run["executor_run"] for run in about)
    assert place.cluster
    return len(place.cluster.ask("squeue", "--noheader", "--states=all", f"--name={names}").splitlines())


def job_of(place: Workplace, identity: str) -> str:
    """Return the number of the job of Slurm's in which an experiment runs."""
    wait_until(lambda: any((place.job(identity) / "attempts").glob("*/status.json")), f"{identity} has a status")
    return str(place.status(identity)["job_id"])


def node_of(cluster: SlurmCluster, job: str) -> str:
    """Return the node that a job runs on."""
    return cluster.ask("squeue", "--noheader", f"--jobs={job}", "--format=%N").strip()


def fill(path: Path) -> None:
    """Write a file until the disk is full."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def left_running(place: Workplace) -> list[str]:
    """Return the command lines of what still works in a folder, or on the cluster."""
    found = set(place.cluster.processes()) if place.cluster else set()
    for path in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if path.readlink().is_relative_to(place.folder):
                found.add(int(path.parent.name))
        except OSError:
            continue
    return [Path(f"/proc/{number}/cmdline").read_text().replace("\0", " ") for number in found if _is_there(number)]


def _is_there(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def conclude(place: Workplace, starts: Mapping[str, int], ends: Mapping[str, tuple[str, str]] | None = None) -> str:
    """Compare what is there in the end with what must be: starts by experiment, and how those ended that are not done.

    Returns
    -------
    str
        The states and how many experiments are in each.
    """
    ends = ends or {}
    states = {identity: place.status(identity) for identity in starts}
    assert {identity: state["state"] for identity, state in states.items()} == {
        identity: ends[identity][0] if identity in ends else "done" for identity in starts
    }, states
    for identity, (_, reason) in ends.items():
        assert re.search(reason, states[identity]["reason"]), states[identity]
    assert dict(place.experiments_started()) == dict(starts)
    assert place.recorded() == set(starts) - set(ends)
    assert not place.half_written()
    wait_until(lambda: not left_running(place), f"nothing is left: {left_running(place)}")
    found = [state["state"] for state in states.values()]
    return ", ".join(f"{found.count(state)} {state}" for state in dict.fromkeys(found))


@pytest.fixture
def survived(slurm_workplace: Workplace, record_property: Note) -> Survived:
    """Return the function that a test ends with; it adds a line to the table in the end of all tests."""

    def note(fault: str, starts: Mapping[str, int], ends: Mapping[str, tuple[str, str]] | None = None) -> None:
        states = conclude(slurm_workplace, starts, ends)
        where = f"{fault} ({slurm_workplace.profile})"
        record_property(FAULT, (where, len(starts), len(starts) - len(ends or {}), sum(starts.values()), states))

    return note


def once(ids: list[str]) -> dict[str, int]:
    """Return what must be: one start each."""
    return dict.fromkeys(ids, 1)


@pytest.mark.parametrize(
    "slurm_workplace", ["slurm-lean", pytest.param("slurm", marks=pytest.mark.long)], indirect=True
)
def test_what_a_killed_snakemake_left_running_and_queued_is_submitted_once(
    slurm_workplace: Workplace, survived: Survived
) -> None:
    ids = sweep(slurm_workplace, 8, 8)  # of which six run at once
    kill(begin(slurm_workplace, 4))
    slurm_workplace.run(*RECORDS_ONLY)
    assert "localrule collect" in slurm_workplace.snakemake_log()
    assert submissions(slurm_workplace) == 1 + 8
    survived("SIGKILL of Snakemake, again at once", once(ids))


def test_what_a_bundle_has_not_come_to_when_snakemake_is_killed_is_waited_for(
    slurm_workplace: Workplace, survived: Survived
) -> None:
    ids = sweep(slurm_workplace, 6, 3)
    kill(begin(slurm_workplace, 1, "--fairmesh-bundle", "6"))
    slurm_workplace.run(*RECORDS_ONLY, "--fairmesh-bundle", "6")
    assert submissions(slurm_workplace) == 1 + 1
    survived("SIGKILL of Snakemake, six in one job", once(ids))


def test_what_ended_after_snakemake_was_killed_is_only_collected(
    slurm_workplace: Workplace, survived: Survived
) -> None:
    ids = sweep(slurm_workplace, 4, 2)
    kill(begin(slurm_workplace, 4))
    wait_until(lambda: not left_running(slurm_workplace), "the orphans have ended")
    slurm_workplace.run(*RECORDS_ONLY)
    assert submissions(slurm_workplace) == 1 + 4
    survived("SIGKILL of Snakemake, again after the orphans ended", once(ids))


def test_a_shared_stage_of_a_killed_snakemake_is_waited_for(slurm_workplace: Workplace, survived: Survived) -> None:
    ids = sweep(slurm_workplace, 2, 0)
    slurm_workplace.edit("toy/toy.py", "def numbers(size):\n", "def numbers(size):\n    time.sleep(8)\n")
    process = slurm_workplace.start(*RECORDS_ONLY)
    wait_until(slurm_workplace.starts, "the stage runs")
    kill(process)
    slurm_workplace.run(*RECORDS_ONLY)
    assert "localrule collect_stage" in slurm_workplace.snakemake_log()
    assert sum(slurm_workplace.starts().values()) == 1 + 2
    survived("SIGKILL of Snakemake while a stage runs", once(ids))


@pytest.mark.parametrize(
    ("slurm_workplace", "number"),
    [
        pytest.param("slurm-lean", signal.SIGINT),
        pytest.param("slurm", signal.SIGINT, marks=pytest.mark.long),
        pytest.param("slurm-lean", signal.SIGTERM, marks=pytest.mark.long),
    ],
    indirect=["slurm_workplace"],
)
def test_a_signal_ends_the_run_and_the_next_one_finishes_it(
    slurm_workplace: Workplace, survived: Survived, number: signal.Signals
) -> None:
    ids = sweep(slurm_workplace, 8, 6)
    process = begin(slurm_workplace, 4)
    os.kill(process.pid, number)
    end(process, 1)
    wait_until(lambda: not left_running(slurm_workplace), "its jobs are gone, or have ended")
    finished = slurm_workplace.recorded()
    slurm_workplace.run(*RECORDS_ONLY)
    starts = slurm_workplace.experiments_started()
    assert all(starts[identity] == 1 for identity in finished)
    assert set(starts.values()) <= {1, 2}
    survived(f"{number.name} to Snakemake", {identity: starts[identity] for identity in ids})


@pytest.mark.parametrize(
    ("slurm_workplace", "daemon"),
    [
        pytest.param("slurm-lean", "slurmctld"),
        pytest.param("slurm", "slurmctld", marks=pytest.mark.long),
        pytest.param("slurm-lean", "n2", marks=pytest.mark.long),
        pytest.param("slurm", "n2", marks=pytest.mark.long),
    ],
    indirect=["slurm_workplace"],
)
def test_a_daemon_that_is_killed_and_comes_back_costs_nothing(
    slurm_workplace: Workplace, slurm: SlurmCluster, survived: Survived, daemon: str
) -> None:
    ids = sweep(slurm_workplace, 8, 12)
    process = begin(slurm_workplace, 6)
    time.sleep(6)  # Slurm's controller writes down what it knows every five seconds
    slurm.kill(daemon)
    time.sleep(4)
    slurm.start(daemon)
    end(process)
    assert submissions(slurm_workplace) == 1 + 8
    survived(f"{'slurmctld' if daemon == 'slurmctld' else 'slurmd'} killed and restarted", once(ids))


@pytest.mark.long
def test_what_ran_on_a_node_that_is_lost_for_good_runs_elsewhere(
    slurm_workplace: Workplace, slurm: SlurmCluster, survived: Survived
) -> None:
    ids = sweep(slurm_workplace, 4, 20)
    process = begin(slurm_workplace, 4)
    lost = [identity for identity in ids if node_of(slurm, job_of(slurm_workplace, identity)) == "n2"]
    assert lost
    slurm.kill_node("n2")
    end(process)
    survived("a node lost for good", once(ids) | dict.fromkeys(lost, 2))


@pytest.mark.parametrize(
    "slurm_workplace", ["slurm-lean", pytest.param("slurm", marks=pytest.mark.long)], indirect=True
)
def test_a_cancelled_job_alone_is_missing(slurm_workplace: Workplace, slurm: SlurmCluster, survived: Survived) -> None:
    ids = sweep(slurm_workplace, 3, 8)
    process = begin(slurm_workplace, 3)
    slurm.ask("scancel", job_of(slurm_workplace, ids[1]))
    end(process, 1)
    survived("scancel of one job", once(ids), {ids[1]: ("cancelled", "SIGTERM")})


def test_an_experiment_that_overruns_its_time_can_save_and_says_timeout(
    slurm_workplace: Workplace, survived: Survived
) -> None:
    slurm_workplace.study({"behaviour": ["good", "saves"]}, derive={"runtime": "1"})
    slurm_workplace.run(*RECORDS_ONLY, status=1)
    assert (slurm_workplace.job("behaviour=saves") / "attempts/1/saved").exists()
    ids = ["behaviour=good", "behaviour=saves"]
    survived("an overrun of its time", once(ids), {ids[1]: ("timeout", "did not end in the time of job")})


@pytest.mark.long
def test_an_experiment_that_takes_too_much_memory_says_why_it_failed(
    slurm_workplace: Workplace, survived: Survived
) -> None:
    slurm_workplace.study({"behaviour": ["good", "hungry"]}, derive={"mem_mb": "400"})
    slurm_workplace.run(*RECORDS_ONLY, status=1)
    ids = ["behaviour=good", "behaviour=hungry"]
    survived("an overrun of its memory", once(ids), {ids[1]: ("failed", "memory")})


def test_an_experiment_that_fails_twice_succeeds_with_retries(slurm_workplace: Workplace, survived: Survived) -> None:
    slurm_workplace.study({"behaviour": ["flaky", "good"]})
    slurm_workplace.run(*RECORDS_ONLY, "--retries", "2")
    survived("two failures, then success with retries", {"behaviour=flaky": 3, "behaviour=good": 1})


def test_a_full_disk_costs_one_start_and_says_so(slurm_workplace: Workplace, survived: Survived) -> None:
    must_have(os.geteuid() == 0, "only root can mount a small file system")
    ids = sweep(slurm_workplace, 1, 6)
    slurm_workplace.results.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(slurm_workplace.results)], check=True)
    try:
        process = begin(slurm_workplace, 1)
        filler = slurm_workplace.results / "filler"
        fill(filler)
        time.sleep(15)  # the program has failed by then, and its end waits for room
        filler.unlink()
        assert "No space left on device" in end(process, 1)
        assert not slurm_workplace.recorded()
        slurm_workplace.run(*RECORDS_ONLY)
        survived("disk full while a result is written", dict.fromkeys(ids, 2))
    finally:
        subprocess.run(["umount", "--lazy", str(slurm_workplace.results)], check=True)


def test_a_second_run_names_the_first_and_ends_or_waits_if_asked(
    slurm_workplace: Workplace, survived: Survived
) -> None:
    ids = sweep(slurm_workplace, 3, 10)
    first = begin(slurm_workplace, 3)
    refused = slurm_workplace.start(*RECORDS_ONLY)
    waiting = slurm_workplace.start(*RECORDS_ONLY, "--config", "wait=true")
    assert f"study sweep is being run by process {first.pid} on " in end(refused, 1)
    end(first)
    output = end(waiting)
    assert f"is being run by process {first.pid} on " in output
    assert "this run waits for its end" in output
    survived("two runs at once", once(ids))


def test_clocks_that_are_an_hour_apart_change_nothing(
    slurm_workplace: Workplace, slurm: SlurmCluster, survived: Survived
) -> None:
    must_have(shutil.which("faketime"), "faketime is not installed")
    (slurm_workplace.folder / "config/machines.yaml").write_text(FALSE_CLOCKS)
    ids = sweep(slurm_workplace, 6, 6)
    kill(begin(slurm_workplace, 6))
    slurm_workplace.run(*RECORDS_ONLY)
    hours = {slurm_workplace.status(identity)["updated"][:13] for identity in ids}
    assert len(hours) == 3, "three nodes, three hours"
    assert submissions(slurm_workplace) == 1 + 6
    survived("clocks an hour apart", once(ids))


@pytest.mark.parametrize(
    ("silence", "stop"), [(3, 6), pytest.param(90, 120, marks=pytest.mark.long)], ids=["short", "two-minutes"]
)
def test_a_runner_that_was_stopped_is_not_replaced(
    slurm_workplace: Workplace, slurm: SlurmCluster, survived: Survived, silence: int, stop: int
) -> None:
    """Another runner, which sees no such process and may ask nobody, gives up; nothing is started without proof."""
    must_have(os.geteuid() == 0, "only root can make a namespace of processes")
    ids = sweep(slurm_workplace, 1, 4)
    process = begin(slurm_workplace, 1)
    job_of(slurm_workplace, ids[0])
    runner = int(slurm_workplace.status(ids[0])["pid"])
    os.kill(runner, signal.SIGSTOP)
    try:
        apart = ["unshare", "--pid", "--fork", "--mount-proc", "bash", str(slurm_workplace.job(ids[0]) / "job.sh")]
        nobody = {"PATH": "/usr/bin:/bin"}  # no Slurm to ask: its settings are not there
        begun = time.monotonic()
        second = subprocess.run(
            [*apart, "--silence", str(silence)], env=nobody, check=False, capture_output=True, text=True, timeout=300
        )
        assert (second.returncode, "lost: no sign of life" in second.stderr) == (1, True), second.stderr
        time.sleep(max(0.0, stop - (time.monotonic() - begun)))
    finally:
        os.kill(runner, signal.SIGCONT)
    end(process)
    survived(f"a runner stopped for {stop} s", once(ids))


@pytest.mark.long
def test_a_job_that_is_put_back_into_the_queue_goes_on(
    slurm_workplace: Workplace, slurm: SlurmCluster, survived: Survived
) -> None:
    slurm_workplace.study({"value": [1], "behaviour": ["resumes"], "seconds": [8]})
    identity = "behaviour=resumes+seconds=8+value=1"
    process = begin(slurm_workplace, 1)
    time.sleep(4)
    slurm.ask("scontrol", "requeue", job_of(slurm_workplace, identity))
    end(process)
    done = [(slurm_workplace.job(identity) / f"attempts/{number}/done").stat().st_size for number in (1, 2)]
    assert 0 < done[0] < done[1] == 80
    survived("a job put back into the queue", {identity: 2})


@pytest.fixture
def hanging_squeue(slurm: SlurmCluster) -> Iterator[Path]:
    """Return the place of a ``squeue`` that hangs, once it is written, and remove it in the end."""
    program = slurm.folder / "bin/squeue"
    yield program
    program.unlink(missing_ok=True)


def test_nothing_is_submitted_again_while_slurm_is_silent(
    slurm_workplace: Workplace, slurm: SlurmCluster, survived: Survived, hanging_squeue: Path
) -> None:
    ids = sweep(slurm_workplace, 8, 20)  # of which six run at once
    kill(begin(slurm_workplace, 6))
    pending = slurm.ask("squeue", "--noheader", "--states=PENDING", "--format=%i").split()
    slurm.ask("scontrol", "hold", ",".join(pending))
    hanging_squeue.write_text("#!/bin/sh\nexec sleep 1000\n")
    hanging_squeue.chmod(0o755)
    assert "the scheduler does not answer" in slurm_workplace.fairmesh("status")
    refused = slurm_workplace.run(*RECORDS_ONLY, "--config", "scheduler_patience=0", status=1)
    assert "of a run that was killed may be in its queue" in refused.splitlines()[-1]
    again = slurm_workplace.start(*RECORDS_ONLY)
    time.sleep(5)
    hanging_squeue.unlink()
    slurm.ask("scontrol", "release", ",".join(pending))
    end(again)
    assert "localrule collect" in slurm_workplace.snakemake_log()
    assert submissions(slurm_workplace) == 1 + 8
    survived("SIGKILL of Snakemake, and a squeue that hangs", once(ids))


def test_what_begins_while_the_results_are_read_only_runs_when_they_are_back(
    slurm_workplace: Workplace, slurm: SlurmCluster, survived: Survived
) -> None:
    must_have(os.geteuid() == 0, "only root can make a file system read-only")
    ids, results = sweep(slurm_workplace, 3, 0), slurm_workplace.results
    slurm_workplace.run(*RECORDS_ONLY, "--until", "stage")
    slurm.ask("scontrol", "update", "partitionname=main", "state=down")
    try:
        process = slurm_workplace.start(*RECORDS_ONLY, "--latency-wait", "10")
        waiting = ("squeue", "--noheader", "--format=%T")
        wait_until(lambda: slurm.ask(*waiting).split() == ["PENDING"] * 3, "all are queued")
        subprocess.run(["mount", "--bind", str(results), str(results)], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", str(results)], check=True)
    finally:
        slurm.ask("scontrol", "update", "partitionname=main", "state=up")
    try:
        time.sleep(30)
        assert slurm.ask(*waiting).split() != ["PENDING"] * 3, "Slurm has tried"
        assert process.poll() is None, process.communicate()[0]
        assert not slurm_workplace.experiments_started()
    finally:
        subprocess.run(["umount", "--lazy", str(results)], check=True)
    assert "Traceback" not in end(process)
    survived("results read-only for 30 s", once(ids))


def test_a_setup_that_ends_its_job_is_a_failure_with_its_line(slurm_workplace: Workplace) -> None:
    entry = {"kind": "profile", "scheduler": "slurm", "setup": ["exit 0"]}
    (slurm_workplace.folder / "config/machines.yaml").write_text(schema.dump_yaml({"slurm": entry}))
    slurm_workplace.study({"value": [1]})
    output = slurm_workplace.run(*RECORDS_ONLY, status=1)
    assert "the setup of its job ended it with status 0 at: exit 0" in output
    assert "filesystem latency" not in output
    assert not slurm_workplace.starts()
    assert "the setup of its job ended it with status 0 at: exit 0" in slurm_workplace.fairmesh("status")
