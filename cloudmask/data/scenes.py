"""The stage `scenes`: make synthetic scenes or list real ones in scenes.json, the input of the later stages."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from cloudmask import __version__
from cloudmask.console import report, say
from cloudmask.data.hdf5 import scene_shape, write_arrays
from cloudmask.data.synthesis import synthesize
from cloudmask.errors import CloudmaskError, EmptySceneError, InputError, SceneError
from cloudmask.files import read_json, write_json
from cloudmask.machine import allowed_cpus
from cloudmask.settings import Settings

FILE = "scenes.json"
FORMAT = 2
Part = Literal["training", "inference"]
# Releases of the published data set name the folders differently.
FOLDERS: dict[Part, tuple[str, str]] = {"training": ("training", "one-day"), "inference": ("inference", "ssts")}
SATELLITES = ("S3A", "S3B")


@dataclass(frozen=True)
class Entry:
    """A scene: its path relative to the catalogue's folder, its size and its part."""

    path: str
    bytes: int
    part: Part


@dataclass(frozen=True)
class Catalogue:
    """The scenes in a folder, in the order of their names.

    Attributes
    ----------
    made : dict
        Parameters of synthetic scenes, which their names do not contain; empty for real scenes.
    """

    folder: Path
    entries: tuple[Entry, ...]
    made: dict[str, Any] = field(default_factory=dict)

    def files(self, part: Part) -> list[Path]:
        """Return the paths of one part, sorted by file name."""
        return [self.folder / entry.path for entry in self.entries if entry.part == part]

    def write(self, path: Path) -> None:
        """Write the catalogue; if the file is in the same folder, the folder is ``.``, so that it can be moved."""
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
    """Yield the scenes below a folder, following symbolic links; each folder is visited once."""
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
    status = folder.stat()
    return status.st_dev, status.st_ino


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
        If the folder does not exist or cannot be listed, a part has no scene, or a scene occurs twice, so that it would
        be used for both training and inference or counted twice.
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
    """Read the catalogue written by the stage `scenes`.

    Raises
    ------
    InputError
        If it does not exist.
    CloudmaskError
        If the file is not a catalogue.
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
    """Skip and report a scene without valid pixels and, if the parameter is ``skip``, a damaged scene.

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


_FIRST: dict[Part, datetime] = {
    "training": datetime(2018, 9, 1, 0, 7, tzinfo=UTC),
    "inference": datetime(2019, 10, 1, 0, 7, tzinfo=UTC),
}
_ORBITS_A_CYCLE = 385
_FRAME = timedelta(seconds=179)


@dataclass(frozen=True)
class Order:
    """A synthetic scene to make."""

    part: Part
    index: int
    shape: tuple[int, int]
    seed: int

    @property
    def day(self) -> bool:
        """Whether it is a day scene, as three in five scenes are."""
        return self.index % 5 not in (1, 3)

    @property
    def name(self) -> str:
        """The file name in the product's naming convention.

        >>> Order("inference", 0, (1200, 1500), 1).name
        'S3A_SL_1_RBT____20191001T000700_20191001T000959_20191002T043200_0179_040_001_0000_LN2_O_NT_003.hdf'
        """
        start = _FIRST[self.part] + self.index * timedelta(minutes=607)
        times = [start, start + _FRAME, start + timedelta(hours=28, minutes=25)]
        stamps = "_".join(f"{time:%Y%m%dT%H%M%S}" for time in times)
        cycle, orbit = divmod(self.index, _ORBITS_A_CYCLE)
        frame = 180 * (self.index % 20)
        return (
            f"S3A_SL_1_RBT____{stamps}_{_FRAME.seconds:04}_{40 + cycle:03}_{orbit + 1:03}_{frame:04}_LN2_O_NT_003.hdf"
        )

    @property
    def path(self) -> str:
        """The path in the benchmark's folders."""
        return f"{self.part}/{'day' if self.day else 'night'}/{self.name}"


def make_scene(order: Order, folder: Path) -> Entry:
    """Make one scene and its hidden truth in the folder ``truth``."""
    rng = np.random.default_rng([order.seed, 0 if order.part == "training" else 1, order.index])
    benchmark, hidden = synthesize(rng, order.shape, order.day)
    write_arrays(folder / order.path, benchmark)
    write_arrays(folder / "truth" / order.part / order.name, hidden, compress=True)
    return Entry(order.path, (folder / order.path).stat().st_size, order.part)


def _leave_signals_to_the_parent() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _make_all(settings: Settings, folder: Path) -> Catalogue:
    """Make all scenes; other files in the folder are ignored."""
    shape = settings.rows, settings.columns
    counts: dict[Part, int] = {"training": settings.scenes_train, "inference": settings.scenes_test}
    orders = [Order(part, index, shape, settings.data_seed) for part, count in counts.items() for index in range(count)]
    workers = min(allowed_cpus(), len(orders))
    with ProcessPoolExecutor(workers, initializer=_leave_signals_to_the_parent) as pool:
        try:
            tasks = [pool.submit(make_scene, order, folder) for order in orders]
            for done, task in enumerate(as_completed(tasks), start=1):
                say(f"made {Path(task.result().path).name}")
                report(100 * done / len(orders), f"scene {done} of {len(orders)}")
        except BrokenProcessPool:
            raise CloudmaskError("a worker process was killed, perhaps for want of memory") from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    made = {name: getattr(settings, name) for name in ("data_seed", "rows", "columns")} | {"version": __version__}
    return Catalogue(folder, tuple(task.result() for task in tasks), made)


def sound(catalogue: Catalogue, damaged: str) -> Catalogue:
    """Open every scene without reading its pixels, so that damaged scenes are reported early.

    Parameters
    ----------
    damaged : str
        ``refuse`` or ``skip``, as in `tolerated`.

    Raises
    ------
    CloudmaskError
        If a scene is damaged and the parameter is ``refuse``, or no scene of a part is usable.
    """
    good = []
    for entry in catalogue.entries:
        with tolerated(damaged):
            scene_shape(catalogue.folder / entry.path)
            good.append(entry)
    for part in get_args(Part):
        if not any(entry.part == part for entry in good):
            raise CloudmaskError(f"{catalogue.folder}: no scene for {part} can be used")
    return replace(catalogue, entries=tuple(good))


def run(settings: Settings) -> None:
    """Write scenes.json and, unless `data` names a folder of real scenes, synthetic scenes into the current folder.

    Raises
    ------
    InputError
        If `data` is not the absolute path of a folder with scenes for training and inference.
    CloudmaskError
        If a worker process was killed, the disk is full, or a real scene is damaged (see `sound`).
    """
    here = Path.cwd()
    folder = Path(settings.data).expanduser() if settings.data else here
    if not folder.is_absolute():
        raise InputError(f"data: {settings.data!r} must be an absolute path: each stage runs in a folder of its own")
    catalogue = sound(scan(folder), settings.damaged) if settings.data else _make_all(settings, here)
    catalogue.write(here / FILE)
    say(f"{len(catalogue.entries)} scenes in {folder}")
