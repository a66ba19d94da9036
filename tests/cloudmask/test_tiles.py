"""Where scenes are cut: the benchmark's pooling phase, exact halos, tiles that cover all, and what memory allows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmask import machine
from cloudmask.errors import CloudmaskError
from cloudmask.model import inference
from cloudmask.model.inference import PATCH, STRIDE, benchmark_margin, halo, largest_tile, margin, reach, tiles

depths = st.integers(1, 5)


@given(st.integers(1, 5000), depths)
def test_a_margin_keeps_the_phase_of_the_benchmarks_patches(size: int, depth: int) -> None:
    before, after = margin(size, depth)
    cell = 2**depth
    assert 0 <= before < cell
    assert 0 <= after < cell
    assert (before + size + after) % cell == 0
    assert (benchmark_margin(size)[0] - before) % cell == 0


@given(st.integers(1, 5000))
def test_the_benchmarks_margins_hold_whole_patches(size: int) -> None:
    before, after = benchmark_margin(size)
    assert after - before in (0, 1)
    padded = before + size + after
    patches = -(-size // STRIDE)
    assert padded == max((patches - 1) * STRIDE + PATCH, size)


@pytest.mark.parametrize("depth", range(2, 6))
def test_the_reach_has_a_closed_form(depth: int) -> None:
    assert reach(depth) == 6 * 2**depth - 2
    assert halo(depth) == 6 * 2**depth


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 6), st.integers(1, 4))
def test_tiles_cover_a_scene_once_and_see_their_halo(rows: int, columns: int, side: int, depth: int) -> None:
    cell = 2**depth
    shape = rows * cell, columns * cell
    covered = np.zeros(shape, dtype=int)
    for tile in tiles(shape, side * cell, depth):
        covered[tile.target] += 1
        seen, target = np.zeros((2, *shape), dtype=int)
        seen[tile.seen][tile.kept] = 1
        target[tile.target] = 1
        assert np.array_equal(seen, target)
        for window, inside, size in zip(tile.seen, tile.target, shape, strict=True):
            assert window.start % cell == window.stop % cell == 0
            assert window.start == max(inside.start - halo(depth), 0)
            assert window.stop == min(inside.stop + halo(depth), size)
    assert (covered == 1).all()


@given(st.integers(4, 64), depths, st.integers(1 << 30, 1 << 36))
def test_tiles_are_as_large_as_half_of_the_memory_holds(width: int, depth: int, memory: int) -> None:
    shape = 1200, 1504
    side = largest_tile(shape, width, depth, memory)
    pixels = memory // (2 * inference.BYTES * width)
    assert (side == 0) == (shape[0] * shape[1] <= pixels)
    if side:
        assert side % 2**depth == 0
        assert (side + 2 * halo(depth)) ** 2 <= pixels < (side + 2**depth + 2 * halo(depth)) ** 2


def test_too_little_memory_is_one_clear_line() -> None:
    with pytest.raises(CloudmaskError, match=r"10 MB are free.*needs \d+ MB for its smallest tile"):
        largest_tile((1200, 1504), 32, 3, 10 << 20)


def test_free_memory_is_the_least_that_machine_and_control_groups_leave(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    4000 kB\n")
    assert machine._meminfo(tmp_path / "meminfo") == [4000 << 10]
    (tmp_path / "own").write_text("0::/jobs/step\n")
    for group, limit, used, cache in (("jobs/step", "max", 900, 0), ("jobs", "3000", 1000, 500), (".", "9000", 0, 0)):
        folder = tmp_path / "root" / group
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
        (folder / "memory.stat").write_text(f"anon 7\ninactive_file {cache}\n")
    assert machine._control_group(tmp_path / "root", tmp_path / "own") == [2500, 9000]


def test_a_system_that_tells_nothing_has_memory_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine._meminfo(tmp_path / "none") == []
    assert machine._control_group(tmp_path, tmp_path / "none") == []
    monkeypatch.setattr(machine, "_meminfo", list)
    monkeypatch.setattr(machine, "_control_group", list)
    assert machine.free_memory() == 1 << 40
    monkeypatch.setattr(machine, "_meminfo", lambda: [5 << 30])
    monkeypatch.setattr(machine, "_control_group", lambda: [3 << 30, 4 << 30])
    assert machine.free_memory() == 3 << 30
