"""Training of the U-Net on the store's patches, reproducible for the same seed on the same machine.

A training that was killed resumes from its last checkpoint and gives the same network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from cloudmask.console import say
from cloudmask.data.compatibility import is_upstream
from cloudmask.data.patches import CHANNELS, Patches
from cloudmask.errors import CloudmaskError, InputError
from cloudmask.machine import allowed_cpus
from cloudmask.model import multi_process
from cloudmask.model.batches import BatchLoader
from cloudmask.model.callbacks import EventLog, ProgressReport, StoppedError, TrainingState, catch_sigterm
from cloudmask.model.checkpoints import Checkpoint, CheckpointManager, Epoch, best
from cloudmask.model.distribution import DistributionStrategy, single_device
from cloudmask.model.mllog import Events
from cloudmask.model.precision import BFLOAT16, FLOAT16, FLOAT32, Precision, choose
from cloudmask.model.train_step import TrainingModel, build_training_model
from cloudmask.settings import Settings

_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError)


@dataclass(frozen=True)
class Trained:
    """A trained network and its history.

    Attributes
    ----------
    network : keras.Model
        From `cloudmask.model.unet.unet`, in the precision of its training.
    kept : Epoch
        The epoch whose weights the network has.
    epochs : list of Epoch
        The history.
    about : dict
        Content of training.json: precision and its reason, devices, processes and the checkpoint resumed from.
    """

    network: keras.Model
    kept: Epoch
    epochs: list[Epoch]
    about: dict[str, Any]


def prepare(seed: int, deterministic: bool = True) -> None:
    """Make TensorFlow deterministic and limit its threads; call this before its first operation."""
    tf.config.threading.set_intra_op_parallelism_threads(allowed_cpus())
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


def train(
    settings: Settings,
    training: Patches,
    validation: Patches,
    record: Callable[[Epoch], None],
    events: Events | None = None,
    devices: DistributionStrategy | None = None,
    checkpoints: CheckpointManager | None = None,
    share: Callable[[float], None] = lambda _epochs: None,
) -> Trained:
    """Train a network; invalid pixels have no weight.

    Parameters
    ----------
    record : callable
        Called with each finished epoch, including those of an earlier attempt.
    events : Events, optional
        The MLCommons log.
    devices : DistributionStrategy, optional
        The devices that share each batch; by default this process's first device. All processes end with the same
        network.
    checkpoints : CheckpointManager, optional
        By default, no checkpoints are written.
    share : callable, optional
        Called periodically within a long epoch with the number of epochs done, such as 2.4.

    Raises
    ------
    InputError
        If the patches do not fit the network, or the batch does not fit the patches or devices.
    CloudmaskError
        If the loss is not finite, no pixel is valid, memory is exhausted, or another process is lost.
    StoppedError
        If SIGTERM was received.
    """
    devices, checkpoints = devices or single_device(), checkpoints or CheckpointManager(None)
    check(settings, training, validation, devices.devices)
    loaders = _loaders(settings, training, validation, devices)
    checkpoint = checkpoints.find(settings.epochs)
    precision = _agree_on_precision(settings, checkpoint, devices)
    with catch_sigterm() as is_stopping, _clear_errors(settings, devices):
        model = build_training_model(settings, devices.strategy, precision.policy)
        state = TrainingState(settings, precision.policy, devices, checkpoints, is_stopping, loaders[0].steps)
        if checkpoint:
            state.resume(checkpoint, model)
        if devices.is_chief:
            _announce(precision, devices, checkpoint)
        _begin_log(events := events or Events(None), settings, loaders, state.epochs)
        for epoch in state.epochs:
            record(epoch)
        reports = [EventLog(events), ProgressReport(state, record, share, loaders[0].steps)]
        _fit(model, settings, loaders, state, reports, devices)
        kept = _keep_weights(model, settings, state)
        if is_stopping():
            raise StoppedError("ended by SIGTERM after the training; a new attempt continues from there")
    about = {
        "precision": precision.policy,
        "precision_reason": precision.reason,
        "devices": devices.devices,
        "processes": devices.processes,
        "parameters": model.network.count_params(),
        "epochs": len(state.epochs),
        "kept_epoch": kept.epoch,
        "resumed_after": str(checkpoint) if checkpoint else None,
    }
    return Trained(model.network, kept, state.epochs, about)


def _loaders(
    settings: Settings, training: Patches, validation: Patches, devices: DistributionStrategy
) -> tuple[BatchLoader, BatchLoader]:
    only_whole = is_upstream(settings.compatibility)
    loaders = tuple(BatchLoader(part, settings.batch, devices, only_whole) for part in (training, validation))
    for name, loader in zip(("training", "validation"), loaders, strict=True):
        if not loader.usable.size:
            raise CloudmaskError(f"the patches for {name} have no valid pixel")
    return loaders[0], loaders[1]


def _fit(
    model: TrainingModel,
    settings: Settings,
    loaders: tuple[BatchLoader, BatchLoader],
    state: TrainingState,
    reports: list[keras.callbacks.Callback],
    devices: DistributionStrategy,
) -> None:
    """Train the remaining epochs, beginning with the rest of one that an earlier attempt started."""
    training, validation = loaders
    fit = partial(multi_process.fit, model) if devices.processes > 1 else partial(model.fit, verbose=0, shuffle=False)
    while not state.is_finished:
        first, step = len(state.epochs), state.step
        fit(
            training.shuffled(settings.seed, first, step),
            epochs=first + 1 if step else settings.epochs,
            callbacks=[state, *reports],
            validation_data=validation.in_order(),
            initial_epoch=first,
            steps_per_epoch=training.steps - step,
            validation_steps=validation.steps,
        )


def _keep_weights(model: TrainingModel, settings: Settings, state: TrainingState) -> Epoch:
    """Select the weights of the last epoch or, with `patience`, the best; return that epoch."""
    if not state.best or is_upstream(settings.compatibility):
        return state.epochs[-1]
    model.network.set_weights(state.best)
    return best(state.epochs)


def _begin_log(
    events: Events, settings: Settings, loaders: tuple[BatchLoader, BatchLoader], epochs: list[Epoch]
) -> None:
    events.data(loaders[0].patches, loaders[1].patches, settings.batch)
    events.adam(settings.learning_rate)
    for epoch in epochs:
        events.repeat(epoch.epoch, epoch.val_accuracy)


def _announce(precision: Precision, devices: DistributionStrategy, checkpoint: Checkpoint | None) -> None:
    say(f"training in {precision.policy}: {precision.reason}")
    if devices.devices > 1:
        say(f"{devices.devices} devices in {devices.processes} processes share each batch")
    if checkpoint:
        say(f"continuing from {checkpoint.path} with {checkpoint}")


def check(settings: Settings, training: Patches, validation: Patches, devices: int) -> None:
    """Raise InputError if patches, batch and network do not fit together."""
    for patches in (training, validation):
        *_, rows, columns, channels = patches.images.shape
        if channels != CHANNELS:
            raise InputError(f"the store's patches have {channels} channels, the network takes {CHANNELS}")
        if (rows, columns) != (settings.patch, settings.patch):
            raise InputError(f"patch: {settings.patch}, but the store's patches have {rows} x {columns} pixels")
    if settings.patch % 2**settings.depth:
        raise InputError(f"patch: {settings.patch} is not a multiple of {2**settings.depth}, 2 to the power of depth")
    if settings.batch > len(training.labels):
        raise InputError(f"batch: {settings.batch} is more than the {len(training.labels)} patches for training")
    if settings.batch < devices:
        raise InputError(f"batch: {settings.batch} is less than the {devices} devices that share it")


def _agree_on_precision(settings: Settings, checkpoint: Checkpoint | None, devices: DistributionStrategy) -> Precision:
    """Return the precision for all processes: that of the checkpoint, if any, for the same result."""
    progress = (len(checkpoint.epochs), checkpoint.step) if checkpoint else (-1, -1)
    if not all(map(devices.agree, progress)):
        raise CloudmaskError("the processes do not see the same checkpoints: their folders must be shared")
    if checkpoint:
        return Precision(checkpoint.policy, "as in the checkpoint")
    is_open = settings.precision == "auto"
    if is_open and is_upstream(settings.compatibility):
        return Precision(FLOAT32, "as in the benchmark")
    precision = choose(settings.precision)
    if is_open and not devices.agree((FLOAT32, BFLOAT16, FLOAT16).index(precision.policy)):
        return Precision(FLOAT32, "the processes would choose differently")
    return precision


@contextmanager
def _clear_errors(settings: Settings, devices: DistributionStrategy) -> Iterator[None]:
    """Convert TensorFlow's errors for exhausted memory or a lost process to CloudmaskError."""
    try:
        yield
    except tf.errors.ResourceExhaustedError:
        raise CloudmaskError(f"too little memory for a batch of {settings.batch} patches of {settings.patch}") from None
    except _LOST:
        if devices.processes == 1:
            raise
        raise CloudmaskError(
            "another process of the training was lost; a new attempt continues from the last checkpoint"
        ) from None
