"""Losses over valid pixels, as sums over patches, so that shares of a batch on several devices add up to the whole."""

from __future__ import annotations

import tensorflow as tf

SMOOTH = 1.0  # pixel: keeps the dice loss of a patch without cloud finite
PIXELS = (1, 2)  # axes of rows and columns


def cross_entropy(logit: tf.Tensor, cloud: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Return the binary cross-entropy -(y ln p + (1 - y) ln(1 - p)) of each patch, summed over its valid pixels.

    This is the reference's loss, from the logit in place of the probability, which saturates.

    Parameters
    ----------
    logit, cloud, valid : Tensor of float32, shape (n, rows, columns)
        The network's output, the label and the weight, the latter two 0 or 1.

    Returns
    -------
    Tensor of float32, shape (n,)
    """
    each = tf.nn.sigmoid_cross_entropy_with_logits(labels=cloud, logits=logit)
    return tf.reduce_sum(valid * each, PIXELS)


def dice(logit: tf.Tensor, cloud: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Return the soft dice loss 1 - (2 sum p y + 1) / (sum p + sum y + 1) of each patch, times its valid pixels.

    After Milletari et al. (2016), V-Net, https://doi.org/10.1109/3DV.2016.79, with plain sums in place of squares. It
    weighs a patch's cloud as much as its clear sky, however little there is of one. The sums are over valid pixels;
    the factor makes it a sum over pixels like `cross_entropy`.

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


def agreeing(logit: tf.Tensor, cloud: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Count each patch's valid pixels in which the mask, the logit above 0, is the label; parameters as above."""
    return tf.reduce_sum(valid * tf.cast(tf.equal(logit > 0, cloud > 0), valid.dtype), PIXELS)


LOSSES = {"cross_entropy": cross_entropy, "dice": dice}
