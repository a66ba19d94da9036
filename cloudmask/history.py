"""The history of a training: one line an epoch, and what early stopping reads from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
