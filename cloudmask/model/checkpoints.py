"""Checkpoints: all that a training needs to continue, in one file that appears whole or not at all.

The order of patches needs no state of its own: it follows from the seed and the epoch's number.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import time
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cloudmask import __version__
from cloudmask.console import say
from cloudmask.errors import CloudmaskError, InputError
from cloudmask.files import whole
from cloudmask.settings import Settings

FORMAT = 2
FOLDER = "checkpoints"
FILE = "last.npz"
MINUTE = 60.0  # s

Arrays = list[npt.NDArray[Any]]

# What numpy, zipfile and json raise when bytes have changed; RuntimeError where a file claims to be encrypted.
_DAMAGED = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


@dataclass(frozen=True)
class Epoch:
    """One line of history.csv; training's loss and accuracy are means over the epoch, while the network learned."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


def best(epochs: Sequence[Epoch]) -> Epoch:
    """Return the epoch with the lowest loss in validation, the first of equals.

    >>> best([Epoch(1, 0.6, 0.7, 0.5, 0.8, 1.0), Epoch(2, 0.5, 0.8, 0.5, 0.8, 1.0)]).epoch
    1
    """
    return min(epochs, key=lambda epoch: epoch.val_loss)


def is_stale(epochs: Sequence[Epoch], patience: int) -> bool:
    """Return whether the last `patience` epochs have brought no better one; never if `patience` is 0.

    >>> is_stale([Epoch(n, 0.6, 0.7, loss, 0.8, 1.0) for n, loss in enumerate([0.5, 0.4, 0.6, 0.5])], 2)
    True
    """
    return 0 < patience <= len(epochs) - 1 - epochs.index(best(epochs)) if epochs else False


@dataclass
class Checkpoint:
    """A training between two steps.

    Attributes
    ----------
    policy : str
        Its arithmetic, as `cloudmask.model.precision` has chosen it.
    epochs : list of Epoch
        Those that are finished.
    step : int
        Batches that have been taken of the next one.
    seconds : float
        Spent on the next one.
    weights, optimizer, metrics, best : list of ndarray
        Of the network, of its optimizer, of loss and accuracy over those batches, and of the network after its best
        epoch; the latter may be empty.
    path : Path
        The file that it was read from.
    """

    policy: str
    epochs: list[Epoch] = field(default_factory=list)
    step: int = 0
    seconds: float = 0.0
    weights: Arrays = field(default_factory=list)
    optimizer: Arrays = field(default_factory=list)
    metrics: Arrays = field(default_factory=list)
    best: Arrays = field(default_factory=list)
    path: Path = field(default=Path(), compare=False)

    def __str__(self) -> str:
        """Return how far the training is, such as ``2 epochs and 7 steps``."""
        return f"{len(self.epochs)} epochs" + (f" and {self.step} steps" if self.step else "")


ARRAYS = ("weights", "optimizer", "metrics", "best")


def write(path: Path, checkpoint: Checkpoint, identity: dict[str, Any]) -> None:
    """Write a checkpoint as a zip file of arrays, with a checksum of each.

    Raises
    ------
    CloudmaskError
        If the disk takes no more.
    """
    groups: dict[str, Arrays] = {name: getattr(checkpoint, name) for name in ARRAYS}
    arrays = {f"{name}{index}": array for name, group in groups.items() for index, array in enumerate(group)}
    about = {
        "identity": identity,
        "policy": checkpoint.policy,
        "epochs": [asdict(epoch) for epoch in checkpoint.epochs],
        "step": checkpoint.step,
        "seconds": checkpoint.seconds,
        "arrays": {name: len(group) for name, group in groups.items()},
    }
    arrays["about"] = np.array(json.dumps(about))
    with whole(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path, identity: dict[str, Any]) -> Checkpoint:
    """Read a checkpoint whole.

    Raises
    ------
    CloudmaskError
        If it is damaged, or of another training.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            if other := differences(about["identity"], identity):
                raise CloudmaskError(f"{path}: of another training, in {other}")
            groups = {
                name: [file[f"{name}{index}"] for index in range(count)] for name, count in about["arrays"].items()
            }
            epochs = [Epoch(**epoch) for epoch in about["epochs"]]
            return Checkpoint(about["policy"], epochs, about["step"], about["seconds"], **groups, path=path)
    except _DAMAGED as error:
        raise CloudmaskError(f"{path}: not a whole checkpoint: {' '.join(str(error).split())}") from None


def differences(theirs: Any, ours: dict[str, Any]) -> str:
    """Return the names of what two identities differ in.

    >>> differences({"version": "1", "parameters": {"width": 2}}, {"version": "1", "parameters": {"width": 3}})
    'width'
    """

    def flat(identity: Any) -> dict[str, Any]:
        return {**identity, **identity["parameters"], "parameters": None}

    first, second = flat(theirs), flat(ours)
    return ", ".join(sorted(key for key in first.keys() | second.keys() if first.get(key, key) != second.get(key, key)))


def is_of(path: Path, identity: dict[str, Any]) -> bool:
    """Return whether a file is a checkpoint of this training."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return not differences(json.loads(str(file["about"]))["identity"], identity)
    except _DAMAGED:
        return False


