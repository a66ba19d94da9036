"""The stage `scenes`: make synthetic scenes in the benchmark's schema, or list real ones."""

from __future__ import annotations

import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import numpy as np

from cloudmask import __version__
from cloudmask.catalogue import FILE, Catalogue, Entry, Part, scan, tolerated
from cloudmask.errors import CloudmaskError, InputError
from cloudmask.hdf5 import scene_shape, write_arrays
from cloudmask.parallel import allowed_cpus
from cloudmask.progress import report, say
from cloudmask.settings import Settings
from cloudmask.synthesis import synthesise

_FIRST: dict[Part, datetime] = {
    "training": datetime(2018, 9, 1, 0, 7, tzinfo=UTC),
    "inference": datetime(2019, 10, 1, 0, 7, tzinfo=UTC),
}
_ORBITS_A_CYCLE = 385
_FRAME = timedelta(seconds=179)


@dataclass(frozen=True)
class Order:
    """A scene to make."""

    part: Part
    index: int
    shape: tuple[int, int]
    seed: int

    @property
    def day(self) -> bool:
        """Return whether it is a day scene: three in five are, whatever the number of scenes."""
        return self.index % 5 not in (1, 3)

    @property
    def name(self) -> str:
        """Return the file name in the product's convention.

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
        """Where it goes, in the benchmark's folders."""
        return f"{self.part}/{'day' if self.day else 'night'}/{self.name}"


def make_scene(order: Order, folder: Path) -> Entry:
    """Make one scene and, beside the benchmark's folders, its hidden truth."""
    rng = np.random.default_rng([order.seed, 0 if order.part == "training" else 1, order.index])
    benchmark, hidden = synthesise(rng, order.shape, order.day)
    write_arrays(folder / order.path, benchmark)
    write_arrays(folder / "truth" / order.part / order.name, hidden, compress=True)
    return Entry(order.path, (folder / order.path).stat().st_size, order.part)


def _leave_signals_to_the_parent() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _make_all(settings: Settings, folder: Path) -> Catalogue:
    """Make all scenes; what else lies in the folder is none of theirs."""
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
    """Open every scene, without reading its pixels: what is truncated or foreign is named now, not after hours.

    Parameters
    ----------
    damaged : str
        ``refuse`` or ``skip``, as in `tolerated`.

    Raises
    ------
    CloudmaskError
        If a scene is damaged and the parameter says refuse, or no scene of a part is left.
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
