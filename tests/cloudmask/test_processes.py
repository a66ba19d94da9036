"""Trainings in processes of their own: killed and taken up again, on several devices, in several processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.e2e
TRAINER = Path(__file__).with_name("trainer.py")
# A sum over two devices adds up in another order, which 20 steps of Adam make this much of.
TOLERANCES = {"float32": 1e-6, "float64": 1e-13}


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def start(stack: ExitStack, folder: Path, options: dict[str, Any], **environment: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    arguments = [str(TRAINER), str(folder), json.dumps({"precision": "float32", **options})]
    return python(stack, arguments, folder, {"TF_CPP_MIN_LOG_LEVEL": "3"} | environment)


def python(
    stack: ExitStack, arguments: Sequence[str], folder: Path, environment: dict[str, str]
) -> subprocess.Popen[str]:
    """Start Python in a folder; it is killed at the end, if it still runs then."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(TRAINER.parents[2])} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process


def finish(process: subprocess.Popen[str], status: int = 0) -> str:
    out, error = process.communicate(timeout=300)
    assert process.returncode == status, error
    return out


def weights(folder: Path, index: int = 0) -> list[np.ndarray]:
    with np.load(folder / f"weights-{index}.npz") as file:
        return [file[name] for name in file.files]


def history(folder: Path, index: int = 0) -> list[dict[str, float]]:
    found: list[dict[str, float]] = json.loads((folder / f"history-{index}.json").read_text())
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folders of trainings in one process that nobody has disturbed."""
    root = tmp_path_factory.mktemp("undisturbed")
    with ExitStack() as stack:
        for name in TOLERANCES:
            finish(start(stack, root / name, {"precision": name}))
    return {name: root / name for name in TOLERANCES}


def wait_for(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout
    assert any(text.startswith(line) for text in process.stdout)


@pytest.mark.parametrize(
    ("minutes", "resumed"), [pytest.param(10, "2 epochs", marks=pytest.mark.long), (1e-9, "2 epochs and 1 steps")]
)
def test_a_training_killed_within_an_epoch_ends_as_if_it_had_not_been(
    undisturbed: dict[str, Path], tmp_path: Path, processes: ExitStack, minutes: float, resumed: str
) -> None:
    options = {"checkpoint_minutes": minutes, "pause": 1}
    process = start(processes, tmp_path, options)
    wait_for(process, "epoch 2")
    for _ in range(2):
        wait_for(process, "step")
    time.sleep(0.5)  # within the second step
    os.kill(process.pid, signal.SIGKILL)
    finish(process, -signal.SIGKILL)
    assert not (tmp_path / "weights-0.npz").exists()
    finish(start(processes, tmp_path, options | {"pause": 0}))
    assert json.loads((tmp_path / "about-0.json").read_text())["resumed_after"] == resumed
    assert history(tmp_path) == history(undisturbed["float32"])
    assert all(map(np.array_equal, weights(tmp_path), weights(undisturbed["float32"])))


def ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in sockets]


def start_both(stack: ExitStack, folder: Path, options: dict[str, Any]) -> list[subprocess.Popen[str]]:
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports(2)]}
    configs = [{"cluster": cluster, "task": {"type": "worker", "index": index}} for index in range(2)]
    return [start(stack, folder, options, TF_CONFIG=json.dumps(config)) for config in configs]


def assert_alike(ours: Path, theirs: Path, tolerance: float, index: int = 0) -> None:
    for one, other in zip(weights(ours, index), weights(theirs), strict=True):
        assert one == pytest.approx(other, abs=tolerance, rel=0)
    for epoch, expected in zip(history(ours, index), history(theirs), strict=True):
        assert epoch == pytest.approx(expected, abs=10 * tolerance)


@pytest.mark.long
def test_a_process_that_is_lost_ends_the_others_with_one_line(tmp_path: Path, processes: ExitStack) -> None:
    chief, other = start_both(processes, tmp_path, {"pause": 0.3, "epochs": 50})
    wait_for(other, "epoch 1")
    other.kill()
    _, error = chief.communicate(timeout=120)
    assert chief.returncode == 1
    assert "another process of the training was lost; a new attempt continues" in error.splitlines()[-1]
    assert "Traceback" not in error


@pytest.mark.long
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_two_processes_give_the_weights_of_one(
    undisturbed: dict[str, Path], tmp_path: Path, processes: ExitStack, precision: str
) -> None:
    for process in start_both(processes, tmp_path, {"precision": precision}):
        finish(process)
    for index in range(2):
        assert_alike(tmp_path, undisturbed[precision], TOLERANCES[precision], index)
    assert all(map(np.array_equal, weights(tmp_path, 0), weights(tmp_path, 1)))
    about = json.loads((tmp_path / "about-0.json").read_text())
    assert (about["devices"], about["processes"]) == (2, 2)


@pytest.mark.long
def test_two_processes_that_sigterm_reaches_end_together_and_go_on_together(
    undisturbed: dict[str, Path], tmp_path: Path, processes: ExitStack
) -> None:
    both = start_both(processes, tmp_path, {"pause": 0.2, "precision": "float64"})
    wait_for(both[1], "epoch 1")
    os.kill(both[1].pid, signal.SIGTERM)  # it reaches one first, or one alone
    for process in both:
        finish(process, 143)
    for process in start_both(processes, tmp_path, {"precision": "float64"}):
        finish(process)
    assert "epochs" in json.loads((tmp_path / "about-1.json").read_text())["resumed_after"]
    assert_alike(tmp_path, undisturbed["float64"], TOLERANCES["float64"])


def test_two_devices_give_the_weights_of_one(
    undisturbed: dict[str, Path], tmp_path: Path, processes: ExitStack
) -> None:
    finish(start(processes, tmp_path, {"devices": 2, "precision": "float64"}))
    assert_alike(tmp_path, undisturbed["float64"], TOLERANCES["float64"])


@pytest.mark.long
def test_two_devices_learn_in_float16(tmp_path: Path, processes: ExitStack) -> None:
    finish(start(processes, tmp_path, {"devices": 2, "precision": "mixed_float16"}))
    losses = [epoch["val_loss"] for epoch in history(tmp_path)]
    assert losses[-1] < losses[0]


CONFIG = {
    "scenes_train": 3,
    "scenes_test": 2,
    "rows": 64,
    "columns": 72,
    "patch": 32,
    "epochs": 25,
    "batch": 4,
    "width": 2,
    "depth": 2,
    "precision": "float32",
}


def command(stack: ExitStack, verb: str, folder: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(json.dumps(CONFIG))
    return python(stack, ["-m", "cloudmask", verb, "--config", "config.yaml", *options], folder, environment)


def outputs(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.long
def test_an_attempt_takes_over_from_a_killed_one_and_several_processes_write_one_result(
    tmp_path: Path, processes: ExitStack
) -> None:
    stages = ["--scenes", str(tmp_path / "scenes"), "--store", str(tmp_path / "store")]
    finish(command(processes, "scenes", tmp_path / "scenes"))
    finish(command(processes, "store", tmp_path / "store", *stages[:2]))
    whole, first, second, team = (tmp_path / name for name in ("whole/1", "killed/1", "killed/2", "team/1"))
    finish(command(processes, "train", whole, *stages))

    killed = command(processes, "train", first, *stages)
    wait_for(killed, '# fairmesh status=running progress=9 msg="epoch 3 of 25"')
    killed.kill()
    killed.wait()
    assert (first / "checkpoints/last.npz").exists()
    said = finish(command(processes, "train", second, *stages))
    assert f"continuing from {first / 'checkpoints/last.npz'} with " in said
    assert json.loads((second / "metrics.json").read_text()) == json.loads((whole / "metrics.json").read_text())
    assert outputs(second) == outputs(whole)
    assert not list(tmp_path.rglob("checkpoints"))
    histories = [
        [line.rsplit(",", 1)[0] for line in (folder / "history.csv").read_text().splitlines()]
        for folder in (whole, second)
    ]
    assert histories[0] == histories[1]

    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports(2)]}
    both = [
        command(
            processes,
            "train",
            team,
            *stages,
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}),
        )
        for index in range(2)
    ]
    chief, other = (finish(process) for process in both)
    assert "2 devices in 2 processes share each batch" in chief
    assert not other
    assert outputs(team) == outputs(whole)
    assert json.loads((team / "training.json").read_text())["processes"] == 2
