"""The arithmetic follows from what the machine can do, never from how fast it was a moment ago."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudmask.model import precision
from cloudmask.model.precision import BFLOAT16, FLOAT16, FLOAT32, choose, for_gpus, for_processor, processor_flags

pytestmark = pytest.mark.usefixtures("tensorflow")
CPUINFO = "processor\t: 0\nflags\t\t: fpu sse {}\nbugs\t\t: amx_bf16_is_no_bug\n"
FLAGS = [
    ("avx2", FLOAT32, "processor without amx_bf16 and avx512_bf16"),
    ("avx2 amx_bf16", BFLOAT16, "processor with amx_bf16"),
    ("avx512_bf16", BFLOAT16, "processor with avx512_bf16"),
    ("avx512_bf16 amx_bf16", BFLOAT16, "processor with amx_bf16"),
]


@pytest.mark.parametrize(("flags", "policy", "reason"), FLAGS)
def test_bfloat16_needs_instructions(tmp_path: Path, flags: str, policy: str, reason: str) -> None:
    (tmp_path / "cpuinfo").write_text(CPUINFO.format(flags))
    found = for_processor(processor_flags(tmp_path / "cpuinfo"))
    assert (found.policy, found.reason) == (policy, reason)


def test_a_system_without_that_file_computes_in_float32(tmp_path: Path) -> None:
    assert for_processor(processor_flags(tmp_path / "none")).policy == FLOAT32


@pytest.mark.parametrize(
    ("capabilities", "policy"),
    [([(9, 0)], BFLOAT16), ([(8, 0), (9, 0)], BFLOAT16), ([(9, 0), (7, 5)], FLOAT16), ([(6, 1)], FLOAT32)],
)
def test_the_weakest_gpu_decides(capabilities: list[tuple[int, int]], policy: str) -> None:
    assert for_gpus(capabilities).policy == policy


@pytest.mark.parametrize("wish", [FLOAT32, BFLOAT16, FLOAT16])
def test_a_wish_is_followed(wish: str) -> None:
    assert choose(wish).policy == wish


@pytest.mark.parametrize(("flags", "policy", "reason"), FLAGS)
def test_auto_looks_at_the_processor_where_there_is_no_gpu(
    monkeypatch: pytest.MonkeyPatch, flags: str, policy: str, reason: str
) -> None:
    monkeypatch.setattr(precision, "processor_flags", lambda: set(flags.split()))
    monkeypatch.setattr(precision.tf.config, "list_physical_devices", lambda _kind: [])
    assert choose("auto") == precision.Precision(policy, reason)
