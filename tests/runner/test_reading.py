"""What the runner reads from programs and from the system."""

from __future__ import annotations

import json
import math
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmesh.runner import commit, energy, owner, processes
from fairmesh.runner.machine_lock import MachineLock
from fairmesh.runner.output import Output
from fairmesh.runner.status import Status


@pytest.fixture
def status(tmp_path: Path) -> Status:
    return Status(str(tmp_path / "status.json"), 1, owner.me())


@pytest.mark.parametrize(
    ("text", "progress", "message"),
    [
        ('# fairmesh status=running progress=37 msg="epoch 3 of 8"', 37, "epoch 3 of 8"),
        ("# cloudmesh status=running progress=12.5 msg=short", 12, "short"),
        ("# fairmesh progress=250", 100, ""),
        ("# fairmesh progress=-5", 0, ""),
        ("# fairmesh progress=1\n# fairmesh progress=2", 2, ""),
        ("fairmesh progress=9", 0, ""),
    ],
)
def test_progress_lines(status: Status, text: str, progress: int, message: str) -> None:
    status.read_progress(text)
    assert (status.values["progress"], status.values["message"]) == (progress, message)


@given(st.text())
def test_no_output_of_a_program_breaks_the_status(text: str) -> None:
    status = Status("unused", 1, owner.me())
    status.read_progress(f"# fairmesh {text}")
    assert 0 <= status.values["progress"] <= 100


def test_a_growing_log_is_read_by_whole_lines(status: Status, tmp_path: Path) -> None:
    output = Output(str(tmp_path), status)
    log = tmp_path / "job.log"
    log.write_text("# fairmesh progress=1")
    output.read_new()
    assert status.values["progress"] == 0
    event = ':::MLLOG {"time_ms": 1, "key": "loss", "value": 2, "metadata": {}}\n'
    log.write_text(f"# fairmesh progress=10\n{event}plain\n")
    output.read_new()
    assert status.values["progress"] == 10
    assert (tmp_path / "events.mllog").read_text() == event


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=commit.LONGEST), st.floats() | st.integers(-(2**60), 2**60), min_size=1
    )
)
def test_metrics_are_finite_numbers_or_refused(metrics: dict[str, float]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "metrics.json").write_text(json.dumps(metrics))
        if all(math.isfinite(value) for value in metrics.values()):
            read = commit.read_metrics(folder)
            assert {name: value["value"] for name, value in read.items()} == metrics
        else:
            with pytest.raises(commit.Refused, match="not a finite number"):
                commit.read_metrics(folder)


@pytest.mark.parametrize(
    ("file", "content", "why"),
    [
        (
            "metrics.json",
            {f"m{number}": 1 for number in range(1001)},
            "metrics.json holds 1001 metrics, more than 1000",
        ),
        ("metrics.json", {"m" * 201: 1}, "a name of 201 characters, more than 200"),
        ("baselines.json", {f"b{number}": {"m": 1} for number in range(1001)}, "baselines.json holds 1001 metrics"),
        ("baselines.json", {"b" * 201: {"m": 1}}, "a name of 201 characters"),
    ],
)
def test_metrics_are_bounded_in_number_and_length(tmp_path: Path, file: str, content: object, why: str) -> None:
    (tmp_path / file).write_text(json.dumps(content))
    read = commit.read_metrics if file == "metrics.json" else commit.read_baselines
    with pytest.raises(commit.Refused, match=why):
        read(str(tmp_path))


def test_this_process_is_alive_and_its_past_is_not() -> None:
    assert owner.is_alive(owner.me()) is True
    assert owner.is_alive(owner.me() | {"start": "0"}) is False
    assert owner.is_alive(owner.me() | {"boot": "another"}) is False
    assert owner.is_alive(owner.me() | {"host": "faraway"}) is None
    assert owner.is_alive(owner.me() | {"pid_namespace": "pid:[1]"}) is None


def test_a_process_is_measured_with_its_children() -> None:
    sample = processes.sample(owner.me()["pid"])
    assert sample.cpu_s > 0
    assert sample.resident_bytes > 1 << 20


@given(st.text())
def test_io_counters_of_any_text(text: str) -> None:
    assert processes.io_counters(f"read_bytes: 5\n{text}")["read_bytes"] >= 0


def test_exclusive_means_alone_and_shared_means_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("fairmesh.runner.machine_lock.FOLDER", str(tmp_path))
    first, second, alone = MachineLock(exclusive=False), MachineLock(exclusive=False), MachineLock(exclusive=True)
    assert first.try_take()
    assert second.try_take()
    assert not alone.try_take()


def test_a_link_in_place_of_the_machines_lock_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("fairmesh.runner.machine_lock.FOLDER", str(tmp_path))
    (tmp_path / f"fairmesh-{os.getuid()}.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        MachineLock(exclusive=True).try_take()


class _Gpus:
    all: tuple[()] = ()


def _rapl(folder: Path, microjoules: int) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "energy_uj").write_text(str(microjoules))
    (folder / "max_energy_range_uj").write_text("1000000000")


@pytest.mark.parametrize(
    ("before", "after", "joules"), [(5_000_000, 12_000_000, 7.0), (999_000_000, 1_000_000, 2.0)], ids=["plain", "wraps"]
)
@pytest.mark.parametrize(("exclusive", "method"), [(True, "measured"), (False, "shared")])
def test_energy_is_the_difference_of_the_hardwares_counters(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: int,
    after: int,
    joules: float,
    exclusive: bool,
    method: str,
) -> None:
    monkeypatch.setattr(energy, "RAPL", str(tmp_path / "intel-rapl:*"))
    _rapl(tmp_path / "intel-rapl:0", before)
    _rapl(tmp_path / "intel-rapl:0:0", 1)  # a part of the package, which must not count twice
    meter = energy.EnergyMeter(_Gpus(), exclusive)  # type: ignore[arg-type]
    _rapl(tmp_path / "intel-rapl:0", after)
    assert meter.read() == (joules, method)


def test_without_counters_no_energy_is_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "RAPL", str(tmp_path / "none:*"))
    assert energy.EnergyMeter(_Gpus(), exclusive=True).read() == (None, "unavailable")  # type: ignore[arg-type]
