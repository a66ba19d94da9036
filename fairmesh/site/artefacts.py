"""Files of an experiment that its page offers: copied under names that mean nothing to a browser or a shell."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

LARGEST = 5 << 20  # bytes; what is larger stays in the results folder


@dataclass(frozen=True)
class Download:
    """A file beside a page: its link, its name as the program gave it, its size in bytes."""

    href: str
    name: str
    size: int


def publish(
    root: Path, sources: Iterable[Path], target: Path, below: str = "", largest: int = LARGEST
) -> Iterator[Download]:
    """Copy those files that there are, that really lie below ``root`` and are not too large.

    Parameters
    ----------
    root : Path
        A link that leads out of this folder is not followed.
    sources : iterable of Path
        The files, as far as they exist.
    target : Path
        The folder of the page.
    below : str
        A folder in it for the copies.
    largest : int
        Bytes; what is larger is left out.
    """
    used: set[str] = set()
    for source in sources:
        if not lies_in(root, source):
            continue
        if (size := source.stat().st_size) > largest:
            continue
        name = _unused(_plain(source.name), used)
        (target / below).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target / below / name)
        yield Download(f"{below}/{name}" if below else name, source.name, size)


def lies_in(root: Path, source: Path) -> bool:
    """Return whether there is a file, and it really lies below a folder."""
    return source.is_file() and source.resolve().is_relative_to(root.resolve())


def _plain(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip(".")
    # A server that does not know the ending may let a browser guess, and a browser may guess HTML.
    return f"{plain}.txt" if plain.endswith(".log") else plain


def _unused(name: str, used: set[str]) -> str:
    number, found = 1, name
    while found in used:
        number += 1
        found = f"{number}-{name}"
    used.add(found)
    return found
