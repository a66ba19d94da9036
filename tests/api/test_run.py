"""Runs from Python: futures of processes that outlive whoever started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import fairmesh
from fairmesh.api import Run, run_process
from fairmesh.errors import BusyError, FairmeshError, InputError
from fairmesh.status import JobSelection
from tests.e2e.workplace import RECORDS_ONLY, ROOT, Workplace
from tests.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.e2e


def run_fast(**wishes: Any) -> fairmesh.Run:
    """Start a run that makes no website."""
    return fairmesh.run("./study.yaml", snakemake=RECORDS_ONLY, **wishes)


def is_running(run: fairmesh.Run, count: int = 1) -> bool:
    return run.status().counts["running"] >= count


def test_a_run_is_a_future(workplace: Workplace) -> None:
    workplace.study({"value": [1, 2]})
    study = fairmesh.Study.load("./study.yaml")
    run = study.run()
    assert run.state in {"starting", "running"}
    assert not run.done()
    assert "sweep" in run._repr_html_()
    with pytest.raises(TimeoutError, match=r"is still in progress after 0\.0"):
        run.wait(timeout=0.0)
    status = run.wait(timeout=PATIENCE)
    assert status.counts["done"] == 2
    assert not status.has_failed
    assert (run.state, run.done(), run.info().exit_code) == ("done", True, 0)
    assert fairmesh.Run.of("sweep") == fairmesh.Run.of("results/sweep", run.uuid[:8]) == study.last_run() == run
    frame = run.results()
    assert list(frame["value"]) == [1, 2]
    assert frame.attrs["units"]["score"] == "1"
    assert frame.attrs["units"]["seconds"] == "s"
    assert fairmesh.load_results("results").equals(frame)
    assert run.output()


def test_a_run_outlives_who_started_it_and_obeys_the_interrupt_key(workplace: Workplace) -> None:
    workplace.study({"behaviour": ["hang"]})
    code = "import fairmesh; print(fairmesh.run('./study.yaml').uuid)"
    ignoring = f"trap '' INT; exec {sys.executable} -c \"{code}\""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    started = subprocess.run(["bash", "-c", ignoring], env=environment, capture_output=True, text=True, check=True)
    run = fairmesh.Run.of("sweep", started.stdout.strip())
    wait_until(lambda: is_running(run), "the running experiment")
    os.killpg(run.info().pid, signal.SIGINT)  # as a terminal does: to Snakemake and to what it started
    assert run.wait(PATIENCE).counts["cancelled"] + run.status().counts["failed"] == 1
    assert (run.info().exit_code, run.state) == (1, "cancelled")
    assert run.info().cancelled.startswith("cancelled by Ctrl-C at ")


def test_cancel_retry_and_logs(workplace: Workplace) -> None:
    workplace.study({"behaviour": ["good", "hang", "exit"]})
    run = run_fast()
    wait_until(lambda: run.status().counts["failed"] == 1 and is_running(run), "one that failed and one that runs")
    assert run.logs() == {
        "behaviour=exit": ['# fairmesh status=running progress=50 msg="half way"', "toy: something went wrong"]
    }
    with pytest.raises(BusyError, match="is being run: run "):
        run_fast()
    assert run.cancel(["behaviour=hang"], who="ada") == ("behaviour=hang",)
    status = run.wait(PATIENCE)
    assert (run.state, run.info().exit_code) == ("failed", 1)
    assert status.counts["cancelled"] == status.counts["failed"] == status.counts["done"] == 1
    (cancelled,) = JobSelection(states=["cancelled"]).of(status)
    assert cancelled.reason.startswith("cancelled by ada at ")
    workplace.edit("toy/toy.py", 'behaviour == "exit"', 'behaviour == "never"')
    again = run.retry(states=["failed"])
    assert again != run
    assert again.wait(PATIENCE).counts["done"] == 2
    with pytest.raises(BusyError, match=f"run {run.uuid} of sweep is over"):
        run.cancel()
    with pytest.raises(InputError, match="nothing to retry"):
        again.retry(["behaviour=good"])


def test_a_whole_run_is_cancelled_even_before_it_has_begun(workplace: Workplace) -> None:
    workplace.study({"behaviour": ["hang"], "value": [1, 2, 3]})
    run = run_fast()
    run.cancel(who="ada")
    run.wait(PATIENCE)
    assert run.state == "cancelled"
    assert run.info().cancelled.startswith("cancelled by ada at ")


@pytest.mark.long
def test_the_same_key_gives_the_same_run_however_many_ask_at_once(workplace: Workplace) -> None:
    workplace.study({"value": [1]})
    with ThreadPoolExecutor(4) as people:
        found = {started.uuid for started in people.map(lambda _: run_fast(key="tonight"), range(4))}
    assert len(found) == 1
    with pytest.raises(InputError, match="the key was already used for another request"):
        run_fast(first=1, key="tonight")
    run = fairmesh.Run.of("sweep")
    assert {run.uuid} == found
    assert run.wait(PATIENCE).counts["done"] == 1
    assert run_fast(key="tonight") == run
    assert workplace.experiments_started() == {"value=1": 1}


def test_of_many_who_start_at_once_one_does(workplace: Workplace) -> None:
    workplace.study({"value": [1]})

    def start(_: int) -> str:
        try:
            return run_fast().uuid
        except BusyError:
            return ""

    with ThreadPoolExecutor(4) as people:
        found = [answer for answer in people.map(start, range(4)) if answer]
    assert len(found) == 1
    assert fairmesh.Run.of("sweep").wait(PATIENCE).counts["done"] == 1


def test_a_run_that_cannot_begin_says_why(workplace: Workplace) -> None:
    workplace.study({"value": [1]})
    study = fairmesh.Study.load("./study.yaml")
    workplace.edit("study.yaml", "value", "valu")
    run = Run.start(study.project, study.name, study.source, "profiles/local", {})
    with pytest.raises(FairmeshError, match=r"could not begin:\n[^$]*toy has no parameter 'valu'"):
        run.wait(PATIENCE)
    assert run.state == "failed"
    assert [process.uuid for process in run_process.runs(study.paths)] == [run.uuid]


def test_wrong_wishes_are_found_before_anything_starts(workplace: Workplace) -> None:
    workplace.study({"value": [1]})
    for wish, message in (
        ({"where": "valu > 1"}, "there is no 'valu' in sweep"),
        ({"profile": "profiles/none"}, "there is no profile"),
        ({"set": {"nothing": 1}}, "nothing"),
        ({"part": "3/2"}, "'part' must be K/N"),
    ):
        with pytest.raises(InputError, match=message):
            run_fast(**wish)
    with pytest.raises(InputError, match="study sweep has no run"):
        fairmesh.Run.of("./study.yaml")
    with pytest.raises(InputError, match="no study 'quik'"):
        fairmesh.Study.load("quik")
    assert not list(Path("results").glob("*/runs/*/*"))
