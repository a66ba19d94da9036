"""Energy from counters that wrap, restart and vanish; the counters are files and objects of the test."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairmesh.runner import telemetry

RANGE = 262_143_328_850  # microjoules, as processors of Intel have it


class Host:
    """A host with one processor package and one GPU, whose clock the test moves."""

    def __init__(self, folder: Path) -> None:
        self.package = folder / "intel-rapl:0"
        self.seconds = 0.0
        self.gpu: float | None = None

    @property
    def gpus(self) -> Any:
        """What the meter asks for GPUs."""
        cards = [SimpleNamespace(number=0)] if self.gpu is not None else []
        return SimpleNamespace(all=cards, energy=lambda _gpu: self.gpu)

    def show(self, microjoules: int, name: str = "package-0", folder: Path | None = None) -> None:
        """Write a value."""
        folder = folder or self.package
        if not folder.exists():
            folder.mkdir()
            (folder / "name").write_text(f"{name}\n")
            (folder / "max_energy_range_uj").write_text(f"{RANGE}\n")
        (folder / "energy_uj").write_text(f"{microjoules}\n")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path)
    monkeypatch.setattr(telemetry, "RAPL", str(tmp_path / "intel-rapl:*"))
    monkeypatch.setattr(telemetry, "monotonic", lambda: host.seconds)
    return host


@pytest.mark.parametrize(("exclusive", "method"), [(True, "measured"), (False, "shared")])
def test_three_hours_at_200_w_are_2160000_j(host: Host, exclusive: bool, method: str) -> None:
    start = RANGE - 5_000_000
    host.show(start)
    meter = telemetry.EnergyMeter(host.gpus, exclusive)
    for second in range(30, 3 * 3600 + 1, 30):
        host.seconds = second
        host.show((start + 200_000_000 * second) % RANGE)
        meter.sample()
    assert meter.read() == (2_160_000.0, method)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(
    start=st.integers(0, RANGE - 1), steps=st.lists(st.tuples(st.floats(0.1, 60), st.integers(0, 1000)), max_size=20)
)
def test_what_is_added_up_is_what_was_used(host: Host, start: int, steps: list[tuple[float, int]]) -> None:
    host.show(start)
    meter = telemetry.EnergyMeter(host.gpus, exclusive=True)
    used = 0
    for seconds, watts in steps:
        host.seconds += seconds
        used += int(seconds * watts * 1e6)
        host.show((start + used) % RANGE)
        meter.sample()
    assert meter.read() == (pytest.approx(used / 1e6, abs=0.001), "measured")


def test_parts_of_a_package_and_the_whole_computer_do_not_count_twice(host: Host, tmp_path: Path) -> None:
    folders = {"package-0": host.package, "core": tmp_path / "intel-rapl:0:0", "psys": tmp_path / "intel-rapl:1"}
    for name, folder in folders.items():
        host.show(0, name, folder)
    meter = telemetry.EnergyMeter(host.gpus, exclusive=True)
    for name, folder in folders.items():
        host.show(7_000_000, name, folder)
    assert meter.read() == (7.0, "measured")


def test_packages_and_gpus_are_added(host: Host) -> None:
    host.show(0)
    host.gpu = 1000.0
    meter = telemetry.EnergyMeter(host.gpus, exclusive=True)
    host.show(100_000_000)
    host.gpu = 1250.5
    assert meter.read() == (350.5, "measured")


@pytest.mark.parametrize(
    ("shown", "joules"),
    [
        ([1050.0, 30.0, 80.0], 130.0),  # the driver was loaded again: what it counted since then is known
        ([1050.0, None, 1150.0], 150.0),  # not read once, but nothing is lost
        ([1050.0, None, None], 50.0),
        ([1050.0, 9e12, 9e12 + 20], 70.0),
        ([None, None, None], None),
    ],
    ids=["restarts", "is away for a moment", "vanishes", "jumps", "vanishes at once"],
)
def test_a_counter_that_cannot_be_followed_makes_a_lower_bound(
    host: Host, shown: list[float | None], joules: float | None
) -> None:
    host.gpu = 1000.0
    gpus = host.gpus
    meter = telemetry.EnergyMeter(gpus, exclusive=True)
    for host.gpu in shown:
        host.seconds += 1
        meter.sample()
    method = "unavailable" if joules is None else "measured" if joules == 150.0 else "estimated"
    assert meter.read() == (joules, method)


def test_a_package_whose_counter_is_gone_in_the_end_is_not_measured(host: Host) -> None:
    host.show(0)
    meter = telemetry.EnergyMeter(host.gpus, exclusive=True)
    host.show(40_000_000)
    meter.sample()
    shutil.rmtree(host.package)
    assert meter.read() == (40.0, "estimated")


def test_a_counter_that_may_have_wrapped_unseen_is_not_measured(host: Host) -> None:
    host.show(0)
    meter = telemetry.EnergyMeter(host.gpus, exclusive=True)
    host.seconds = 600.0
    host.show(5_000_000)
    assert meter.read() == (5.0, "estimated")


def test_without_counters_no_energy_is_claimed(host: Host) -> None:
    assert telemetry.EnergyMeter(host.gpus, exclusive=True).read() == (None, "unavailable")
