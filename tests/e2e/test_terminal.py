"""What a person sees of a run, in a pipe and on a terminal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workplace import RECORDS_ONLY, ROOT, Workplace, on_slurm
from tests.screen import rendered, run_on_terminal

pytestmark = pytest.mark.e2e
HOLD = (
    "import time\nfrom fairmesh.runner.machine_lock import MachineLock\nlock = MachineLock(True, 'size=1 of other')\n"
    "while not lock.try_take():\n    time.sleep(0.05)\n"  # experiments of other tests
    "print('held', flush=True)\ninput()"
)


@pytest.fixture(params=["local", *(pytest.param(name, marks=pytest.mark.clusters) for name in ("slurm", "slurm-lean"))])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workplace]:
    """Yield a fresh working folder for each profile."""
    cluster = None if request.param == "local" else request.getfixturevalue("slurm")
    workplace = Workplace(tmp_path, request.param, cluster)
    yield workplace
    workplace.end()


def command(place: Workplace, *arguments: str) -> list[str]:
    python = sys.executable if place.profile == "local" else on_slurm()
    snakemake = [python, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--profile", f"profiles/{place.profile}"]
    return [*snakemake, *RECORDS_ONLY, *arguments]


def test_a_run_in_a_pipe_is_a_line_for_each_experiment(place: Workplace) -> None:
    place.study({"value": [1, 2], "behaviour": ["good", "exit"]}, title="Two sums", repeat=2)
    output = place.run(*RECORDS_ONLY, status=1)
    lines = output.splitlines()
    begin = lines.index("sweep: Two sums")
    assert lines[begin + 1] == f"8 of 8 experiments to run on machine {place.machine} with profiles/{place.profile}"
    assert lines[begin + 2].startswith("results: results/sweep; log: .snakemake/log/")
    assert "\x1b" not in output
    numbered = [line for line in lines if re.match(r"\[\d/8\] ", line)]
    assert [line[1] for line in numbered] == list("12345678")
    assert sum("failed: exit code 3" in line for line in numbered) == 4
    assert sum(bool(re.search(r"value=2 behaviour=good #2 +[\d.]+ s   score 6\.01", line)) for line in numbered) == 1
    end = lines[next(index for index, line in enumerate(lines) if line.startswith("sweep: 4 of 8 done, 4 failed")) :]
    assert end[1].startswith("The best score is 6")
    assert re.match(r"  1  value=2 behaviour=good +6", end[2])
    assert end[4] == "failed: value=1 behaviour=exit #1: exit code 3"
    assert (place.folder / end[5].removeprefix("    log: ")).read_text().endswith("toy: something went wrong\n")
    assert end[-1].startswith("next: ")
    assert "rule experiment" in place.snakemake_log()
    assert "steps (" in place.snakemake_log()

    place.study({"value": [1, 2, 3]}, repeat=2)
    assert place.run("-n", *RECORDS_ONLY).splitlines()[-3:] == [
        "value=3 #1   new",
        "value=3 #2   new",
        "2 of 6 experiments would run (dry run)",
    ]
    assert "sweep: 6 of 6 done" in place.run("--quiet", *RECORDS_ONLY)
    assert place.run(*RECORDS_ONLY).splitlines()[-1].startswith("sweep: all 6 experiments have results")


def test_a_terminal_shows_a_bar_and_an_interruption_is_one_sentence(place: Workplace) -> None:
    place.study({"behaviour": ["good", "hang"]})
    cores = ["--cores", "2"] if place.profile == "local" else []

    def is_time(output: bytes) -> bool:
        return b"[1/2]" in output and (b"1 running" in output or b"1 submitted" in output)

    status, output = run_on_terminal(command(place, *cores), place.folder, place.environment, 70, is_time)
    lines = [line for line in rendered(output) if line]
    sentence = "interrupted: 1 of 2 done, 1 to go; the same command resumes"
    assert status == 1
    assert "\N{BOX DRAWINGS HEAVY HORIZONTAL}".encode() in output
    assert lines[-1] == sentence
    assert sum("interrupted" in line for line in lines) == 1
    assert sentence in place.fairmesh("status").splitlines()
    assert json.loads(place.fairmesh("status", "--json"))["interruption"] == sentence


def test_a_run_of_fairmesh_is_interrupted_in_the_same_way(workplace: Workplace) -> None:
    workplace.study({"behaviour": ["saves", "good"]})
    fairmesh = [sys.executable, "-m", "fairmesh.cli", "run"]
    arguments = [f"--snakemake={argument}" for argument in (*RECORDS_ONLY, "--cores=2")]

    def is_time(output: bytes) -> bool:
        return b"[1/2]" in output and b"1 running" in output

    status, output = run_on_terminal([*fairmesh, *arguments], workplace.folder, workplace.environment, 70, is_time)
    lines = [line for line in rendered(output) if line]
    assert lines[-1] == "interrupted: 1 of 2 done, 1 to go; the same command resumes"
    assert status == 130


def test_an_experiment_that_waits_for_the_machine_says_for_whom(workplace: Workplace) -> None:
    workplace.study({"value": [1]}, measure="exclusive")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdin
        assert holder.stdout.readline() == "held\n"
        process = workplace.start(*RECORDS_ONLY)
        assert process.stdout
        line = next(line for line in process.stdout if "waiting" in line)
        holder.stdin.write("\n")
    assert re.fullmatch(
        rf"1 stage waiting for the machine: process {holder.pid} has it since \d\d:\d\d, experiment size=1 of other",
        line.rstrip(),
    )
    assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("quiet", [[], ["--quiet", "all"], ["-n"]])
def test_an_error_of_snakemake_is_shown(workplace: Workplace, quiet: list[str]) -> None:
    workplace.study({"value": [1]})
    output = workplace.run("no-such-rule", *quiet, status=1)
    assert output.count("error: MissingRuleException: No rule to produce no-such-rule") == 1
    assert "would run" not in output


def test_verbose_prints_what_snakemake_says(workplace: Workplace) -> None:
    workplace.study({"value": [1]})
    output = workplace.run(*RECORDS_ONLY, "--verbose")
    assert "Building DAG of jobs..." in output
    assert output.count("1 of 1 experiment to run") == 1
    assert output.count("[1/1] value=1") == 1
    assert output.count("sweep: 1 of 1 done") == 1
