"""Several jobs in one of a scheduler: which go together, what that asks for, and what the script does."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmesh.schedulers import find_scheduler
from snakemake_executor_plugin_fairmesh.bundle import Member, bundles, known_resources, resources_of, script
from snakemake_executor_plugin_fairmesh.progress import GONE, Progress, read_progress, verdict
from tests.shells import check_script
from tests.waiting import wait_until

AMOUNTS = {"runtime": st.integers(1, 99), "mem_mb": st.integers(1, 99), "threads": st.integers(1, 9)}
RESOURCES = st.fixed_dictionaries(
    {}, optional={**AMOUNTS, "gres": st.sampled_from(["gpu:1", "gpu:2"]), "slurm_partition": st.sampled_from("ab")}
)


@given(st.lists(RESOURCES, max_size=20), st.integers(1, 5))
def test_every_job_is_in_one_bundle_that_asks_for_enough(wanted: list[dict[str, Any]], size: int) -> None:
    members = [Member(str(number), "log", "record", (), resources) for number, resources in enumerate(wanted)]
    made = bundles(members, size)
    assert sorted(int(member.folder) for bundle in made for member in bundle) == list(range(len(members)))
    for bundle in made:
        assert 1 <= len(bundle) <= size
        assert bundle == sorted(bundle, key=lambda member: int(member.folder))
        together = resources_of(bundle)
        assert together.get("runtime", 0) == sum(member.resources.get("runtime", 0) for member in bundle)
        for member in bundle:
            assert together.keys() == member.resources.keys()
            assert all(together[name] >= value for name, value in member.resources.items() if name in AMOUNTS)
            assert all(together[name] == value for name, value in member.resources.items() if name not in AMOUNTS)


def test_a_size_is_filled_before_the_next_bundle_begins() -> None:
    made = bundles([Member(str(number), "log", "record", (), {"mem_mb": number}) for number in range(45)], 20)
    assert [len(bundle) for bundle in made] == [20, 20, 5]


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"threads": 2, "mem_mb": 5}, ["--cpus-per-task=2", "--mem=5M"]),
        ({"mem_mb": 5, "mem_mb_per_cpu": 7}, ["--mem-per-cpu=7M"]),
        ({"threads": 1, "cpus_per_task": -1, "slurm_extra": "--exclusive"}, ["--exclusive"]),
        ({"slurm_extra": "--reservation=today '--comment=a b'"}, ["--reservation=today", "--comment=a b"]),
    ],
)
def test_options_of_sbatch(resources: dict[str, Any], expected: list[str]) -> None:
    options = find_scheduler("slurm").options(resources)
    assert [word for option in options for word in option] == expected


def test_what_snakemake_adds_by_itself_is_not_asked_for() -> None:
    resources = {"mem_mb": 5, "mem_mib": 5, "disk_mb": 1000, "tmpdir": "/tmp", "folder": "f", "force": 0}  # noqa: S108
    assert known_resources(resources, 3, find_scheduler("slurm")) == {"threads": 3, "mem_mb": 5}


STRANGE = 'it\'s $(touch hit) `id` "q" ~c3'


def job(folder: Path, text: str) -> Member:
    folder.mkdir(parents=True)
    (folder / "job.sh").write_text(f'touch "$2"\n{text}')
    return Member(str(folder), str(folder / "rule.log"), str(folder / "record"), ("--force", STRANGE), {})


def test_one_failure_is_nothing_to_the_others_and_no_name_reaches_the_shell(tmp_path: Path) -> None:
    texts = ['printf "%s" "$4"', "exit 3", "kill -9 $$", "cat; echo last", 'rm "$2"']
    members = [job(tmp_path / STRANGE / str(number), text) for number, text in enumerate(texts)]
    text = script(members, str(tmp_path / f"{STRANGE}.progress"))
    (tmp_path / "bundle.sh").write_text(text)
    check_script(tmp_path / "bundle.sh", severity="warning")
    done = subprocess.run(["bash"], input=text, text=True, check=False, capture_output=True, cwd=tmp_path)
    assert done.returncode == 1
    found = read_progress(tmp_path / f"{STRANGE}.progress")
    assert [found[number].status for number in range(5)] == [0, 3, 137, 0, 1], "the last made no record"
    assert Path(members[0].log).read_text() == STRANGE
    assert Path(members[3].log).read_text() == "last\n", "it cannot read the script"
    assert not list(tmp_path.rglob("hit"))


def test_a_signal_reaches_the_job_that_runs_and_the_rest_does_not_begin(tmp_path: Path) -> None:
    waits = "trap 'echo told; exit 9' TERM; sleep 30 & wait"
    members = [job(tmp_path / "0", waits), job(tmp_path / "1", "echo never")]
    process = subprocess.Popen(["bash", "-c", script(members, str(tmp_path / "progress"))])
    wait_until(lambda: read_progress(tmp_path / "progress"), "the first has begun")
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 1
    assert Path(members[0].log).read_text() == "told\n"
    # Whether that was the end, or Slurm put its job back into the queue, is Slurm's to say.
    assert {number: progress.status for number, progress in read_progress(tmp_path / "progress").items()} == {0: None}


def test_a_bundle_that_is_started_again_goes_on_after_what_has_ended(tmp_path: Path) -> None:
    members = [job(tmp_path / "0", "exit 3"), job(tmp_path / "1", "echo again")]
    (tmp_path / "progress").write_text("0 begun n1\n0 ended 3\n1 begun n1\n")
    done = subprocess.run(["bash", "-c", script(members, str(tmp_path / "progress"))], check=False)
    assert done.returncode == 0
    assert not Path(members[0].log).exists()
    assert Path(members[1].log).read_text() == "again\n"
    assert read_progress(tmp_path / "progress")[1].status == 0


@given(st.text(st.sampled_from("012 begundnx\n\r\0é-"), max_size=60))
def test_whatever_stands_in_a_file_of_progress_it_is_read(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("p") / "progress"
    path.write_text(text)
    for progress in read_progress(path).values():
        assert progress.node


def test_a_half_written_line_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "progress").write_text("0 begun n1\n0 ended 0\n1 begun n1\n1 ended 1")
    assert read_progress(tmp_path / "progress") == {0: Progress("n1", 0), 1: Progress("n1")}
    assert read_progress(tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("progress", "state", "others", "done", "reason"),
    [
        (None, None, False, None, ""),
        (Progress("n1"), None, False, None, ""),
        (Progress("n1", 0), None, False, True, ""),
        (Progress("n1", 0), "TIMEOUT", True, True, ""),
        (Progress("n1", 3), None, True, False, "status 3 in {} on n1"),
        (Progress("n1"), "TIMEOUT", True, False, "on n1 ended as TIMEOUT while this one ran"),
        (None, "TIMEOUT", True, False, "ended as TIMEOUT before this one began"),
        (None, "CANCELLED", False, False, "ended as CANCELLED before this one began"),
        (None, GONE, False, False, "ended as unknown to the scheduler before this one began"),
        (None, "COMPLETED", False, False, "its node does not share this folder"),
        (None, "FAILED", False, False, "its node does not share this folder"),
        (None, "FAILED", True, False, "ended as FAILED before this one began"),
    ],
)
def test_a_job_ends_in_every_state_and_says_why(
    progress: Progress | None, state: str | None, others: bool, done: bool | None, reason: str
) -> None:
    found = verdict(progress, state, others)
    assert found[0] is done
    assert reason in found[1]
    assert bool(found[1]) == (done is False)
