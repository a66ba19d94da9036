"""Checkpoints: all that a training needs to go on where a killed one ended, in one file, whole or not there.

Chance needs no state of its own: the order of patches in an epoch follows from the seed and the epoch's number.
"""

from __future__ import annotations

import json
import os
import struct
import zipfile
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cloudmask.errors import CloudmaskError
from cloudmask.files import whole
from cloudmask.history import Epoch

FORMAT = 1

Arrays = list[npt.NDArray[Any]]

# What numpy, zipfile and json raise when bytes have changed; RuntimeError where a file claims to be encrypted.
_DAMAGED = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


@dataclass(frozen=True)
class Checkpoint:
    """A training between two steps.

    Attributes
    ----------
    policy : str
        Its arithmetic, as `cloudmask.precision` has chosen it.
    epochs : list of Epoch
        Those that are finished.
    step : int
        Batches that have been taken of the next one.
    sums : list of float
        Over those batches: loss and agreeing pixels over valid pixels, valid pixels, seconds.
    weights, optimiser, best : list of ndarray
        Of the network, of its optimiser, and of the network after its best epoch; the latter may be empty.
    path : Path
        The file that it was read from.
    """

    policy: str
    epochs: list[Epoch]
    step: int
    sums: list[float]
    weights: Arrays
    optimiser: Arrays
    best: Arrays
    path: Path = field(default=Path(), compare=False)

    def __str__(self) -> str:
        return progress(self.epochs, self.step)


def progress(epochs: list[Epoch], step: int) -> str:
    """Say how far a training is.

    >>> progress([], 7)
    '0 epochs and 7 steps'
    """
    return f"{len(epochs)} epochs" + (f" and {step} steps" if step else "")


def write(path: Path, checkpoint: Checkpoint, identity: dict[str, Any]) -> None:
    """Write a checkpoint as a zip file of arrays, with a checksum of each.

    Raises
    ------
    CloudmaskError
        If the disk takes no more.
    """
    kinds = {"weights": checkpoint.weights, "optimiser": checkpoint.optimiser, "best": checkpoint.best}
    arrays = {f"{kind}{at}": array for kind, each in kinds.items() for at, array in enumerate(each)}
    about = {
        "identity": identity,
        "policy": checkpoint.policy,
        "epochs": [asdict(epoch) for epoch in checkpoint.epochs],
        "step": checkpoint.step,
        "sums": checkpoint.sums,
        "arrays": {kind: len(each) for kind, each in kinds.items()},
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
            kinds = {kind: [file[f"{kind}{at}"] for at in range(count)] for kind, count in about["arrays"].items()}
            epochs = [Epoch(**epoch) for epoch in about["epochs"]]
            return Checkpoint(about["policy"], epochs, about["step"], about["sums"], **kinds, path=path)
    except _DAMAGED as error:
        raise CloudmaskError(f"{path}: not a whole checkpoint: {' '.join(str(error).split())}") from None


def differences(theirs: Any, ours: dict[str, Any]) -> str:
    """Name what two identities do not agree in.

    >>> differences({"version": "1", "parameters": {"width": 2}}, {"version": "1", "parameters": {"width": 3}})
    'width'
    """

    def flat(identity: Any) -> dict[str, Any]:
        return {**identity, **identity["parameters"], "parameters": None}

    one, other = flat(theirs), flat(ours)
    return ", ".join(sorted(key for key in one.keys() | other.keys() if one.get(key, key) != other.get(key, key)))


def agrees(path: Path, identity: dict[str, Any]) -> bool:
    """Return whether there is a checkpoint of this training."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return not differences(json.loads(str(file["about"]))["identity"], identity)
    except _DAMAGED:
        return False
