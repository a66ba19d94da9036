"""What runs again after which change: only what the change touches."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from tests.e2e.workplace import RECORDS_ONLY, Workplace

pytestmark = pytest.mark.e2e


@pytest.fixture
def finished(workplace: Workplace) -> Workplace:
    """Return a workplace whose study is done, the starts forgotten."""
    workplace.study({"value": [1, 2]}, repeat=2)
    workplace.run(*RECORDS_ONLY)
    assert set(workplace.experiments_started().values()) == {1}
    assert len(workplace.recorded()) == 4
    workplace.forget_starts()
    return workplace


def test_a_study_becomes_a_website_and_then_there_is_nothing_to_do(workplace: Workplace) -> None:
    workplace.study({"value": [1, 2]}, repeat=2, title="Four sums")
    output = workplace.run()
    assert "website: site/public/index.html" in output
    assert "Four sums" in (workplace.folder / "site/public/studies/sweep/index.html").read_text()
    assert len((workplace.results / "sweep/results.csv").read_text().splitlines()) == 1 + 4
    assert json.loads((workplace.results / "sweep/published.json").read_text())["done"] == 4
    assert "experiments have results" in workplace.run()
    assert sum(workplace.starts().values()) == 4 + 1

    workplace.study({"value": [1, 2]}, repeat=2, title="The same four sums")
    workplace.run()
    assert "The same four sums" in (workplace.folder / "site/public/studies/sweep/index.html").read_text()
    assert sum(workplace.starts().values()) == 4 + 1, "a changed title starts nothing"


@pytest.mark.long
def test_events_name_what_ran(workplace: Workplace) -> None:
    workplace.study({"value": [1]})
    workplace.run(*RECORDS_ONLY, "--quiet", "all")
    (run,) = (workplace.results / "sweep/runs").iterdir()
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    of_experiment = [event["event"] for event in events if event["id"] == "value=1" and event["machine"] == "local"]
    assert of_experiment == ["submitted", "finished"]
    about = json.loads((run / "run.json").read_text())
    assert (about["uuid"], about["exit_code"]) == (run.name, 0)
    assert workplace.record("value=1")["run"] == run.name


def test_a_value_added_to_an_axis_starts_only_the_new_experiments(finished: Workplace) -> None:
    finished.study({"value": [0, 1, 2]}, repeat=2)
    finished.run(*RECORDS_ONLY)
    assert finished.starts() == {"value=0+repeat=1": 1, "value=0+repeat=2": 1}


@pytest.mark.long
def test_a_deleted_experiment_alone_starts_again(finished: Workplace) -> None:
    before = finished.record("value=2+repeat=1")["metrics"]
    shutil.rmtree(finished.job("value=2+repeat=1"))
    finished.record_file("value=2+repeat=1").unlink()
    finished.run(*RECORDS_ONLY)
    assert finished.starts() == {"value=2+repeat=1": 1}
    assert finished.record("value=2+repeat=1")["metrics"] == before


def test_a_deleted_record_is_restored_and_nothing_starts(finished: Workplace) -> None:
    text = finished.record_file("value=2+repeat=1").read_text()
    finished.record_file("value=2+repeat=1").unlink()
    finished.run(*RECORDS_ONLY)
    assert finished.record_file("value=2+repeat=1").read_text() == text
    assert not finished.starts()


@pytest.mark.long
def test_deleted_stages_of_a_finished_study_are_not_built_again(finished: Workplace) -> None:
    shutil.rmtree(finished.results / "stages")
    finished.run(*RECORDS_ONLY)
    assert not finished.starts()
    finished.study({"value": [0, 1, 2]}, repeat=2)
    finished.run(*RECORDS_ONLY)
    stages = [job for job in finished.starts() if job.startswith("numbers-")]
    assert len(stages) == 1, "a new experiment needs the stage"
    assert finished.experiments_started() == {"value=0+repeat=1": 1, "value=0+repeat=2": 1}


@pytest.mark.parametrize("traces", [True, False], ids=["after-a-run", "records-copied-from-elsewhere"])
def test_a_changed_default_starts_all_that_it_touches(finished: Workplace, traces: bool) -> None:
    if not traces:
        shutil.rmtree(finished.folder / ".snakemake")
    finished.edit(
        "toy/application.yaml", "seconds: {type: number, default: 0,", "seconds: {type: number, default: 0.01,"
    )
    finished.run(*RECORDS_ONLY)
    assert set(finished.starts().values()) == {1}
    assert len(finished.starts()) == 4, "the experiments, not the stage, which does not use the parameter"
    finished.forget_starts()
    finished.run(*RECORDS_ONLY)
    assert not finished.starts()


def test_resources_and_a_value_removed_start_nothing(finished: Workplace) -> None:
    finished.study({"value": [1]}, repeat=2)
    with (finished.folder / "toy/application.yaml").open("a") as file:
        file.write("resources: {mem_mb: 100, runtime: 5}\n")
    finished.run(*RECORDS_ONLY)
    assert not finished.starts()


def test_a_forced_run_starts_each_experiment_once_more(finished: Workplace) -> None:
    finished.run(*RECORDS_ONLY, "--forcerun", "experiment")
    assert len(finished.starts()) == 4
    assert set(finished.starts().values()) == {1}
    assert finished.record("value=1+repeat=1")["attempt"] == 2


def test_a_copied_job_folder_gives_the_same_metrics(finished: Workplace) -> None:
    elsewhere = finished.folder / "elsewhere"
    shutil.copytree(finished.results / "stages", elsewhere / "stages")
    shutil.copy(finished.results / "runner.pyz", elsewhere)
    job = finished.job("value=2+repeat=2")
    (elsewhere / "any name").mkdir()
    for name in ("config.yaml", "job.sh", "experiment.json"):
        shutil.copy(job / name, elsewhere / "any name")
    subprocess.run(["bash", elsewhere / "any name" / "job.sh"], check=True)
    commit = json.loads((elsewhere / "any name" / "commit.json").read_text())
    assert commit["metrics"] == finished.record("value=2+repeat=2")["metrics"]
