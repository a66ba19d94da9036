"""Callbacks for `keras.Model.fit`: history, best weights, checkpoints, log and early stopping."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from cloudmask.errors import CloudmaskError
from cloudmask.model.checkpoints import Arrays, Checkpoint, CheckpointManager, Epoch, best, is_stale
from cloudmask.model.distribution import DistributionStrategy
from cloudmask.model.mllog import Events
from cloudmask.model.train_step import TrainingModel
from cloudmask.settings import Settings

PROGRESS_S = 30.0  # seconds between two progress lines within an epoch

Logs = dict[str, Any]


class StoppedError(CloudmaskError):
    """The training ended early because of SIGTERM."""

    exit_code = 128 + signal.SIGTERM


@contextmanager
def catch_sigterm() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether SIGTERM was received; restore the previous handler afterwards."""
    signals: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # only the main thread may handle signals
        return
    before = signal.signal(signal.SIGTERM, lambda number, _frame: signals.append(number))
    try:
        yield lambda: bool(signals)
    finally:
        signal.signal(signal.SIGTERM, before)


class TrainingState(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Keeps the history and the best weights of a training, in memory and in checkpoints.

    Stops the training if the loss diverges, after `patience` epochs without improvement, and on SIGTERM.

    Parameters
    ----------
    policy : str
        Keras's dtype policy, written into checkpoints.
    is_stopping : callable
        Returns whether this process should stop.
    steps : int
        Number of steps in an epoch.
    """

    def __init__(
        self,
        settings: Settings,
        policy: str,
        devices: DistributionStrategy,
        checkpoints: CheckpointManager,
        is_stopping: Callable[[], bool],
        steps: int,
    ) -> None:
        super().__init__()
        self._settings, self._policy, self._devices, self._steps = settings, policy, devices, steps
        self._checkpoints, self._is_stopping = checkpoints, is_stopping
        self.epochs: list[Epoch] = []
        self.best: Arrays = []
        self.step, self._seconds, self._metrics = 0, 0.0, Arrays()
        self._begun = time.perf_counter()

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are trained, or the training stopped early."""
        return len(self.epochs) >= self._settings.epochs or is_stale(self.epochs, self._settings.patience)

    def resume(self, checkpoint: Checkpoint, model: TrainingModel) -> None:
        """Restore a training from a checkpoint.

        Raises
        ------
        CloudmaskError
            If the checkpoint belongs to another network; nothing is restored then.
        """
        pairs = [(model.network.variables, checkpoint.weights), (model.optimizer.variables, checkpoint.optimizer)]
        shapes = [
            ([tuple(variable.shape) for variable in variables], [array.shape for array in arrays])
            for variables, arrays in pairs
        ]
        if any(expected != actual for expected, actual in shapes):
            raise CloudmaskError(f"{checkpoint.path}: arrays of another network")
        for variables, arrays in pairs:
            _assign(variables, arrays)
        self.epochs, self.best, self.step = list(checkpoint.epochs), checkpoint.best, checkpoint.step
        self._seconds, self._metrics = checkpoint.seconds, checkpoint.metrics

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Restore loss and accuracy of the steps that an earlier attempt finished."""
        self._begun = time.perf_counter()
        if self.step:
            _assign(self.model.metrics_variables, self._metrics)

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """Count a step; write a checkpoint if one is due."""
        self.step += 1
        self._check(float(logs["loss"]))
        if self.step == self._steps:
            return  # no step is left to resume; the next checkpoint is written after validation
        stop, due = self._devices.any(self._is_stopping(), self._checkpoints.is_due)
        if stop or due:
            self._write()
        if stop:
            raise StoppedError(f"ended by SIGTERM after {self._state()}; a new attempt continues from there")

    def on_test_batch_end(self, batch: int, logs: Logs) -> None:
        """Stop during an evaluation; the next attempt resumes from the last checkpoint."""
        if self._devices.any(self._is_stopping())[0]:
            raise StoppedError(
                "ended by SIGTERM during the validation; a new attempt continues from the last checkpoint"
            )

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Add the epoch to the history; keep its weights if they are the best so far, and write a checkpoint."""
        self._check(float(logs["val_loss"]))
        numbers = {name: float(logs[name]) for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
        seconds = self._seconds + time.perf_counter() - self._begun
        self.epochs.append(Epoch(epoch + 1, **numbers, seconds=round(seconds, 3)))
        if self._settings.patience and best(self.epochs) is self.epochs[-1]:
            self.best = self.model.network.get_weights()
        self.step, self._seconds, self._begun = 0, 0.0, time.perf_counter()
        self._write()
        self.model.stop_training = self.is_finished

    def _state(self) -> Checkpoint:
        return Checkpoint(self._policy, self.epochs, self.step, self._seconds + time.perf_counter() - self._begun)

    def _write(self) -> None:
        if self._checkpoints.folder is None:
            return
        state = self._state()
        state.seconds = state.seconds if self.step else 0.0
        # Reading the distributed metrics is a collective operation; only the chief writes the file.
        metrics = self.model.metrics_variables if self.step else []
        state.metrics = [np.asarray(variable.numpy()) for variable in metrics]
        state.weights, state.best = self.model.network.get_weights(), self.best
        state.optimizer = [np.asarray(variable.numpy()) for variable in self.model.optimizer.variables]
        self._checkpoints.write(state)

    def _check(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise CloudmaskError(
                f"training diverged in epoch {len(self.epochs) + 1} of {self._settings.epochs}: the loss is no longer "
                f"a finite number; a learning_rate below {self._settings.learning_rate} may help"
            )


def _assign(variables: list[Any], arrays: Arrays) -> None:
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


class EventLog(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes the epochs and evaluations to the MLCommons log."""

    def __init__(self, events: Events) -> None:
        super().__init__()
        self._events, self._epoch = events, 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Log the start of an epoch."""
        self._epoch = epoch + 1
        self._events.start("epoch", self._epoch)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Log the end of an epoch's training, and the start of its evaluation."""
        self._events.stop("epoch", self._epoch)
        self._events.start("eval", self._epoch)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Log the end of an evaluation."""
        self._events.stop("eval", self._epoch)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Log the accuracy in validation."""
        self._events.accuracy(self._epoch, float(logs["val_accuracy"]))


class ProgressReport(keras.callbacks.Callback):  # type: ignore[misc]
    """Reports each finished epoch, and now and then how much of the next one is done.

    Parameters
    ----------
    record : callable
        Called with each epoch when it is finished.
    share : callable
        Called with the number of epochs done, such as 2.4.
    steps : int
        Number of steps in an epoch.
    """

    def __init__(
        self, state: TrainingState, record: Callable[[Epoch], None], share: Callable[[float], None], steps: int
    ) -> None:
        super().__init__()
        self._state, self._record, self._share, self._steps = state, record, share, steps
        self._reported = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """Report within an epoch."""
        if time.monotonic() - self._reported > PROGRESS_S:
            self._reported = time.monotonic()
            self._share(len(self._state.epochs) + self._state.step / self._steps)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Report an epoch."""
        self._record(self._state.epochs[-1])
