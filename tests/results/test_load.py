"""Which results count, and what is said of a point that has none."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from fairmesh.errors import FairmeshError
from fairmesh.names import experiment_key
from fairmesh.results import Outcome, load_study
from tests.results.builder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "results")


def outcomes(folder: Folder) -> list[Outcome]:
    return load_study(folder.results, folder.study).experiments


def test_a_record_of_the_planned_fingerprint_is_a_result(folder: Folder) -> None:
    folder.finish(folder.add(epochs=2), {"accuracy": {"value": 0.9, "low": 0.8, "high": None}, "loss": 1})
    (found,) = outcomes(folder)
    assert (found.state, found.reason, found.seconds) == ("done", "", 90.0)
    assert found.metrics["accuracy"].low == 0.8
    assert found.metrics["loss"].value == 1
    assert found.attempt == found.folder / "attempts" / "1"


def test_a_record_of_something_else_is_no_result(folder: Folder) -> None:
    point = folder.add(epochs=2)
    folder.finish({**point, "fingerprint": "0" * 64}, {"accuracy": 0.9})
    assert [(found.state, found.record) for found in outcomes(folder)] == [("waiting", None)]


def test_a_point_counts_on_every_machine_that_has_its_record(folder: Folder) -> None:
    point = folder.add(epochs=2)
    folder.add(epochs=4)
    folder.finish(point, {"accuracy": 0.9}, machine="dgx", key="abcdef012345")
    folder.finish({**point, "fingerprint": "0" * 64}, {"accuracy": 0.1}, machine="old")
    found = [(outcome.machine, outcome.axes["epochs"], outcome.state) for outcome in outcomes(folder)]
    assert found == [("local", 2, "waiting"), ("dgx", 2, "done"), ("local", 4, "waiting")]


def test_a_point_planned_on_several_machines_is_listed_once_on_each(folder: Folder) -> None:
    for machine in ("local", "dgx"):
        folder.finish(folder.add(machine=machine, epochs=2), {"accuracy": 0.9})
    assert [outcome.machine for outcome in outcomes(folder)] == ["local", "dgx"]


def test_what_the_study_no_longer_names_is_not_listed(folder: Folder) -> None:
    folder.finish(folder.add(epochs=2), {"accuracy": 0.9})
    folder.points.clear()
    folder.add(epochs=4)
    assert [outcome.axes for outcome in outcomes(folder)] == [{"epochs": 4}]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"state": "failed", "reason": "exit code 3"}, ("failed", "exit code 3")),
        ({"state": "done"}, ("waiting", "its result is gone; the next run makes it anew")),
        ({"state": "running"}, ("lost", "its runner was killed")),
        ({"state": "<script>"}, ("lost", "its runner was killed")),
    ],
)
def test_a_point_without_a_record_has_the_state_of_its_last_attempt(
    folder: Folder, status: dict[str, Any], expected: tuple[str, str]
) -> None:
    point = folder.add(epochs=2)
    folder.start(point, "cancelled", number=9, reason="not the last")
    folder.start(point, number=10, **status)
    (found,) = outcomes(folder)
    assert (found.state, found.reason) == expected


def test_an_attempt_at_another_fingerprint_says_nothing(folder: Folder) -> None:
    folder.start({**folder.add(epochs=2), "fingerprint": "0" * 64}, "failed", reason="old")
    assert outcomes(folder)[0].state == "waiting"


def test_a_point_that_was_not_selected_says_so(folder: Folder) -> None:
    folder.add(epochs=2)["selected"] = False
    folder.write_plan()
    assert outcomes(folder)[0].reason == "not selected in the last run"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"fingerprint": null}'])
def test_a_broken_record_is_named_and_the_others_count(folder: Folder, text: str) -> None:
    first, second = folder.add(epochs=2), folder.add(epochs=4)
    folder.finish(second, {"accuracy": 0.9})
    folder.finish(first, {"accuracy": 0.9})
    record = folder.folder / "records" / "local" / f"{first['id']}.json"
    record.write_text(text.replace("null", json.dumps(first["fingerprint"])))
    broken, good = outcomes(folder)
    assert broken.state in {"failed", "waiting"}
    assert broken.reason
    assert good.state == "done"


@pytest.mark.parametrize(
    "wrong",
    [
        {"metrics": {"accuracy": float("nan")}},
        {"metrics": {"accuracy": {"value": 0.9, "low": "x"}}},
        {"metrics": {"accuracy": True}},
        {"metrics": [0.9]},
        {"baselines": {"threshold": {"accuracy": "high"}}},
        {"usage": {"energy_j": "a lot"}},
        {"seconds": "long"},
        {"attempt": "../../.."},
    ],
)
def test_a_record_that_is_not_what_it_seems_does_not_count(folder: Folder, wrong: dict[str, Any]) -> None:
    attempt = folder.finish(folder.add(epochs=2), {"accuracy": 0.9})
    record = folder.folder / "records" / "local" / f"{attempt.parents[1].name}.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | wrong))
    (found,) = outcomes(folder)
    assert found.state == "failed"
    assert found.reason.startswith("its record cannot be read: ")


def test_a_page_is_not_called_as_a_record_says(folder: Folder) -> None:
    folder.finish(folder.add(epochs=2), {"accuracy": 0.9}, machine="dgx", key="../../../index")
    assert [found.key for found in outcomes(folder)] == [
        experiment_key("quick", machine, "epochs=2") for machine in ("local", "dgx")
    ]


def test_a_record_whose_folder_is_gone_stays_valid(folder: Folder) -> None:
    attempt = folder.finish(folder.add(epochs=2), {"accuracy": 0.9})
    attempt.rename(folder.results / "elsewhere")
    (found,) = outcomes(folder)
    assert found.state == "done"
    assert found.log_tail() == []


def test_the_end_of_a_log_reads_as_on_a_terminal(folder: Folder) -> None:
    attempt = folder.start(folder.add(epochs=2), "failed")
    (attempt / "job.log").write_bytes(b"one\n\x1b[31m10%\r20%\x1b[0m\n\nlast \xff\n")
    assert outcomes(folder)[0].log_tail(2) == ["20%", "last \N{REPLACEMENT CHARACTER}"]


def test_a_log_that_is_a_link_is_not_read(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (folder.start(folder.add(epochs=2), "failed") / "job.log").symlink_to(tmp_path / "secret")
    assert outcomes(folder)[0].log_tail() == []


def test_metrics_come_as_declared_and_then_what_only_the_records_know(folder: Folder) -> None:
    folder.finish(folder.add(epochs=2), {"zeal": 1.0, "accuracy": 0.9, "bias": 2.0})
    study = load_study(folder.results, folder.study)
    assert [metric.name for metric in study.metrics] == ["accuracy", "training_time", "bias", "zeal"]
    assert study.primary is study.metrics[0]


def test_the_environment_of_a_record_is_found(folder: Folder) -> None:
    folder.finish(folder.add(epochs=2), {"accuracy": 0.9})
    folder.finish(folder.add(epochs=4), {"accuracy": 0.9}, environment="../../../etc/passwd")
    study = load_study(folder.results, folder.study)
    known, unknown = map(study.environment, study.experiments)
    assert known["python"]["version"] == "3.11.7"
    assert unknown == {}


@pytest.mark.parametrize("text", [None, "{", "{}", "[]"])
def test_without_a_plan_the_error_names_the_file(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "quick").mkdir()
        (tmp_path / "quick" / "plan.json").write_text(text)
    with pytest.raises(FairmeshError, match=r"quick/plan\.json"):
        load_study(tmp_path, "quick")


def test_importing_results_does_not_import_pandas() -> None:
    code = "import sys, fairmesh.results; sys.exit('pandas' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0
