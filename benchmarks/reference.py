"""A plain implementation of the benchmark, with which CloudMask is compared.

It reimplements the behavior of mlcommons/science v1.1: one Python generator per scene, float32, a network that ends in
a sigmoid, and inference in overlapping patches of 256 pixels. It shares no code with the package `cloudmask`, so that a
mistake there shows in the comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import layers

Floats = npt.NDArray[np.float32]

PATCH = 256
CHANNELS = 9
OVERLAP = 80  # pixels shared by neighboring patches at inference
BORDER = OVERLAP // 2  # pixels cropped from each side of a patch's prediction
WIDTH = 32


def load(path: Path) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Read a scene: six reflectances less 0.5, three temperatures as (T - 270 K) / 22 K, and 1.0 for cloud.

    Returns
    -------
    image : ndarray, shape (rows, columns, 9)
    mask : ndarray, shape (rows, columns, 1)
        In the types of the file.
    """
    with h5py.File(path, "r") as file:
        reflectance, temperature, label = (file[name][:] for name in ("refs", "bts", "bayes"))
    image = np.concatenate([reflectance - 0.5, (temperature - 270.0) / 22.0], axis=-1)
    return image, np.where(label > 0, 1.0, 0.0)


def training_patches(image: tf.Tensor) -> tf.Tensor:
    """Cut the middle of an image into adjacent patches, row by row; remainders at the edges are dropped."""
    rows, columns, channels = image.shape
    top, left = (rows % PATCH) // 2, (columns % PATCH) // 2
    middle = image[top : rows - top, left : columns - left]
    sizes = [1, PATCH, PATCH, 1]
    patches = tf.image.extract_patches(middle[None], sizes, sizes, [1, 1, 1, 1], "VALID")
    return tf.reshape(patches, (-1, PATCH, PATCH, channels))


def dataset(paths: Sequence[Path], shape: tuple[int, int], batch: int, cached: bool = False) -> tf.data.Dataset:
    """Return full batches of patches and masks, with two scenes interleaved and a shuffle buffer of a batch.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of all scenes.
    cached : bool
        Whether later epochs read from memory, as the benchmark does by default.
    """
    signature = (
        tf.TensorSpec((*shape, CHANNELS), tf.float32),
        tf.TensorSpec((*shape, 1), tf.float32),
    )

    def one_scene(path: bytes) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
        yield load(Path(path.decode()))

    def generator(path: tf.Tensor) -> tf.data.Dataset:
        return tf.data.Dataset.from_generator(one_scene, output_signature=signature, args=(path,))

    names = tf.data.Dataset.from_tensor_slices([str(path) for path in paths]).shuffle(len(paths))
    scenes = names.interleave(generator, cycle_length=2, num_parallel_calls=2)
    pairs = scenes.map(lambda image, mask: (training_patches(image), training_patches(mask)), num_parallel_calls=2)
    patches = pairs.unbatch()
    patches = patches.cache() if cached else patches
    return patches.prefetch(batch).shuffle(batch).batch(batch, drop_remainder=True)


def network(width: int = WIDTH) -> keras.Model:
    """Return the U-Net: 39 layers, 1,948,609 parameters, three poolings; its output is the probability of cloud."""

    def twice(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = layers.ReLU()(layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal")(x))
        return x

    inputs = keras.Input((PATCH, PATCH, CHANNELS))
    first = twice(inputs, width)
    second = twice(layers.MaxPooling2D()(first), 2 * width)
    third = twice(layers.MaxPooling2D()(second), 4 * width)
    deep = twice(layers.MaxPooling2D()(third), 8 * width)
    up = twice(layers.Concatenate()([layers.UpSampling2D()(deep), third]), 4 * width)
    up = twice(layers.Concatenate()([layers.UpSampling2D()(up), second]), 2 * width)
    up = twice(layers.Concatenate()([layers.UpSampling2D()(up), first]), width)
    return keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid", kernel_initializer="he_normal")(up))


def compiled(learning_rate: float = 0.001, width: int = WIDTH) -> keras.Model:
    """Return a compiled network."""
    model = network(width)
    model.compile(keras.optimizers.Adam(learning_rate), loss="binary_crossentropy", metrics=["accuracy"])
    return model


def inference_patches(image: Floats) -> tf.Tensor:
    """Cut an image, padded with zeros, into overlapping patches: 7 x 9 for 1200 x 1500 pixels.

    Returns
    -------
    tf.Tensor, shape (down, across, 256, 256, 9)
    """
    sizes, steps = [1, PATCH, PATCH, 1], [1, PATCH - OVERLAP, PATCH - OVERLAP, 1]
    patches = tf.image.extract_patches(image[None], sizes, steps, [1, 1, 1, 1], "SAME")
    _, down, across, _ = patches.shape
    return tf.reshape(patches, (down, across, PATCH, PATCH, CHANNELS))


def predict(model: keras.Model, image: Floats) -> Floats:
    """Return the probability of cloud of each pixel of an image, shape (rows, columns): all patches in one batch."""
    patches = inference_patches(image)
    down, across = patches.shape[:2]
    probability = model.predict_on_batch(tf.reshape(patches, (-1, PATCH, PATCH, CHANNELS)))
    inner = probability[:, BORDER : PATCH - BORDER, BORDER : PATCH - BORDER, 0]
    side = PATCH - OVERLAP
    whole = inner.reshape(down, across, side, side).swapaxes(1, 2).reshape(down * side, across * side)
    rows, columns = image.shape[:2]
    top, left = (down * side - rows) // 2, (across * side - columns) // 2
    return np.asarray(whole[top : top + rows, left : left + columns])


def accuracy(probabilities: Sequence[Floats], masks: Sequence[npt.NDArray[Any]]) -> float:
    """Return the benchmark's accuracy: the mean over scenes of the share of pixels that agree with the mask."""
    shares = [
        np.mean((probability > 0.5) == (mask[..., 0] > 0))
        for probability, mask in zip(probabilities, masks, strict=True)
    ]
    return float(np.mean(shares))
