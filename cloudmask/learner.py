"""The network with its optimiser: a step on a batch, on all devices of a team, and its state as arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from cloudmask.feed import Batch
from cloudmask.losses import LOSSES, agreeing
from cloudmask.precision import FLOAT16
from cloudmask.settings import Settings
from cloudmask.store import CHANNELS, CLOUD, SCALE, VALID
from cloudmask.team import Team
from cloudmask.unet import unet

Arrays = list[npt.NDArray[Any]]
Sums = npt.NDArray[np.float64]


class Learner:
    """A network that learns, the same on all devices.

    Parameters
    ----------
    policy : str
        What Keras calls a dtype policy.
    images : dtype
        Of the store's images.
    """

    def __init__(self, settings: Settings, team: Team, policy: str, images: npt.DTypeLike = np.int16) -> None:
        patch = settings.patch
        # Of any number of patches, so that a smaller last batch costs no second tracing of seconds.
        self._signature = (
            tf.TensorSpec((None, patch, patch, CHANNELS), images),
            tf.TensorSpec((None, patch, patch), tf.uint8),
            tf.TensorSpec((), tf.int64),
            tf.TensorSpec((), tf.float64),
        )
        self._team, self._loss, self._half = team, LOSSES[settings.loss], policy == FLOAT16
        with team.strategy.scope():
            self.model = unet(settings.width, settings.depth, precision=policy)
            adam = keras.optimizers.Adam(settings.learning_rate)
            # Small gradients would be 0 in float16; they are scaled up before, and back in float32.
            self._optimiser = keras.optimizers.LossScaleOptimizer(adam) if self._half else adam
            self._optimiser.build(self.model.trainable_variables)
        self._learn, self._judge = self._compiled(self._learn_share), self._compiled(self._judge_share)

    def learn(self, batch: Batch, stop: bool = False) -> Sums:
        """Take a step of the optimiser on a batch with at least one valid pixel.

        Parameters
        ----------
        stop : bool
            Whether this process wants to stop, of which all of them learn by the third of the sums.

        Returns
        -------
        ndarray of float64, shape (3,)
            Loss and agreeing pixels, summed over the batch's valid pixels on all devices, then the wishes to stop.
        """
        return self._sums(self._learn, batch, stop)

    def judge(self, batch: Batch, stop: bool = False) -> Sums:
        """Return the same sums without a step."""
        return self._sums(self._judge, batch, stop)

    @property
    def weights(self) -> Arrays:
        """The network's weights, as copies; when set, all shapes are checked before the first is changed."""
        return [variable.numpy() for variable in self.model.variables]

    @weights.setter
    def weights(self, values: Sequence[npt.NDArray[Any]]) -> None:
        _assign(self.model.variables, values)

    @property
    def optimiser(self) -> Arrays:
        """The optimiser's state, likewise."""
        return [variable.numpy() for variable in self._optimiser.variables]

    @optimiser.setter
    def optimiser(self, values: Sequence[npt.NDArray[Any]]) -> None:
        _assign(self._optimiser.variables, values)

    def _compiled(self, on_device: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
        def step(*arguments: Any) -> tf.Tensor:
            return self._team.strategy.run(on_device, args=arguments)

        # Values of several devices have no such signature.
        signature = self._signature if self._team.devices == 1 else None
        compiled: Callable[..., tf.Tensor] = tf.function(step, signature, reduce_retracing=signature is None)
        return compiled

    def _sums(self, step: Callable[..., tf.Tensor], batch: Batch, stop: bool) -> Sums:
        pixels, wish = tf.constant(batch.pixels, tf.int64), tf.constant(stop, tf.float64)
        found = step(batch.images, batch.labels, pixels, wish)
        return np.asarray(self._team.strategy.experimental_local_results(found)[0])

    def _learn_share(self, images: tf.Tensor, labels: tf.Tensor, pixels: tf.Tensor, stop: tf.Tensor) -> tf.Tensor:
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            losses, right = self._outcome(images, labels)
            # Over the pixels of all devices, so that the devices' gradients add up to the batch's.
            scaled = self._optimiser.scale_loss(tf.reduce_sum(losses) / tf.cast(pixels, losses.dtype))
        gradients = tape.gradient(scaled, variables)
        if self._half and self._team.devices > 1:
            # All devices must see the same overflow; what `apply` adds up again is then one of equal parts.
            reduced = tf.distribute.get_replica_context().all_reduce("sum", gradients)
            gradients = [gradient / self._team.devices for gradient in reduced]
        self._optimiser.apply(gradients, variables)  # Keras adds up the gradients of all devices
        return _total(losses, right, stop)

    def _judge_share(self, images: tf.Tensor, labels: tf.Tensor, _pixels: tf.Tensor, stop: tf.Tensor) -> tf.Tensor:
        return _total(*self._outcome(images, labels), stop)

    def _outcome(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return loss and agreeing pixels of each patch."""
        channels = tf.cast(images, tf.float32) / SCALE if images.dtype == tf.int16 else images
        logit = self.model(channels)[..., 0]
        cloud, valid = (tf.cast(tf.bitwise.bitwise_and(labels, bit) > 0, logit.dtype) for bit in (CLOUD, VALID))
        return self._loss(logit, cloud, valid), agreeing(logit, cloud, valid)


def _total(losses: tf.Tensor, right: tf.Tensor, stop: tf.Tensor) -> tf.Tensor:
    # In float64, since float32 counts only to 2**24 pixels.
    own = tf.stack([tf.reduce_sum(tf.cast(losses, tf.float64)), tf.reduce_sum(tf.cast(right, tf.float64)), stop])
    return tf.distribute.get_replica_context().all_reduce("sum", own)


def _assign(variables: Sequence[Any], values: Sequence[npt.NDArray[Any]]) -> None:
    if [tuple(variable.shape) for variable in variables] != [value.shape for value in values]:
        raise ValueError("arrays of another network")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
