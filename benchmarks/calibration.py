"""Measure difficulty and cost of the synthetic scenes: ``python -m benchmarks.calibration``.

The accuracy should increase from thresholds to boosting of single pixels, boosting with the neighborhood of each pixel,
and the agreement of label and hidden truth, the upper limit. The gap between single pixels and the limit can be closed
only by spatial context; boosting with neighborhoods is a lower bound for a U-Net. Takes some minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from cloudmask.data.hdf5 import Mask, Scene
from cloudmask.data.patches import normalize
from cloudmask.data.synthesis import Arrays, synthesize
from cloudmask.scoring.baselines import threshold_mask
from cloudmask.scoring.classifiers import features

SHAPE, FULL = (600, 750), (1200, 1500)
PIXELS, JUDGED = 5_000, 30_000  # of each scene for training, and of each held-out scene
WINDOWS = (3, 11, 41)  # pixels, of the neighborhoods
# Goals for the means over all held-out scenes.
WANTED = {
    "thresholds": (0.80, 0.85),
    "boosting": (0.87, 0.90),
    "label against truth": (0.95, 0.97),
}
GAIN = 0.02  # minimum gain by the neighborhood
COST = 4.0  # maximum CPU seconds for a scene of full size

Features = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Known:
    """A scene with its hidden truth."""

    scene: Scene
    truth: Mask
    day: bool

    @classmethod
    def make(cls, seed: int, part: int, index: int) -> Known:
        """Make scene number `index` of a part, as `cloudmask.data.scenes` does with this seed."""
        day = index % 5 not in (1, 3)
        benchmark, hidden = synthesize(np.random.default_rng([seed, part, index]), SHAPE, day)
        return cls(_scene(benchmark), hidden["truth"] > 0, day)


def _scene(arrays: Arrays) -> Scene:
    channels = np.concatenate([arrays["bts"], arrays["refs"]], axis=-1, dtype=np.float32, casting="same_kind")
    return Scene(channels, arrays["bts"][..., 0] > 0, arrays["bayes"][..., 0] > 0)


def pixels(scene: Scene) -> Features:
    """Return the features of single pixels, shape (rows x columns, 12)."""
    channels = normalize(scene)
    return features(channels.reshape(-1, channels.shape[-1]))


def neighborhoods(scene: Scene) -> Features:
    """Return the features of pixels with means, deviations and distances to extremes around them."""
    channels = normalize(scene)
    single = pixels(scene).reshape(*channels.shape[:2], -1)
    arrays = [single]
    for window in WINDOWS:
        size = (window, window, 1)
        mean = uniform_filter(single, size=size)
        arrays += [mean, np.sqrt(np.maximum(uniform_filter(single**2, size=size) - mean**2, 0))]
        if window > 3:
            arrays += [maximum_filter(single, size=size) - single, single - minimum_filter(single, size=size)]
    stacked = np.concatenate(arrays, axis=-1)
    return stacked.reshape(-1, stacked.shape[-1])


Describe = Callable[[Scene], Features]
METHODS: dict[str, tuple[Describe, Callable[[], object]]] = {
    "logistic": (pixels, lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))),
    "boosting": (pixels, lambda: HistGradientBoostingClassifier(early_stopping=False, random_state=1)),
    "boosting with neighbours": (
        neighborhoods,
        lambda: HistGradientBoostingClassifier(early_stopping=False, random_state=1),
    ),
}


def draw(known: Known, number: int) -> npt.NDArray[np.int_]:
    """Draw valid pixels of a scene at random."""
    return np.random.default_rng(1).choice(np.flatnonzero(known.scene.valid), number, replace=False)


def learn(training: Sequence[Known]) -> dict[str, tuple[Describe, object]]:
    """Fit all methods to the same pixels."""
    drawn = [(known.scene, draw(known, PIXELS)) for known in training]
    label = np.concatenate([scene.cloud.ravel()[chosen] for scene, chosen in drawn])
    described: dict[Describe, Features] = {
        describe: np.concatenate([describe(scene)[chosen] for scene, chosen in drawn])
        for describe in (pixels, neighborhoods)
    }
    return {name: (describe, make().fit(described[describe], label)) for name, (describe, make) in METHODS.items()}  # type: ignore[attr-defined]


def judge(known: Known, methods: dict[str, tuple[Describe, object]]) -> dict[str, float]:
    """Return the share of pixels in which each method agrees with the label."""
    scene, chosen = known.scene, draw(known, JUDGED)
    described: dict[Describe, Features] = {describe: describe(scene)[chosen] for describe in (pixels, neighborhoods)}
    label = scene.cloud.ravel()[chosen]
    masks = {"always cloud": np.ones_like(label), "thresholds": threshold_mask(scene).ravel()[chosen]}
    masks |= {name: method.predict(described[describe]) for name, (describe, method) in methods.items()}  # type: ignore[attr-defined]
    masks["label against truth"] = known.truth.ravel()[chosen]
    return {name: float((mask == label).mean()) for name, mask in masks.items()}


def cost(day: bool) -> float:
    """Return the CPU seconds for a scene of full size, the minimum of three runs."""
    spent = []
    for seed in range(3):
        start = time.process_time()
        synthesize(np.random.default_rng(seed), FULL, day)
        spent.append(time.process_time() - start)
    return min(spent)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; return 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description="How hard the scenes are.")
    parser.add_argument("--training", type=int, default=30, metavar="N", help="scenes to learn from (30)")
    parser.add_argument("--held-out", type=int, default=25, metavar="N", help="scenes to judge by (25)")
    parser.add_argument("--seed", type=int, default=77, metavar="N", help="chance behind the scenes (77)")
    options = parser.parse_args(argv)
    with threadpool_limits(1):
        methods = learn([Known.make(options.seed, 0, index) for index in range(options.training)])
        held = (Known.make(options.seed, 1, index) for index in range(options.held_out))
        judged = [(known.day, judge(known, methods)) for known in held]
    means = _print_table(judged)
    costs = {light: cost(light == "day") for light in ("day", "night")}
    print("CPU seconds for 1200 x 1500 pixels: " + ", ".join(f"{light} {value:.1f}" for light, value in costs.items()))
    missed = [f"{name} {means[name]:.3f}" for name, (low, high) in WANTED.items() if not low <= means[name] <= high]
    if means["boosting with neighbours"] - means["boosting"] < GAIN:
        missed.append("the gain by neighbours")
    if max(costs.values()) > COST:
        missed.append("the cost")
    print("not as wanted: " + ", ".join(missed) if missed else "all as wanted")
    return bool(missed)


def _print_table(judged: list[tuple[bool, dict[str, float]]]) -> dict[str, float]:
    groups = {"all": (True, False), "day": (True,), "night": (False,)}
    print(f"{'accuracy, mean over scenes':28}" + "".join(f"{name:>8}" for name in groups))
    means = {}
    for method in judged[0][1]:
        columns = [
            np.mean([accuracies[method] for day, accuracies in judged if day in group]) for group in groups.values()
        ]
        print(f"{method:28}" + "".join(f"{value:8.3f}" for value in columns))
        means[method] = float(columns[0])
    return means


if __name__ == "__main__":
    sys.exit(main())
