"""Training of the U-Net on the store's patches, the same twice with the same seed on the same machine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from cloudmask.errors import CloudmaskError
from cloudmask.parallel import allowed_cpus
from cloudmask.settings import Settings
from cloudmask.store import CLOUD, SCALE, VALID, Patches
from cloudmask.unet import unet

Batch = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Epoch:
    """One line of history.csv; training's loss and accuracy are means over the epoch, while the network learned."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


def batches(patches: Patches, order: npt.NDArray[np.int_], size: int) -> Iterator[Batch]:
    """Give channels, label and weight of the patches in this order, `size` at a time; the last batch may be smaller."""
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        labels = patches.labels[chosen][..., None]
        channels = np.divide(patches.images[chosen], SCALE, dtype=np.float32)
        yield channels, (labels & CLOUD > 0).astype(np.float32), (labels & VALID > 0).astype(np.float32)


def prepare(seed: int) -> None:
    """Make TensorFlow repeatable and keep it to the processors it may use; before its first operation."""
    tf.config.threading.set_intra_op_parallelism_threads(allowed_cpus())
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


def train(settings: Settings, training: Patches, validation: Patches, record: Callable[[Epoch], None]) -> keras.Model:
    """Train a network; pixels that are not valid weigh nothing.

    A loop over batches, since `fit` waits up to two seconds between epochs for its own threads.

    Parameters
    ----------
    record : callable
        Called after each epoch.

    Returns
    -------
    keras.Model
        As `cloudmask.unet.unet` builds it.

    Raises
    ------
    CloudmaskError
        If the loss is no longer finite.
    """
    model = unet(settings.width)
    model.compile(
        keras.optimizers.Adam(settings.learning_rate),
        keras.losses.BinaryCrossentropy(from_logits=True, reduction="mean_with_sample_weight"),
        weighted_metrics=[keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)],
    )
    rng = np.random.default_rng(settings.seed)
    unshuffled = np.arange(len(validation.labels))
    for epoch in range(1, settings.epochs + 1):
        start = time.perf_counter()
        shuffled = rng.permutation(len(training.labels))
        learned = mean_over(model.train_on_batch, batches(training, shuffled, settings.batch))
        held = mean_over(model.test_on_batch, batches(validation, unshuffled, settings.batch))
        if not all(map(math.isfinite, (*learned, *held))):
            raise CloudmaskError(
                f"training diverged in epoch {epoch} of {settings.epochs}: the loss is no longer a finite number; "
                f"a learning_rate below {settings.learning_rate} may help"
            )
        record(Epoch(epoch, *learned, *held, round(time.perf_counter() - start, 3)))
    return model


def mean_over(step: Callable[..., dict[str, float]], source: Iterator[Batch]) -> tuple[float, float]:
    """Take a step on each batch, whose own means Keras gives; give those of loss and accuracy over all valid pixels."""
    total, pixels = np.zeros(2), 0
    for channels, label, weight in source:
        means = step(channels, label, weight, return_dict=True)
        valid = int(np.count_nonzero(weight))
        total += valid * np.array([means["loss"], means["accuracy"]])
        pixels += valid
    return float(total[0] / pixels), float(total[1] / pixels)
