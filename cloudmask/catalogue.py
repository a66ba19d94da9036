"""Which scenes there are: scenes.json, written by the stage `scenes`, read by all that follows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from cloudmask.errors import CloudmaskError, EmptySceneError, InputError, SceneError
from cloudmask.files import read_json, write_json
from cloudmask.progress import say

FILE = "scenes.json"
FORMAT = 2
Part = Literal["training", "inference"]
# The published set has had two names for each folder.
FOLDERS: dict[Part, tuple[str, str]] = {"training": ("training", "one-day"), "inference": ("inference", "ssts")}
SATELLITES = ("S3A", "S3B")


@dataclass(frozen=True)
class Entry:
    """A scene: its path relative to the catalogue's folder, its size, and what it is for."""

    path: str
    bytes: int
    part: Part


@dataclass(frozen=True)
class Catalogue:
    """The scenes in a folder, in the order of their names.

    Attributes
    ----------
    made : dict
        What synthetic scenes were made with, as their names do not tell it; empty for real ones.
    """

    folder: Path
    entries: tuple[Entry, ...]
    made: dict[str, Any] = field(default_factory=dict)

    def files(self, part: Part) -> list[Path]:
        """Return the paths of one part, at least one, in the order of the file names."""
        return [self.folder / entry.path for entry in self.entries if entry.part == part]

    def write(self, path: Path) -> None:
        """Write the catalogue; a folder that holds the file itself is written as ``.``, so that both can move."""
        here = self.folder.resolve() == path.parent.resolve()
        folder = "." if here else str(self.folder.resolve())
        scenes = [asdict(entry) for entry in self.entries]
        write_json(path, {"format": FORMAT, "folder": folder, "made": self.made, "scenes": scenes})


def _entries(folder: Path, part: Part) -> list[Entry]:
    seen = set[tuple[int, int]]()
    files = [file for name in FOLDERS[part] for file in _scenes(folder / name, seen)]
    files.sort(key=lambda file: (file.name, file.as_posix()))
    if not files:
        names = " or ".join(f"{name}/" for name in FOLDERS[part])
        raise InputError(f"{folder}: no scene (S3A*.hdf, S3B*.hdf) in {names}")
    return [Entry(file.relative_to(folder).as_posix(), _size(file), part) for file in files]


def _scenes(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """Yield the scenes below a folder, behind symbolic links too; each folder once, so that no circle is endless."""
    try:
        if not folder.is_dir() or (place := _place(folder)) in seen:
            return
        seen.add(place)
        for path in sorted(folder.iterdir()):
            if path.is_dir():
                yield from _scenes(path, seen)
            elif path.suffix == ".hdf" and path.name.startswith(SATELLITES):
                yield path
    except OSError as error:
        raise InputError(f"data: {folder}: cannot be listed: {error.strerror}") from None


def _place(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise InputError(f"data: {file}: {error.strerror}") from None


def scan(folder: Path) -> Catalogue:
    """List the scenes in ``training`` (or ``one-day``) and ``inference`` (or ``ssts``), sub-folders included.

    Raises
    ------
    InputError
        If there is no such folder, one below it cannot be listed, one of the two parts has no scene, or a scene is
        there twice: it would be learned from and judged by, or counted double.
    """
    if not folder.is_dir():
        raise InputError(f"data: {folder}: no such folder")
    entries = _entries(folder, "training") + _entries(folder, "inference")
    paths: dict[str, str] = {}
    for entry in entries:
        if (other := paths.setdefault(Path(entry.path).name, entry.path)) != entry.path:
            raise InputError(f"data: {folder}: the same scene is there twice, as {other} and {entry.path}")
    return Catalogue(folder, tuple(entries))


def read_catalogue(folder: Path) -> Catalogue:
    """Read the catalogue that the stage `scenes` left in its folder.

    Raises
    ------
    InputError
        If there is none.
    CloudmaskError
        If it is no catalogue.
    """
    path = folder / FILE
    content = read_json(path)
    try:
        entries = tuple(Entry(**entry) for entry in content["scenes"])
        return Catalogue(folder / content["folder"], entries, dict(content["made"]))
    except (KeyError, TypeError, ValueError):
        raise CloudmaskError(f"{path}: not a catalogue of scenes") from None


@contextmanager
def tolerated(damaged: str) -> Iterator[None]:
    """Name a scene that cannot be used and leave it out: one of fill always, a damaged one if the parameter says skip.

    Parameters
    ----------
    damaged : str
        The parameter: ``refuse`` or ``skip``.
    """
    try:
        yield
    except EmptySceneError as error:
        say(f"left out: {error}")
    except SceneError as error:
        if damaged != "skip":
            raise
        say(f"left out: {error}")
