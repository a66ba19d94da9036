"""The arithmetic is chosen by what the machine can do and by a measurement."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudmask import precision
from cloudmask.precision import BFLOAT16, FLOAT16, FLOAT32, choose, for_gpus, for_processor, processor_flags

pytestmark = pytest.mark.usefixtures("tensorflow")
CPUINFO = "processor\t: 0\nflags\t\t: fpu sse {}\nbugs\t\t: amx_bf16_is_no_bug\n"


@pytest.mark.parametrize(
    ("flags", "gain", "policy"),
    [
        ("avx2", None, FLOAT32),
        ("avx2 amx_bf16", 3.7, BFLOAT16),
        ("avx512_bf16", 1.9, BFLOAT16),
        ("avx512_bf16", 1.05, FLOAT32),
        ("avx512_bf16 amx_bf16", 0.3, FLOAT32),
    ],
)
def test_bfloat16_needs_instructions_that_pay(tmp_path: Path, flags: str, gain: float | None, policy: str) -> None:
    (tmp_path / "cpuinfo").write_text(CPUINFO.format(flags))

    def measure() -> float:
        assert gain is not None, "measured without need"
        return gain

    found = for_processor(processor_flags(tmp_path / "cpuinfo"), measure)
    assert (found.policy, found.gain) == (policy, gain)
    assert (flags.rsplit(maxsplit=1)[-1] in found.reason) == (gain is not None)


def test_a_system_without_that_file_computes_in_float32(tmp_path: Path) -> None:
    assert for_processor(processor_flags(tmp_path / "none"), lambda: 9.0).policy == FLOAT32


@pytest.mark.parametrize(
    ("capabilities", "policy"),
    [([(9, 0)], BFLOAT16), ([(8, 0), (9, 0)], BFLOAT16), ([(9, 0), (7, 5)], FLOAT16), ([(6, 1)], FLOAT32)],
)
def test_the_weakest_gpu_decides(capabilities: list[tuple[int, int]], policy: str) -> None:
    assert for_gpus(capabilities).policy == policy


@pytest.mark.parametrize("wish", [FLOAT32, BFLOAT16, FLOAT16])
def test_a_wish_is_followed_without_a_measurement(wish: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "probe", lambda: pytest.fail("measured without need"))
    assert choose(wish).policy == wish


def test_the_measurement_gives_a_ratio() -> None:
    assert 0.001 < precision.probe() < 1000


def test_auto_measures_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "processor_flags", lambda: {"amx_bf16"})
    monkeypatch.setattr(precision, "probe", lambda: 3.666)
    monkeypatch.setattr(precision.tf.config, "list_physical_devices", lambda _kind: [])
    found = choose("auto")
    assert (found.policy, found.gain) == (BFLOAT16, 3.67)
