"""The course of a training: epochs of steps, what is known after each, and where it may be left and taken up again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cloudmask.checkpoints import Checkpoint, progress
from cloudmask.compatibility import is_upstream, whole_batches
from cloudmask.errors import CloudmaskError
from cloudmask.feed import Feed, Order
from cloudmask.history import Epoch, best, is_stale
from cloudmask.keeper import Keeper
from cloudmask.learner import Arrays, Learner, Sums
from cloudmask.mllog import Events
from cloudmask.settings import Settings
from cloudmask.stopping import StoppedError

NEWS = 30.0  # s between two words within an epoch
LOSS, RIGHT, STOP = range(3)  # of a step's sums
PIXELS, SECONDS = 2, 3  # of an epoch's sums, after loss and agreeing pixels


@dataclass(frozen=True)
class Watch:
    """Who wants to know how a training goes on.

    Attributes
    ----------
    record : callable
        Called with each epoch when it is finished, also with those of an earlier attempt.
    share : callable
        Called now and then within a long epoch, with the number of epochs done, such as 2.4.
    events : Events
        The log for MLCommons.
    """

    record: Callable[[Epoch], None]
    share: Callable[[float], None]
    events: Events


class Course:
    """A training that can be left between any two steps.

    Parameters
    ----------
    policy : str
        The learner's arithmetic, for checkpoints.
    stop : callable
        Tells whether this process is to end.
    """

    def __init__(
        self, settings: Settings, policy: str, learner: Learner, keeper: Keeper, watch: Watch, stop: Callable[[], bool]
    ) -> None:
        self._settings, self._policy, self._learner = settings, policy, learner
        self._keeper, self._watch, self._stop = keeper, watch, stop
        self._use = whole_batches if is_upstream(settings.compatibility) else _all
        self.epochs: list[Epoch] = []
        self._step, self._sums, self._best = 0, np.zeros(4), Arrays()
        self._told = time.monotonic()

    def resume(self, checkpoint: Checkpoint) -> None:
        """Take up a training where a checkpoint left it.

        Raises
        ------
        CloudmaskError
            If the checkpoint is of another network; nothing of it is used then.
        """
        try:
            self._learner.weights, self._learner.optimiser = checkpoint.weights, checkpoint.optimiser
        except ValueError as error:
            raise CloudmaskError(f"{checkpoint.path}: {error}") from None
        self._step, self._sums, self._best = checkpoint.step, np.array(checkpoint.sums), checkpoint.best
        for epoch in checkpoint.epochs:
            self.epochs.append(epoch)
            self._watch.record(epoch)

    def run(self, training: Feed, validation: Feed) -> Epoch:
        """Train to the end; give the epoch whose weights the network then has: the last or, with `patience`, the best.

        Raises
        ------
        CloudmaskError
            If the loss is no longer a finite number.
        StoppedError
            If it was asked to end.
        """
        held = self._use(np.arange(len(validation.valid)), self._settings.batch)
        kept = self._use(np.arange(len(training.valid)), self._settings.batch)
        self._watch.events.data(len(kept), len(held), self._settings.batch)
        self._watch.events.adam(self._settings.learning_rate)
        for epoch in self.epochs:
            self._watch.events.again(epoch.epoch, epoch.val_accuracy)
        while len(self.epochs) < self._settings.epochs and not is_stale(self.epochs, self._settings.patience):
            self._epoch(training, validation, held)
        if not self._best or is_upstream(self._settings.compatibility):
            return self.epochs[-1]
        self._learner.weights = self._best
        return best(self.epochs)

    def _epoch(self, training: Feed, validation: Feed, held: Order) -> None:
        number, begun = len(self.epochs) + 1, time.perf_counter()
        # From seed and number alone, so that an attempt that takes over needs no state of chance.
        order = np.random.default_rng([self._settings.seed, number]).permutation(len(training.valid))
        order = self._use(order, self._settings.batch)
        with self._watch.events.interval("epoch", number):
            self._learn(training, order, begun)
        with self._watch.events.interval("eval", number):
            sums = self._judge(validation, held, begun)
        self._finish(sums, begun)

    def _learn(self, feed: Feed, order: Order, begun: float) -> None:
        steps = math.ceil(len(order) / self._settings.batch)
        for batch in feed(order[self._step * self._settings.batch :]):
            self._step += 1
            if not batch.pixels:
                continue
            found = self._learner.learn(batch, self._stop())
            self._sums[: PIXELS + 1] += found[LOSS], found[RIGHT], batch.pixels
            self._check(found[LOSS])
            if found[STOP]:
                self._leave(begun)
            if self._keeper.due:
                self._save(begun)
            self._tell(self._step / steps)

    def _judge(self, feed: Feed, order: Order, begun: float) -> Sums:
        sums = np.zeros(PIXELS + 1)
        for batch in feed(order):
            if not batch.pixels:
                continue
            found = self._learner.judge(batch, self._stop())
            sums += found[LOSS], found[RIGHT], batch.pixels
            if found[STOP]:
                self._leave(begun)
        self._check(sums[LOSS])
        return sums

    def _finish(self, held: Sums, begun: float) -> None:
        """Write an epoch down and keep its weights if they are the best so far; a new epoch begins."""
        seconds = self._sums[SECONDS] + time.perf_counter() - begun
        loss, accuracy, val_loss, val_accuracy = (
            float(value) for sums in (self._sums, held) for value in sums[:PIXELS] / sums[PIXELS]
        )
        epoch = Epoch(len(self.epochs) + 1, loss, accuracy, val_loss, val_accuracy, round(seconds, 3))
        self.epochs.append(epoch)
        if self._settings.patience and best(self.epochs) is epoch:
            self._best = self._learner.weights
        self._step, self._sums = 0, np.zeros(4)
        self._save(time.perf_counter())
        self._watch.events.accuracy(epoch.epoch, epoch.val_accuracy)
        self._watch.record(epoch)

    def _save(self, begun: float) -> None:
        if not self._keeper.writes:
            return
        sums = [*map(float, self._sums[:SECONDS]), self._sums[SECONDS] + time.perf_counter() - begun]
        arrays = self._learner.weights, self._learner.optimiser, self._best
        self._keeper.write(
            Checkpoint(self._policy, self.epochs, self._step, sums if self._step else [0.0] * 4, *arrays)
        )

    def _leave(self, begun: float) -> None:
        self._save(begun)
        done = progress(self.epochs, self._step)
        raise StoppedError(f"ended by SIGTERM after {done}; a new attempt goes on from there")

    def _check(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise CloudmaskError(
                f"training diverged in epoch {len(self.epochs) + 1} of {self._settings.epochs}: the loss is no longer "
                f"a finite number; a learning_rate below {self._settings.learning_rate} may help"
            )

    def _tell(self, share: float) -> None:
        if time.monotonic() - self._told > NEWS:
            self._told = time.monotonic()
            self._watch.share(len(self.epochs) + share)


def _all(order: Order, _batch: int) -> Order:
    return order
