"""Runs in the background: they outlive the terminal, and every later command finds them."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import subprocess
import sys
import termios

import pytest

from fairmesh.api import Run
from tests.e2e.workplace import RECORDS_ONLY, Workplace
from tests.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.e2e

DETACH = ("run", "--detach", *(f"--snakemake={argument}" for argument in RECORDS_ONLY))
STARTED = re.compile(
    r"run ([0-9a-f-]{36}) of sweep is in the background; `fairmesh status sweep` shows it, with --watch until its end, "
    r"`fairmesh cancel --all --study sweep` stops it"
)


def detach(workplace: Workplace, *arguments: str) -> Run:
    """Start a run in the background, and return it."""
    said = workplace.fairmesh(*DETACH, *arguments)
    found = STARTED.fullmatch(said.strip())
    assert found, said
    return Run.of("sweep", found[1], workplace.folder)


def test_a_run_continues_when_its_terminal_is_closed(workplace: Workplace) -> None:
    workplace.study({"behaviour": ["good", "hang"]})
    terminal, inside = pty.openpty()
    command = f"{sys.executable} -m fairmesh.cli {' '.join(DETACH)}; echo; echo ready; sleep 600"
    shell = subprocess.Popen(
        ["bash", "-c", command],
        cwd=workplace.folder,
        env=workplace.environment,
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509  no other thread is here
    )
    os.close(inside)
    said = b""
    while b"ready" not in said:
        said += os.read(terminal, 4096)
    assert STARTED.search(said.decode().replace("\r\n", "")), said
    os.close(terminal)
    assert shell.wait(PATIENCE) in {-signal.SIGHUP, 128 + signal.SIGHUP}
    run = Run.of("sweep", folder=workplace.folder)
    wait_until(lambda: run.status().counts["done"] == run.status().counts["running"] == 1, "one done and one running")
    assert run.state == "running"
    refused = workplace.fairmesh("run", status=1)
    assert "study sweep is being run by process " in refused
    assert f", run {run.uuid[:8]} in the background; `fairmesh status sweep` shows it" in refused
    again = workplace.fairmesh(*DETACH, status=1)
    assert again.startswith(f"study sweep is being run: run {run.uuid[:8]} goes on as process ")
    assert f"run {run.uuid[:8]}" in workplace.fairmesh("status", "sweep")
    workplace.fairmesh("cancel", "--all", "--study", "sweep")
    assert run.wait(PATIENCE).counts["cancelled"] == 1
    assert workplace.experiments_started() == {"behaviour=good": 1, "behaviour=hang": 1}


def test_a_run_that_cannot_begin_says_why_at_once(workplace: Workplace) -> None:
    workplace.study({"value": [1]}, unknown=3)
    said = workplace.fairmesh(*DETACH, status=2)
    assert "unknown" in said
    assert "in the background" not in said


@pytest.mark.parametrize("option", ["--dry-run", "--print-command"])
def test_what_starts_nothing_cannot_be_detached(workplace: Workplace, option: str) -> None:
    workplace.study({"value": [1]})
    said = workplace.fairmesh("run", "--detach", option, status=2)
    assert said == f"--detach: {option} starts no run, so that there is nothing to detach\n"


def test_a_run_in_the_background_waits_for_another_one(workplace: Workplace) -> None:
    workplace.study({"behaviour": ["hang"]})
    first = detach(workplace)
    second = detach(workplace, "--wait")
    assert first.uuid != second.uuid
    wait_until(lambda: first.status().counts["running"] == 1, "the running experiment")
    first.cancel()
    wait_until(lambda: second.state == "running", "the second run")
    wait_until(lambda: second.status().counts["running"] == 1, "the experiment again")
    second.cancel()
    second.wait(PATIENCE)