def identify(settings: Settings, store: Path) -> dict[str, Any]:
    """Return what two trainings must agree in so that one may continue from the other's checkpoint.

    All parameters but the number of epochs, which decides only when a training ends, the patches, and the program.

    Parameters
    ----------
    store : Path
        The file that describes the store, with the hashes of its arrays.
    """
    parameters = asdict(settings)
    del parameters["epochs"]
    digest = hashlib.sha256(store.read_bytes()).hexdigest()
    return {"format": FORMAT, "version": __version__, "store": digest, "parameters": parameters}


class CheckpointManager:
    """Writes the checkpoints of a training and finds those of an earlier attempt.

    Parameters
    ----------
    folder : Path or None
        Where checkpoints are written; removed once the training's results are complete. None for no checkpoints.
    sources : iterable of Path
        Folders in which checkpoints of earlier attempts may be.
    identity : dict
        What a checkpoint must agree in, from `identify`.
    minutes : float
        The longest time between two checkpoints within an epoch.
    is_chief : bool
        Whether this is the process that writes.
    is_named : bool
        Whether the user named the sources, so that a checkpoint in them must be used.
    """

    def __init__(
        self,
        folder: Path | None,
        sources: Iterable[Path] = (),
        identity: dict[str, Any] | None = None,
        minutes: float = 10,
        is_chief: bool = True,
        is_named: bool = False,
    ) -> None:
        self.folder, self._sources, self._identity = folder, list(sources), identity or {}
        self._is_named, self._is_chief = is_named, is_chief
        self._minutes, self._written = minutes, time.monotonic()

    @classmethod
    def for_attempt(
        cls, settings: Settings, here: Path, store: Path, given: Path | None, is_chief: bool
    ) -> CheckpointManager:
        """Return the manager of a training in an attempt's folder.

        Parameters
        ----------
        here : Path
            The attempt's folder.
        store : Path
            The file that describes the store.
        given : Path or None
            The folder with the checkpoint to continue from; by default those of the attempts beside this one.

        Raises
        ------
        InputError
            If there is no checkpoint in the given folder.
        """
        if given and not (given / FILE).is_file():
            raise InputError(f"--checkpoints {given}: no {FILE} in it")
        sources = [given] if given else sorted(here.resolve().parent.glob(f"*/{FOLDER}"))
        identity = identify(settings, store)
        return cls(here / FOLDER, sources, identity, settings.checkpoint_minutes, is_chief, is_named=given is not None)

    def find(self, epochs: int) -> Checkpoint | None:
        """Return the farthest checkpoint of at most so many epochs; name each one that cannot be used.

        Raises
        ------
        CloudmaskError
            If the user named a checkpoint that cannot be used.
        """
        usable = []
        for path in sorted(source / FILE for source in self._sources if (source / FILE).exists()):
            try:
                checkpoint = read(path, self._identity)
                if (len(checkpoint.epochs), checkpoint.step) > (epochs, 0):
                    self._say(f"checkpoint not used: {path}: {checkpoint}, more than {epochs}")
                else:
                    usable.append(checkpoint)
            except CloudmaskError as error:
                if self._is_named:
                    raise
                self._say(f"checkpoint not used: {error}")
        return max(usable, key=lambda checkpoint: (len(checkpoint.epochs), checkpoint.step), default=None)

    @property
    def is_due(self) -> bool:
        """Whether the last checkpoint, or the start, is longer ago than it may be."""
        return self.folder is not None and time.monotonic() - self._written > MINUTE * self._minutes

    def write(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint in the place of the last one, which stays until this one is whole."""
        if self.folder and self._is_chief:
            write(self.folder / FILE, checkpoint, self._identity)
        self._written = time.monotonic()

    def clear(self) -> None:
        """Remove the checkpoints of this training and of its earlier attempts, once there is a result."""
        if not self.folder or not self._is_chief:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        for source in self._sources:
            # Not those that the user has named from elsewhere.
            beside = source.resolve().parent.parent == self.folder.resolve().parent.parent
            if beside and is_of(source / FILE, self._identity):
                shutil.rmtree(source, ignore_errors=True)

    def _say(self, line: str) -> None:
        if self._is_chief:
            say(line)
