"""The commands as the framework starts them, and what a person reads when one cannot run."""

from __future__ import annotations

import csv
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cloudmask.__main__ import main
from cloudmask.experiment import infer

CONFIG = """\
scenes_train: 3
scenes_test: 2
rows: 64
columns: 72
patch: 32
epochs: 2
batch: 4
width: 2
"""
PROGRESS = re.compile(r'# fairmesh status=running progress=(\d+) msg="[^"]+"')


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["scenes", "--config", "none.yaml"], "none.yaml: No such file"),
        (["scenes", "--config", "relative.yaml"], "data: 'scenes' must be an absolute path"),
        (["scenes", "--config", "away.yaml"], "data: /no/scenes: no such folder"),
        (["store", "--config", "config.yaml", "--scenes", "none"], "none/scenes.json: no such file"),
    ],
)
def test_wrong_input_ends_with_one_line_and_status_2(
    config: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config.with_name("relative.yaml").write_text("data: scenes\n")
    config.with_name("away.yaml").write_text("data: /no/scenes\n")
    before = sorted(config.parent.iterdir())
    assert main(arguments) == 2
    written = capsys.readouterr()
    assert written.err.count("\n") == 1
    assert written.err.startswith(f"cloudmask: {said}")
    assert sorted(config.parent.iterdir()) == before


@pytest.mark.parametrize("arguments", [[], ["sing"], ["scenes"], ["train", "--config", "c.yaml", "--scenes", "s"]])
def test_a_wrong_command_line_ends_with_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_a_folder_that_cannot_be_written_is_told(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (config.parent / "training").write_text("a file where the folder should be")
    monkeypatch.setattr("cloudmask.data.scenes.allowed_cpus", lambda: 1)
    assert main(["scenes", "--config", str(config)]) == 1
    assert capsys.readouterr().err.startswith("cloudmask: ")


Start = Callable[..., list[str]]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Start]:
    """Return a folder and a function that runs a verb in a folder of it and gives the lines it wrote."""
    root = tmp_path_factory.mktemp("cloudmask")

    def run(verb: str, name: str, *options: str, extra: str = "") -> list[str]:
        folder = root / name
        folder.mkdir()
        (folder / "config.yaml").write_text(CONFIG + extra)
        command = [sys.executable, "-m", "cloudmask", verb, "--config", "config.yaml", *options]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    return root, run


@pytest.mark.e2e
def test_a_scene_becomes_a_score(start: tuple[Path, Start]) -> None:
    root, run = start
    stages = ["--scenes", "../scenes", "--store", "../store"]
    run("scenes", "scenes")
    run("store", "store", *stages[:2])
    run("baselines", "baselines", *stages)
    lines = run("train", "train", *stages, "--baselines", "../baselines", extra="save_masks: masks\ntile: 48\n")
    run("train", "again", *stages)
    progress = [int(found[1]) for line in lines if (found := PROGRESS.fullmatch(line))]
    assert progress == sorted(progress)
    assert progress[-1] == 100
    metrics = json.loads((root / "train/metrics.json").read_text())
    assert {"accuracy", "benchmark_accuracy", "truth_accuracy", "val_accuracy"} <= metrics.keys()
    assert all(math.isfinite(number) for score in metrics.values() for number in score.values())
    assert metrics["accuracy"]["low"] <= metrics["accuracy"]["value"] <= metrics["accuracy"]["high"]
    gain = metrics.pop("gain_over_boosting")
    again = json.loads((root / "again/metrics.json").read_text())
    assert metrics.keys() == again.keys()
    for name, score in again.items():
        assert metrics[name] == pytest.approx(score, abs=2e-3), name  # tiles may move a probability by a bin
    assert json.loads((root / "again/baselines.json").read_text()) == {}
    baselines = json.loads((root / "train/baselines.json").read_text())
    assert baselines == json.loads((root / "baselines/methods.json").read_text())["scores"]
    assert gain["value"] == pytest.approx(metrics["accuracy"]["value"] - baselines["boosting"]["accuracy"])
    with (root / "train/tables/scenes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    expected = {"accuracy": metrics["accuracy"]["value"], "threshold_accuracy": baselines["threshold"]["accuracy"]}
    for column, value in expected.items():
        assert sum(float(row[column]) for row in rows) / len(rows) == pytest.approx(value, abs=1e-6)
    assert len(list((root / "train/masks").iterdir())) == 2
    assert {path.name for path in (root / "train/tables").iterdir()} == {
        *("scenes.csv", "strata.csv", "reliability.csv", "roc.csv")
    }
    held_out = sorted((root / "scenes/inference").rglob("*.hdf"))
    infer(root / "train/model.keras", held_out, root / "inferred", tile=48)
    for path in (root / "train/masks").iterdir():
        assert path.read_bytes() == (root / "inferred" / path.name).read_bytes()
    history = (root / "train/history.csv").read_text().splitlines()
    assert history[0] == "epoch,loss,accuracy,val_loss,val_accuracy,seconds"
    assert len(history) == 3
    assert {path.stem for path in (root / "train/figures").iterdir()} == {
        *("training", "reliability", "roc", "confusion", "spectrum", "scene_day", "scene_night")
    }
    assert not list(root.rglob(".*.part"))


@pytest.mark.e2e
def test_a_folder_of_real_scenes_takes_the_synthetic_ones_place(start: tuple[Path, Start]) -> None:
    root, run = start
    if not (root / "scenes").exists():
        run("scenes", "scenes")
    run("scenes", "real", extra=f"data: {root / 'scenes'}\n")
    run("store", "real-store", "--scenes", "../real")
    run("store", "synthetic-store", "--scenes", "../scenes")
    assert sorted(path.name for path in (root / "real").iterdir()) == ["config.yaml", "scenes.json"]
    for name in ("training_images.npy", "validation_labels.npy"):
        assert (root / "real-store" / name).read_bytes() == (root / "synthetic-store" / name).read_bytes()
