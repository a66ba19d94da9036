"""Checkpoints: the state needed to resume a training, in one file that is written atomically.

The order of patches is not stored: it follows from the seed and the number of the epoch.
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

# Raised by numpy, zipfile and json for damaged files; RuntimeError if a file is marked as encrypted.
_DAMAGED = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


@dataclass(frozen=True)
class Epoch:
    """One line of history.csv; loss and accuracy of the training are running means over the epoch."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


def best(epochs: Sequence[Epoch]) -> Epoch:
    """Return the epoch with the lowest validation loss, the first if several are equal.

    >>> best([Epoch(1, 0.6, 0.7, 0.5, 0.8, 1.0), Epoch(2, 0.5, 0.8, 0.5, 0.8, 1.0)]).epoch
    1
    """
    return min(epochs, key=lambda epoch: epoch.val_loss)


def is_stale(epochs: Sequence[Epoch], patience: int) -> bool:
    """Return whether the last `patience` epochs brought no improvement; False if `patience` is 0.

    >>> is_stale([Epoch(n, 0.6, 0.7, loss, 0.8, 1.0) for n, loss in enumerate([0.5, 0.4, 0.6, 0.5])], 2)
    True
    """
    return 0 < patience <= len(epochs) - 1 - epochs.index(best(epochs)) if epochs else False


@dataclass
class Checkpoint:
    """The state of a training between two steps.

    Attributes
    ----------
    policy : str
        The dtype policy that `cloudmask.model.precision` chose.
    epochs : list of Epoch
        The finished epochs.
    step : int
        Number of finished steps of the next epoch.
    seconds : float
        Time spent on the next epoch.
    weights, optimizer, metrics, best : list of ndarray
        Arrays of the network, of its optimizer, of loss and accuracy over those steps, and of the network after its
        best epoch; the last list may be empty.
    path : Path
        The file from which it was read.
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
        """Return the progress of the training, such as ``2 epochs and 7 steps``."""
        return f"{len(self.epochs)} epochs" + (f" and {self.step} steps" if self.step else "")


ARRAYS = ("weights", "optimizer", "metrics", "best")


def write(path: Path, checkpoint: Checkpoint, identity: dict[str, Any]) -> None:
    """Write a checkpoint as a zip file of arrays, each with a checksum.

    Raises
    ------
    CloudmaskError
        If the disk is full.
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
    """Read and check a checkpoint.

    Raises
    ------
    CloudmaskError
        If it is damaged or belongs to another training.
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
    """Return the names of the entries in which two identities differ.

    >>> differences({"version": "1", "parameters": {"width": 2}}, {"version": "1", "parameters": {"width": 3}})
    'width'
    """

    def flat(identity: Any) -> dict[str, Any]:
        return {**identity, **identity["parameters"], "parameters": None}

    first, second = flat(theirs), flat(ours)
    return ", ".join(sorted(key for key in first.keys() | second.keys() if first.get(key, key) != second.get(key, key)))


def is_of(path: Path, identity: dict[str, Any]) -> bool:
    """Return whether a file is a checkpoint of the training with this identity."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return not differences(json.loads(str(file["about"]))["identity"], identity)
    except _DAMAGED:
        return False


def identify(settings: Settings, store: Path) -> dict[str, Any]:
    """Return the entries that two trainings must share for one to resume from the other's checkpoint.

    These are the patches, the version of the program and all parameters except the number of epochs, which decides
    only when a training ends.

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
    """Writes the checkpoints of a training and finds those of earlier attempts.

    Parameters
    ----------
    folder : Path or None
        Where to write checkpoints; removed when the results are complete. None disables checkpoints.
    sources : iterable of Path
        Folders to search for checkpoints of earlier attempts.
    identity : dict
        The result of `identify`, which a checkpoint must match.
    minutes : float
        The longest time between two checkpoints within an epoch.
    is_chief : bool
        Whether this process writes the checkpoints.
    is_named : bool
        Whether the user named the sources; an unusable checkpoint is an error then.
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
        """Return the manager for a training in an attempt's folder.

        Parameters
        ----------
        here : Path
            The attempt's folder.
        store : Path
            The file that describes the store.
        given : Path or None
            The folder of the checkpoint to resume from; by default those of the other attempts are searched.

        Raises
        ------
        InputError
            If the given folder has no checkpoint.
        """
        if given and not (given / FILE).is_file():
            raise InputError(f"--checkpoints {given}: no {FILE} in it")
        sources = [given] if given else sorted(here.resolve().parent.glob(f"*/{FOLDER}"))
        identity = identify(settings, store)
        return cls(here / FOLDER, sources, identity, settings.checkpoint_minutes, is_chief, is_named=given is not None)

    def find(self, epochs: int) -> Checkpoint | None:
        """Return the most advanced checkpoint of at most `epochs` epochs; report those that cannot be used.

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
        """Whether more than `minutes` have passed since the last checkpoint or the start."""
        return self.folder is not None and time.monotonic() - self._written > MINUTE * self._minutes

    def write(self, checkpoint: Checkpoint) -> None:
        """Replace the last checkpoint by a new one atomically."""
        if self.folder and self._is_chief:
            write(self.folder / FILE, checkpoint, self._identity)
        self._written = time.monotonic()

    def clear(self) -> None:
        """Remove the checkpoints of this training and of its earlier attempts."""
        if not self.folder or not self._is_chief:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        for source in self._sources:
            # Keep checkpoints elsewhere that the user named.
            beside = source.resolve().parent.parent == self.folder.resolve().parent.parent
            if beside and is_of(source / FILE, self._identity):
                shutil.rmtree(source, ignore_errors=True)

    def _say(self, line: str) -> None:
        if self._is_chief:
            say(line)
