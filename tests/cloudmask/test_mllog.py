"""The events of a training are those that MLCommons' parser reads, once and in order."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import pytest
from mlperf_logging.compliance_checker import mlp_parser as parser

from cloudmask.errors import CloudmaskError
from cloudmask.model.mllog import Events

BEGUN = ':::MLLOG {"namespace": "", "time_ms": 5, "event_type": "INTERVAL_START", "key": "run_start", "value": null, '
BEGUN += '"metadata": {}}\n'


def log_a_training(path: Path) -> None:
    events = Events(path)
    events.data(120, 30, 16)
    events.adam(0.001)
    for epoch in (1, 2):
        for name in ("epoch", "eval"):
            events.start(name, epoch)  # type: ignore[arg-type]
            events.stop(name, epoch)  # type: ignore[arg-type]
        events.accuracy(epoch, 0.8 + epoch / 100)


def parsed(path: Path) -> list[Any]:
    lines, errors = parser.parse_file(str(path), ruleset="3.0.0")
    assert errors == []
    return list(lines)


TRAINING = [
    "global_batch_size",
    "train_samples",
    "eval_samples",
    "opt_name",
    "opt_base_learning_rate",
    "opt_adam_beta_1",
    "opt_adam_beta_2",
    "opt_adam_epsilon",
    *["epoch_start", "epoch_stop", "eval_start", "eval_stop", "eval_accuracy"] * 2,
]


def test_the_events_of_a_training_come_in_order(tmp_path: Path) -> None:
    log_a_training(tmp_path / "log")
    found = parsed(tmp_path / "log")
    assert [line.key for line in found] == TRAINING
    assert [line.value["metadata"].get("epoch_num") for line in found[-5:]] == [2] * 5
    assert found[-1].value["value"] == pytest.approx(0.82)
    assert {line.value["metadata"]["file"] for line in found} == {"cloudmask/model/mllog.py"}


def test_a_log_that_has_just_begun_is_continued(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(BEGUN)
    log_a_training(tmp_path / "log")
    assert [line.key for line in parsed(tmp_path / "log")] == ["run_start", *TRAINING]


@pytest.mark.parametrize("times", [2, 3])
def test_an_old_log_is_replaced_since_two_runs_in_one_file_count_twice(tmp_path: Path, times: int) -> None:
    for _ in range(times):
        log_a_training(tmp_path / "log")
    assert [line.key for line in parsed(tmp_path / "log")] == TRAINING


def test_epochs_of_an_earlier_attempt_are_logged_again(tmp_path: Path) -> None:
    events = Events(tmp_path / "log")
    events.repeat(1, 0.81)
    events.start("epoch", 2)
    events.stop("epoch", 2)
    keys = [line.key for line in parsed(tmp_path / "log")]
    assert keys == [
        "epoch_start",
        "epoch_stop",
        "eval_start",
        "eval_stop",
        "eval_accuracy",
        "epoch_start",
        "epoch_stop",
    ]


def test_a_log_that_cannot_be_written_ends_the_training(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, most))
    try:
        with pytest.raises(CloudmaskError, match=r"log: cannot be written: .*File too large"):
            Events(tmp_path / "log").accuracy(1, 0.9)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
    assert capfd.readouterr() == ("", "")
