"""Training of the U-Net on the store's patches, the same twice with the same seed on the same machine.

A training that was killed goes on from its last checkpoint, and ends with the same network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from cloudmask.checkpoints import Checkpoint
from cloudmask.compatibility import is_upstream
from cloudmask.course import Course, Watch
from cloudmask.errors import CloudmaskError, InputError
from cloudmask.feed import Feed
from cloudmask.history import Epoch
from cloudmask.keeper import Keeper
from cloudmask.learner import Learner
from cloudmask.mllog import Events
from cloudmask.parallel import allowed_cpus
from cloudmask.precision import BFLOAT16, FLOAT16, FLOAT32, Precision, choose
from cloudmask.progress import say
from cloudmask.settings import Settings
from cloudmask.stopping import StoppedError, told_to_stop
from cloudmask.store import CHANNELS, Patches
from cloudmask.team import Team, alone

_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError)


@dataclass(frozen=True)
class Trained:
    """A trained network, and how it came about.

    Attributes
    ----------
    model : keras.Model
        As `cloudmask.unet.unet` builds it, in the precision of its training.
    kept : Epoch
        The epoch whose weights it has.
    epochs : list of Epoch
        The history.
    about : dict
        Its precision and why, devices and processes, and the checkpoint that it went on from: for training.json.
    """

    model: keras.Model
    kept: Epoch
    epochs: list[Epoch]
    about: dict[str, Any]


def prepare(seed: int, deterministic: bool = True) -> None:
    """Make TensorFlow repeatable and keep it to the processors it may use; before its first operation."""
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
    team: Team | None = None,
    keeper: Keeper | None = None,
    share: Callable[[float], None] = lambda _epochs: None,
) -> Trained:
    """Train a network; pixels that are not valid weigh nothing.

    A loop over batches of its own, since Keras's `fit` fails in several processes and waits up to two seconds between
    epochs for its own threads.

    Parameters
    ----------
    record, events, share
        See `cloudmask.course.Watch`.
    team : Team, optional
        Whose devices share each batch; by default this process's first device. All processes train alike, and end
        with the same network.
    keeper : Keeper, optional
        Where checkpoints are kept and found; by default there are none.

    Raises
    ------
    InputError
        If the patches do not fit the network, or the batch the patches or devices.
    CloudmaskError
        If the loss is no longer finite, there is nothing to learn from, memory is too short, or a process is lost.
    StoppedError
        If SIGTERM came; a checkpoint has been written.
    """
    team, keeper = team or alone(), keeper or Keeper(None)
    check(settings, training, validation, team.devices)
    feeds = [Feed(patches, settings.batch, team) for patches in (training, validation)]
    for name, feed in zip(("training", "validation"), feeds, strict=True):
        if not feed.valid.any():
            raise CloudmaskError(f"the patches for {name} have no valid pixel")
    found = keeper.find(settings.epochs)
    precision = _agreed(settings, found, team)
    with told_to_stop() as stop, _told_in_one_line(settings, team):
        learner = Learner(settings, team, precision.policy, training.images.dtype)
        course = Course(settings, precision.policy, learner, keeper, Watch(record, share, events or Events(None)), stop)
        if team.chief:
            _announce(precision, team, found)
        if found:
            course.resume(found)
        kept = course.run(*feeds)
        if stop():
            raise StoppedError("ended by SIGTERM after training; a new attempt goes on from there")
    about = {
        "precision": precision.policy,
        "precision_reason": precision.reason,
        "devices": team.devices,
        "processes": team.processes,
        "parameters": learner.model.count_params(),
        "epochs": len(course.epochs),
        "kept_epoch": kept.epoch,
        "resumed_after": str(found) if found else None,
    }
    return Trained(learner.model, kept, course.epochs, about)


def _announce(precision: Precision, team: Team, found: Checkpoint | None) -> None:
    say(f"training in {precision.policy}: {precision.reason}")
    if team.devices > 1:
        say(f"{team.devices} devices in {team.processes} processes share each batch")
    if found:
        say(f"going on from {found.path} with {found}")


def check(settings: Settings, training: Patches, validation: Patches, devices: int) -> None:
    """Refuse patches, batch and network that do not fit together; raises InputError."""
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


def _agreed(settings: Settings, found: Checkpoint | None, team: Team) -> Precision:
    """Choose the arithmetic for all processes: that of the checkpoint, so that the result stays the same, if any."""
    place = (len(found.epochs), found.step) if found else (-1, -1)
    if not all(map(team.agrees, place)):
        raise CloudmaskError("the processes do not see the same checkpoints: their folders must be shared")
    if found:
        return Precision(found.policy, "as in the checkpoint")
    is_open = settings.precision == "auto"
    if is_open and is_upstream(settings.compatibility):
        return Precision(FLOAT32, "as in the benchmark")
    precision = choose(settings.precision)
    if is_open and not team.agrees((FLOAT32, BFLOAT16, FLOAT16).index(precision.policy)):
        return Precision(FLOAT32, "the processes would choose differently")
    return precision


@contextmanager
def _told_in_one_line(settings: Settings, team: Team) -> Iterator[None]:
    """Turn what TensorFlow raises for want of memory or of another process into an error for people."""
    try:
        yield
    except tf.errors.ResourceExhaustedError:
        raise CloudmaskError(f"too little memory for a batch of {settings.batch} patches of {settings.patch}") from None
    except _LOST:
        if team.processes == 1:
            raise
        raise CloudmaskError(
            "another process of the training was lost; a new attempt goes on from the last checkpoint"
        ) from None
