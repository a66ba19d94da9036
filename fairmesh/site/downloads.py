"""Files that a page offers, copied under names without meaning to a browser or a shell."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

LARGEST = 5 << 20  # bytes; larger files stay in the results folder


@dataclass(frozen=True)
class Download:
    """A file beside a page: its link, its original name, its size in bytes."""

    href: str
    name: str
    size: int


def copy_files(
    root: Path, sources: Iterable[Path], target: Path, below: str = "", largest: int = LARGEST
) -> Iterator[Download]:
    """Copy the files that exist, really lie below ``root`` and are not too large.

    Parameters
    ----------
    root : Path
        Links that lead out of this folder are not followed.
    sources : iterable of Path
        The files; missing ones are left out.
    target : Path
        The folder of the page.
    below : str
        The subfolder for the copies.
    largest : int
        Bytes; larger files are left out.
    """
    used: set[str] = set()
    for source in sources:
        if not is_inside(root, source):
            continue
        if (size := source.stat().st_size) > largest:
            continue
        name = _unused(_safe_name(source.name), used)
        (target / below).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target / below / name)
        yield Download(f"{below}/{name}" if below else name, source.name, size)


def is_inside(root: Path, source: Path) -> bool:
    """Return whether a path is a file that really lies below a folder."""
    return source.is_file() and source.resolve().is_relative_to(root.resolve())


def _safe_name(name: str) -> str:
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip(".")
    # Of an ending that a server does not know, a browser may guess that it is HTML.
    return f"{safe}.txt" if safe.endswith(".log") else safe


def _unused(name: str, used: set[str]) -> str:
    number, unused = 1, name
    while unused in used:
        number += 1
        unused = f"{number}-{name}"
    used.add(unused)
    return unused
