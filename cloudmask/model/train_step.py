"""A training step: loss and accuracy over valid pixels, for `keras.Model.fit` and for several processes."""

from __future__ import annotations

import keras
import tensorflow as tf

from cloudmask.data.patches import CLOUD, SCALE, VALID
from cloudmask.model.precision import FLOAT16
from cloudmask.model.unet import unet
from cloudmask.settings import Settings

SMOOTH = 1.0  # pixel: keeps the dice loss of a patch without cloud finite
PIXELS = (1, 2)  # axes of rows and columns


def cross_entropy(logit: tf.Tensor, cloud: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Return the binary cross-entropy -(y ln p + (1 - y) ln(1 - p)) of each patch, summed over its valid pixels.

    This is the reference's loss, computed from the logit, since the probability saturates.

    Parameters
    ----------
    logit, cloud, valid : Tensor of float32, shape (n, rows, columns)
        The network's output, the label and the weight, the latter two 0 or 1.

    Returns
    -------
    Tensor of float32, shape (n,)
    """
    return tf.reduce_sum(valid * tf.nn.sigmoid_cross_entropy_with_logits(labels=cloud, logits=logit), PIXELS)


def dice(logit: tf.Tensor, cloud: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Return the soft dice loss 1 - (2 sum p y + 1) / (sum p + sum y + 1) of each patch, times its valid pixels.

    After Milletari et al. (2016), V-Net, https://doi.org/10.1109/3DV.2016.79, with plain sums instead of squares. It
    weights cloud and clear sky of a patch equally, even if one of them is rare. The sums are over valid pixels; the
    factor makes it a sum over pixels like `cross_entropy`.

    Parameters
    ----------
    logit, cloud, valid : Tensor of float32, shape (n, rows, columns)

    Returns
    -------
    Tensor of float32, shape (n,)
    """
    probability = valid * tf.sigmoid(logit)
    label = valid * cloud
    both = tf.reduce_sum(probability * label, PIXELS)
    either = tf.reduce_sum(probability + label, PIXELS)
    return tf.reduce_sum(valid, PIXELS) * (1 - (2 * both + SMOOTH) / (either + SMOOTH))


def correct(logit: tf.Tensor, cloud: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Return the number of valid pixels of each patch whose mask, logit > 0, equals the label."""
    return tf.reduce_sum(valid * tf.cast(tf.equal(logit > 0, cloud > 0), valid.dtype), PIXELS)


LOSSES = {"cross_entropy": cross_entropy, "dice": dice}


class TrainingModel(keras.Model):  # type: ignore[misc]  # Keras has no types
    """The network with its loss and metrics; build and compile it in the scope of a strategy.

    A batch is a pair of images and labels as in the store. Loss and accuracy are means over the valid pixels of all
    devices, so that the devices' gradients sum to those of the whole batch.

    Parameters
    ----------
    network : keras.Model
        From `cloudmask.model.unet.unet`.
    loss : str
        A key of `LOSSES`.
    """

    def __init__(self, network: keras.Model, loss: str) -> None:
        super().__init__()
        self.network, self._loss_of = network, LOSSES[loss]
        # In float64, since float32 counts exactly only up to 2**24 pixels.
        self._means = [keras.metrics.Mean(name, dtype="float64") for name in ("loss", "accuracy")]
        self.build(network.input_shape)

    @property
    def metrics(self) -> list[keras.Metric]:
        """The metrics loss and accuracy."""
        return self._means

    def call(self, channels: tf.Tensor) -> tf.Tensor:
        """Return the logit of cloud."""
        return self.network(channels)

    def train_step(self, batch: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Run a step of the optimizer; return the means over the epoch so far."""
        variables = self.network.trainable_variables
        with tf.GradientTape() as tape:
            losses, sums = self._forward(batch)
            mean = tf.reduce_sum(losses) / tf.cast(sums[2], losses.dtype)
            scaled = self.optimizer.scale_loss(mean)
        self.optimizer.apply(self._agreed(tape.gradient(scaled, variables)), variables)  # sums over devices
        return self._update(sums)

    def test_step(self, batch: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Return the means over the batches so far."""
        return self._update(self._forward(batch)[1])

    def _forward(self, batch: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the loss of each patch, and the sums over all devices of loss, correct and valid pixels."""
        images, labels = batch
        channels = tf.cast(images, tf.float32) / SCALE if images.dtype == tf.int16 else images
        logit = self.network(channels)[..., 0]
        cloud, valid = (tf.cast(tf.bitwise.bitwise_and(labels, bit) > 0, logit.dtype) for bit in (CLOUD, VALID))
        losses = self._loss_of(logit, cloud, valid)
        sums = [tf.reduce_sum(tf.cast(part, tf.float64)) for part in (losses, correct(logit, cloud, valid), valid)]
        return losses, tf.distribute.get_replica_context().all_reduce("sum", tf.stack(sums))

    def _agreed(self, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
        """Return the averaged gradients in float16, so that all devices see the same overflow."""
        context = tf.distribute.get_replica_context()
        if context.num_replicas_in_sync == 1 or not isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            return gradients
        return [gradient / context.num_replicas_in_sync for gradient in context.all_reduce("sum", gradients)]

    def _update(self, sums: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels = sums[2]
        for mean, total in zip(self._means, (sums[0], sums[1]), strict=True):
            mean.update_state(total / pixels, sample_weight=pixels)
        return {mean.name: mean.result() for mean in self._means}


def build_training_model(settings: Settings, strategy: tf.distribute.Strategy, policy: str) -> TrainingModel:
    """Build and compile the network, the same on all devices of a strategy.

    Parameters
    ----------
    policy : str
        Keras's dtype policy.
    """
    with strategy.scope():
        network = unet(settings.width, settings.depth, precision=policy, joining=True)
        model = TrainingModel(network, settings.loss)
        adam = keras.optimizers.Adam(settings.learning_rate)
        # Small gradients would underflow in float16: the loss is scaled up, and the gradients back in float32.
        optimizer = keras.optimizers.LossScaleOptimizer(adam) if policy == FLOAT16 else adam
        optimizer.build(network.trainable_variables)
        model.compile(optimizer, jit_compile=False)  # XLA is slower on processors
    return model
