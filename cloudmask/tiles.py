"""Where a whole scene is cut for the network: the margin that keeps the benchmark's pooling phase, and exact tiles.

Numbers are pixels. A pooling halves the image, so a network of `depth` levels sees a scene in cells of 2**depth pixels;
where the cells begin is the phase.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cloudmask.errors import CloudmaskError

# The benchmark's inference covers a scene with patches of 256 pixels that overlap by 80 (TensorFlow's padding "SAME").
PATCH, STRIDE = 256, 176
CONVOLUTIONS = 2  # a level of the U-Net has two of 3 x 3
# Peak of a pass by pixel and filter of the first level, measured on 1200 x 1504 pixels: 14 at width 32, 23 at width 8.
BYTES = 24

Margin = tuple[int, int]
Window = tuple[slice, slice]


def margin(size: int, depth: int) -> Margin:
    """Return the zeros to add before and after an axis, so that pooling cells lie as in the benchmark's own patches.

    The benchmark pads an axis of n pixels to hold k = ceil(n / 176) patches: (k - 1) x 176 + 256 - n zeros, the smaller
    half of them first. What lies farther out than one cell is left off: at the edge it changes at most the pixels
    within the network's reach of it, and inside nothing.

    >>> margin(1500, depth=3), margin(1200, depth=3)
    ((2, 2), (0, 0))
    """
    cell = 1 << depth
    before = benchmark_margin(size)[0] % cell
    return before, -(size + before) % cell


def benchmark_margin(size: int) -> Margin:
    """Return all the zeros that the benchmark's patches add before and after an axis.

    >>> benchmark_margin(1500), benchmark_margin(1200)
    ((82, 82), (56, 56))
    """
    total = max((-(-size // STRIDE) - 1) * STRIDE + PATCH - size, 0)
    return total // 2, total - total // 2


def reach(depth: int) -> int:
    """Return how far a pixel of the U-Net's output looks, 6 x 2**depth - 2 for two levels and more.

    Two convolutions see two pixels more on each side; upsampling by repetition halves the reach, rounded up, on the
    way down to the deepest level, and pooling doubles it on the way back.

    >>> [reach(depth) for depth in (1, 2, 3, 4)]
    [8, 22, 46, 94]
    """
    seen = 0
    for _ in range(depth):
        seen = (seen + CONVOLUTIONS + 1) // 2
    seen += CONVOLUTIONS
    for _ in range(depth):
        seen = 2 * seen + CONVOLUTIONS
    return seen


def halo(depth: int) -> int:
    """Return the smallest overlap that is exact: the reach in whole pooling cells.

    >>> halo(3)
    48
    """
    cell = 1 << depth
    return -(-reach(depth) // cell) * cell


@dataclass(frozen=True)
class Tile:
    """A part of a padded scene.

    Attributes
    ----------
    seen : tuple of slice
        What the network looks at: the tile and its halo, less what lies beyond the scene, where the network's own
        convolutions put zeros.
    kept : tuple of slice
        What of the network's output is exact, relative to `seen`.
    target : tuple of slice
        Where that belongs in the padded scene.
    """

    seen: Window
    kept: Window
    target: Window


def tiles(shape: tuple[int, int], side: int, depth: int) -> Iterator[Tile]:
    """Cut a padded scene, rows and columns multiples of 2**depth, into tiles of at most `side` pixels a side.

    >>> [tile.seen[1] for tile in tiles((8, 200), 80, depth=3)]
    [slice(0, 128, None), slice(32, 200, None), slice(112, 200, None)]
    """
    for rows in _spans(shape[0], side, halo(depth)):
        for columns in _spans(shape[1], side, halo(depth)):
            yield Tile(*zip(rows, columns, strict=True))


def _spans(size: int, side: int, around: int) -> Iterator[tuple[slice, slice, slice]]:
    for start in range(0, size, side):
        stop = min(start + side, size)
        first, last = max(start - around, 0), min(stop + around, size)
        yield slice(first, last), slice(start - first, stop - first), slice(start, stop)


def largest_tile(shape: tuple[int, int], width: int, depth: int, memory: int) -> int:
    """Return the side of the largest tile whose pass fits in half of the memory; 0 if the whole scene does.

    Parameters
    ----------
    width : int
        Filters of the network's first level.
    memory : int
        Bytes that may be had.

    Raises
    ------
    CloudmaskError
        If not even the smallest tile fits.
    """
    pixels = memory // 2 // (BYTES * width)
    if shape[0] * shape[1] <= pixels:
        return 0
    cell = 1 << depth
    side = (int(pixels**0.5) - 2 * halo(depth)) // cell * cell
    if side < cell:
        smallest = (cell + 2 * halo(depth)) ** 2 * BYTES * width * 2 >> 20
        raise CloudmaskError(
            f"too little memory for inference: {memory >> 20} MB are free, and a network of width {width} and depth "
            f"{depth} needs {smallest} MB for its smallest tile"
        )
    return side


def free_memory() -> int:
    """Return the bytes that this process may still use, of the machine and of its control group.

    Linux alone tells; elsewhere the answer is a terabyte, and `tile` is for a person to set.
    """
    found = [1 << 40, *_meminfo(), *_control_group()]
    return max(min(found), 0)


def _meminfo(path: Path = Path("/proc/meminfo")) -> list[int]:
    try:
        lines = dict(line.split(":", 1) for line in path.read_text().splitlines())
        return [int(lines["MemAvailable"].split()[0]) << 10]
    except (OSError, KeyError, ValueError):
        return []


def _control_group(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> list[int]:
    """Return what is left below the limits of version 2, of the process's own group and of all above it."""
    try:
        name = next(line for line in own.read_text().splitlines() if line.startswith("0::"))[3:].lstrip("/")
    except (OSError, StopIteration):
        return []
    folder, left = root / name, []
    for group in (folder, *folder.parents):
        if root not in (group, *group.parents):
            break
        try:
            limit, used = (int((group / f"memory.{what}").read_text()) for what in ("max", "current"))
        except (OSError, ValueError):  # none of that name, or "max"
            continue
        left.append(limit - used + _reclaimable(group))
    return left


def _reclaimable(group: Path) -> int:
    """Return the bytes of files in the group's cache, which count as used and are given back when needed."""
    try:
        lines = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return int(lines["inactive_file"])
    except (OSError, KeyError, ValueError):
        return 0
