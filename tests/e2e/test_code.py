"""Code counts: results of other code are named, or measured again, and a person can measure again."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.e2e.workplace import RECORDS_ONLY, Workplace, kill
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e
TWO = {"value=1": 1, "value=2": 1}


@pytest.fixture
def finished(workplace: Workplace) -> Workplace:
    """Return a workplace whose study of two experiments is done, the starts forgotten."""
    workplace.study({"value": [1, 2]})
    workplace.run(*RECORDS_ONLY)
    workplace.forget_starts()
    return workplace


def edit_code(workplace: Workplace) -> None:
    """Change what the program computes."""
    workplace.edit("toy/toy.py", "total * float(value) + noise", "total * float(value) + noise + 1")


def history(workplace: Workplace, identity: str) -> list[int]:
    """Return the attempts of the earlier results of an experiment."""
    paths = sorted((workplace.results / "sweep/history/local" / identity).glob("*.json"))
    return [json.loads(path.read_text())["attempt"] for path in paths]


def test_results_of_other_code_are_named_everywhere_and_kept(finished: Workplace) -> None:
    edit_code(finished)
    said = "2 results were measured with other code"
    plan = finished.fairmesh("plan", "./study.yaml")
    assert "2 experiments of sweep on local; 0 would run" in plan
    assert f"{said}; `on_code_change: rerun` in the study measures them again" in plan
    output = finished.run()
    assert output.count(said) == 2, "before and after the run"
    assert not finished.starts()
    assert said in finished.fairmesh("results", "sweep")
    assert said in (finished.folder / "site/public/studies/sweep/index.html").read_text()
    assert said in json.dumps(json.loads((finished.results / "sweep/ro-crate-metadata.json").read_text()))

    finished.study({"value": [1, 2, 3]})
    finished.run()
    assert finished.experiments_started() == {"value=3": 1}
    assert "3 results were measured" in finished.fairmesh("results", "sweep"), "the new one used a stage of other code"


def test_a_study_can_rerun_what_other_code_measured(finished: Workplace) -> None:
    before = finished.record("value=2")["metrics"]["score"]["value"]
    finished.study({"value": [1, 2]}, on_code_change="rerun")
    finished.run(*RECORDS_ONLY)
    assert not finished.starts()
    edit_code(finished)
    assert finished.fairmesh("plan", "./study.yaml").count("measured with other code") == 2
    assert "--force" not in finished.run(*RECORDS_ONLY, "-n")
    assert finished.record("value=2")["metrics"]["score"]["value"] == before
    finished.run(*RECORDS_ONLY)
    stage = {job: count for job, count in finished.starts().items() if job.startswith("numbers-")}
    assert (finished.experiments_started(), list(stage.values())) == (TWO, [1])
    assert finished.record("value=2")["metrics"]["score"]["value"] == pytest.approx(before + 1)
    assert history(finished, "value=2") == [1]
    assert (finished.job("value=2") / "attempts/1/metrics.json").exists()
    finished.forget_starts()
    finished.run(*RECORDS_ONLY)
    assert not finished.starts()


def test_again_measures_the_selection_anew_each_time(finished: Workplace) -> None:
    again = (*RECORDS_ONLY, "--config", "again=true", "where=value == 2")
    for count in (1, 2):
        finished.run(*again)
        assert finished.starts() == {"value=2": count}, "the shared stage stays"
    assert (history(finished, "value=2"), finished.record("value=2")["attempt"]) == ([1, 2], 3)
    finished.run(*RECORDS_ONLY)
    assert finished.starts() == {"value=2": 2}


@pytest.mark.parametrize("how", ["again", *(pytest.param(how, marks=pytest.mark.long) for how in ("rerun", "forced"))])
def test_after_a_change_of_the_code_shared_stages_are_made_anew_first(finished: Workplace, how: str) -> None:
    edit_code(finished)
    if how == "rerun":
        finished.study({"value": [1, 2]}, on_code_change="rerun")
    arguments = {"again": ("--config", "again=true"), "rerun": (), "forced": ("--forcerun", "experiment")}[how]
    said = finished.run(*RECORDS_ONLY, *arguments)
    assert "stage numbers, for 2 experiments: made again, since the code has changed" in said
    starts = list(finished.starts())
    assert (starts[0].startswith("numbers-"), finished.experiments_started()) == (True, TWO)
    for identity in TWO:
        record = finished.record(identity)
        assert record["provenance"]["inputs"][0]["code"] == record["application"]["code"]
        assert history(finished, identity) == [1]
    assert "other code" not in finished.fairmesh("results", "sweep")
    finished.forget_starts()
    finished.run(*RECORDS_ONLY)
    assert not finished.starts()


@pytest.mark.parametrize("policy", ["warn", "rerun"])
def test_old_results_stay_if_a_shared_stage_fails(finished: Workplace, policy: str) -> None:
    before = {identity: finished.record_file(identity).read_text() for identity in TWO}
    finished.edit("toy/toy.py", '"""Write the shared stage\'s file."""', 'raise SystemExit("toy: no stage")')
    if policy == "rerun":
        finished.study({"value": [1, 2]}, on_code_change="rerun")
    said = finished.run(*RECORDS_ONLY, *(("--config", "again=true") if policy == "warn" else ()), status=1)
    assert "2 experiments did not begin to run again; the earlier results still count" in said
    assert "stage numbers   failed: exit code 1" in said
    assert "toy: no stage" in said
    assert {identity: finished.record_file(identity).read_text() for identity in TWO} == before
    assert not finished.experiments_started()
    assert not (finished.results / "sweep/history").exists() or not history(finished, "value=1")
    finished.forget_starts()
    finished.study({"value": [1, 2]}, on_code_change="warn")
    finished.run(*RECORDS_ONLY)
    assert not finished.starts()
    finished.edit("toy/toy.py", 'raise SystemExit("toy: no stage")', "")
    finished.run(*RECORDS_ONLY, "--config", "again=true")
    assert finished.experiments_started() == TWO


def test_a_dry_run_of_again_changes_nothing(finished: Workplace) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.results.rglob("*.json")}
    assert "value=2" in finished.run(*RECORDS_ONLY, "-n", "--config", "again=true")
    assert {path: path.stat().st_mtime_ns for path in finished.results.rglob("*.json")} == before


def test_after_a_kill_a_plain_run_finishes_what_again_began(workplace: Workplace) -> None:
    workplace.study({"value": [1, 2, 3], "seconds": [2]})
    workplace.run(*RECORDS_ONLY)
    workplace.forget_starts()
    process = workplace.start(*RECORDS_ONLY, "--cores", "1", "--config", "again=true")
    wait_until(workplace.experiments_started, "the first experiment runs")
    kill(process)
    workplace.run(*RECORDS_ONLY)
    assert set(workplace.experiments_started().values()) == {1}
    assert len(workplace.experiments_started()) == 3
    assert len(workplace.recorded()) == 3
    workplace.run(*RECORDS_ONLY)
    assert sum(workplace.experiments_started().values()) == 3


def test_a_result_without_a_job_folder_becomes_history_too(finished: Workplace) -> None:
    shutil.rmtree(finished.job("value=1"))
    finished.run(*RECORDS_ONLY, "--config", "again=true", "first=1")
    assert finished.starts() == {"value=1": 1}
    assert history(finished, "value=1") == [1]
