"""Compare ``compatibility: upstream`` with the reference: ``python -m benchmarks.parity``.

The reference trains a small network on synthetic scenes of full size. CloudMask takes over its weights, and both
predict the same held-out scenes. The page cloudmask-parity quotes these numbers. Takes two minutes on one core.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from benchmarks import reference
from cloudmask.data import compatibility
from cloudmask.data.hdf5 import Scene, read_scene, write_arrays
from cloudmask.data.synthesis import synthesize
from cloudmask.model.inference import PatchPredictor, Predictor
from cloudmask.model.unet import unet

SHAPE = (1200, 1500)
TRAINING, HELD_OUT = 6, 4
WIDTH, EPOCHS, BATCH = 8, 8, 8
SEED = 1234


@dataclass(frozen=True)
class Compared:
    """The predictions of the reference and of CloudMask for one held-out scene."""

    scene: Scene
    reference: npt.NDArray[np.float32]
    upstream: npt.NDArray[np.float32]
    one_pass: npt.NDArray[np.float32]

    def accuracy(self, probability: npt.NDArray[np.float32], fill: bool) -> float:
        """Return the share of pixels that agree with the label, with or without fill."""
        agree = (probability > 0.5) == self.scene.cloud
        return float(np.mean(agree if fill else agree[self.scene.valid]))


def write_scenes(folder: Path, count: int, seed: int) -> list[Path]:
    """Write synthetic scenes; three in five are day scenes."""
    paths = [folder / f"S3A_{seed}_{number}.hdf" for number in range(count)]
    for number, path in enumerate(paths):
        write_arrays(path, synthesize(np.random.default_rng([seed, number]), SHAPE, number % 5 not in (1, 3))[0])
    return paths


def ours(theirs: keras.Model, temperatures_first: bool, precision: str = "float32") -> keras.Model:
    """Return a network with the weights of the reference, optionally reordered to our order of channels."""
    first, *others = theirs.get_weights()
    if temperatures_first:
        first = np.concatenate([first[:, :, 6:], first[:, :, :6]], axis=2)
    model = unet(first.shape[-1], precision=precision, joining=True)
    model.set_weights([first, *others])
    return model


def compare(theirs: keras.Model, paths: Sequence[Path]) -> list[Compared]:
    """Predict each scene with the reference, in patches and in one pass."""
    patches, one_pass = PatchPredictor(ours(theirs, False)), Predictor(ours(theirs, True))
    comparisons = []
    for path in paths:
        scene, (image, _) = read_scene(path), reference.load(path)
        expected = reference.predict(theirs, image.astype(np.float32))
        # With fill, as in the training, so that only patches and one pass differ.
        comparisons.append(Compared(scene, expected, patches(scene), one_pass(compatibility.whole(scene))))
    return comparisons


def main() -> None:
    """Print the table."""
    keras.utils.set_random_seed(SEED)
    with tempfile.TemporaryDirectory() as folder:
        training = write_scenes(Path(folder), TRAINING, 1)
        held_out = write_scenes(Path(folder), HELD_OUT, 2)
        _report_patches(held_out)
        theirs = reference.compiled(width=WIDTH)
        theirs.fit(reference.dataset(training, SHAPE, BATCH, cached=True), epochs=EPOCHS, verbose=0)
        comparisons = compare(theirs, held_out)
    _report_outputs(comparisons)
    _report_accuracy(comparisons)


def _report_patches(paths: Sequence[Path]) -> None:
    differences, masks = [], []
    for path in paths:
        image, mask = reference.load(path)
        images, cloud = compatibility.cut(read_scene(path), reference.PATCH)
        differences.append(np.abs(images - reference.training_patches(image.astype(np.float32)).numpy()).max())
        masks.append(np.array_equal(cloud[..., None], reference.training_patches(mask).numpy() > 0))
    _line("patches: largest difference of a value", max(differences))
    _line("patches: masks that are the same", f"{sum(masks)} of {len(masks)}")


def _report_outputs(comparisons: Sequence[Compared]) -> None:
    for name in ("upstream", "one_pass"):
        gaps = [np.abs(getattr(compared, name) - compared.reference) for compared in comparisons]
        flips = [np.mean((getattr(compared, name) > 0.5) != (compared.reference > 0.5)) for compared in comparisons]
        _line(f"{name}: largest difference in probability", max(gap.max() for gap in gaps))
        _line(f"{name}: pixels whose mask differs", float(np.mean(flips)))


def _report_accuracy(comparisons: Sequence[Compared]) -> None:
    _line("fill, share of all pixels", float(np.mean([1 - compared.scene.valid.mean() for compared in comparisons])))
    for name in ("reference", "upstream", "one_pass"):
        for fill in (True, False):
            scores = [compared.accuracy(getattr(compared, name), fill) for compared in comparisons]
            _line(f"accuracy of {name}, {'all pixels' if fill else 'without fill'}", float(np.mean(scores)))


def _line(what: str, value: Any) -> None:
    print(f"{value:<12.6g} {what}" if isinstance(value, float | np.floating) else f"{value:<12} {what}", flush=True)


if __name__ == "__main__":
    main()
