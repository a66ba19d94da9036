"""Scores of cloud masks and cloud probabilities, computed from histograms, with references.

All functions take arrays of shape (..., 2, 256), pixels by label (clear, cloud) and bin of probability, and return
shape (...). Undefined scores, such as detection without cloud, are NaN. A pixel is classified as cloud from bin 128 on,
p > 0.5. The terms are those of forecast verification (Jolliffe and Stephenson 2012, *Forecast Verification*, 2nd ed.,
Wiley, chapter 3) with a = hits, b = false alarms, c = misses, d = correct clear, n = a + b + c + d.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cloudmask.scoring.histograms import BINS, HALF

Array = npt.NDArray[np.float64]
Pairs = npt.NDArray[np.int64 | np.float64]
MIDDLES: Array = (np.arange(BINS) + 0.5) / BINS
GROUPS = 16  # groups of a reliability diagram, 16 bins each


def _ratio(part: Array, whole: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(whole > 0, part / whole, np.nan))


@dataclass(frozen=True)
class Table:
    """The contingency table, each cell of shape (...)."""

    hits: Array
    false_alarms: Array
    misses: Array
    clear: Array

    @classmethod
    def of(cls, pairs: Pairs) -> Table:
        """Return the table for a mask that is cloud from bin 128 on."""
        called = np.asarray(pairs, dtype=np.float64)
        no, yes = called[..., :HALF].sum(axis=-1), called[..., HALF:].sum(axis=-1)
        return cls(hits=yes[..., 1], false_alarms=yes[..., 0], misses=no[..., 1], clear=no[..., 0])

    @property
    def pixels(self) -> Array:
        """Number of pixels, n."""
        return self.hits + self.false_alarms + self.misses + self.clear

    @property
    def cover(self) -> Array:
        """Base rate: (a + c) / n, the share of cloud in the label."""
        return _ratio(self.hits + self.misses, self.pixels)

    @property
    def accuracy(self) -> Array:
        """Proportion correct: (a + d) / n (Finley 1884, American Meteorological Journal 1, 85-88)."""
        return _ratio(self.hits + self.clear, self.pixels)

    @property
    def pod(self) -> Array:
        """Probability of detection, hit rate, recall: a / (a + c)."""
        return _ratio(self.hits, self.hits + self.misses)

    @property
    def pofd(self) -> Array:
        """Probability of false detection, false alarm rate: b / (b + d)."""
        return _ratio(self.false_alarms, self.false_alarms + self.clear)

    @property
    def far(self) -> Array:
        """False alarm ratio, one less precision: b / (a + b)."""
        return _ratio(self.false_alarms, self.hits + self.false_alarms)

    @property
    def hk(self) -> Array:
        """Discriminant of Hanssen and Kuipers, POD - POFD (1965, Mededelingen en Verhandelingen 81, KNMI, 2-15)."""
        return self.pod - self.pofd

    @property
    def balanced_accuracy(self) -> Array:
        """Mean of the recalls of both classes, (POD + 1 - POFD) / 2 (Brodersen et al. 2010, ICPR, 3121-3124)."""
        return (self.hk + 1) / 2

    @property
    def hss(self) -> Array:
        """Skill score of Heidke, accuracy relative to chance (1926, Geografiska Annaler 8, 301-349).

        2 (ad - bc) / ((a + c)(c + d) + (a + b)(b + d)).
        """
        a, b, c, d = self.hits, self.false_alarms, self.misses, self.clear
        return _ratio(2 * (a * d - b * c), (a + c) * (c + d) + (a + b) * (b + d))

    @property
    def csi(self) -> Array:
        """Critical success index, intersection over union of cloud: a / (a + b + c) (Gilbert 1884; Jaccard 1912)."""
        return _ratio(self.hits, self.hits + self.false_alarms + self.misses)

    @property
    def f1(self) -> Array:
        """Harmonic mean of precision and recall: 2a / (2a + b + c) (Dice 1945, Ecology 26, 297-302)."""
        return _ratio(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses)

    @property
    def mcc(self) -> Array:
        """Correlation of Matthews, (ad - bc) / sqrt((a + b)(a + c)(d + b)(d + c)) (1975, BBA 405, 442-451)."""
        a, b, c, d = self.hits, self.false_alarms, self.misses, self.clear
        return _ratio(a * d - b * c, np.sqrt((a + b) * (a + c)) * np.sqrt((d + b) * (d + c)))


def roc(pairs: Pairs) -> tuple[Array, Array]:
    """Return POFD and POD for each threshold from "all is clear" to "all is cloud", each of shape (..., 257).

    Relative operating characteristic (Mason 1982, Australian Meteorological Magazine 30, 291-303): for threshold k, the
    last k bins are cloud.
    """
    falling = np.cumsum(np.asarray(pairs, dtype=np.float64)[..., ::-1], axis=-1)
    shares = _ratio(falling, falling[..., -1:])
    shares = np.concatenate([np.where(np.isnan(shares[..., :1]), np.nan, 0), shares], axis=-1)
    return shares[..., 0, :], shares[..., 1, :]


def auc(pairs: Pairs) -> Array:
    """Return the area under the curve of `roc`.

    This is the probability that a cloudy pixel has a higher probability than a clear one, Mann and Whitney's U over all
    pairs with ties counted half (Hanley and McNeil 1982, Radiology 143, 29-36). Pixels in the same bin are ties;
    `auc_error` bounds the error.
    """
    pofd, pod = roc(pairs)
    return np.asarray((np.diff(pofd, axis=-1) * (pod[..., 1:] + pod[..., :-1]) / 2).sum(axis=-1))


def auc_error(pairs: Pairs) -> Array:
    """Return a bound of the error of `auc` due to binning: half the pairs within one bin."""
    shares = _ratio(np.asarray(pairs, dtype=np.float64), np.asarray(pairs, dtype=np.float64).sum(-1, keepdims=True))
    return np.asarray((shares[..., 0, :] * shares[..., 1, :]).sum(axis=-1) / 2)


def brier(pairs: Pairs) -> Array:
    """Return the mean squared difference of probability and label (Brier 1950, Monthly Weather Review 78, 1-3).

    Each bin is represented by its middle, at most 1/512 away, so the error due to binning is at most 1/256.
    """
    counts = np.asarray(pairs, dtype=np.float64)
    squares = counts[..., 0, :] @ MIDDLES**2 + counts[..., 1, :] @ (1 - MIDDLES) ** 2
    return _ratio(squares, counts.sum(axis=(-2, -1)))


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram: 16 groups of probabilities, each of shape (..., 16)."""

    pixels: Array
    forecast: Array  # mean probability
    observed: Array  # relative frequency of cloud


def reliability(pairs: Pairs) -> Reliability:
    """Return pixels grouped by sixteenths of probability (Murphy and Winkler 1977, Applied Statistics 26, 41-47)."""
    counts = np.asarray(pairs, dtype=np.float64)
    grouped = counts.reshape(*counts.shape[:-1], GROUPS, -1).sum(axis=-1)
    pixels = grouped.sum(axis=-2)
    weighted = (counts.sum(axis=-2) * MIDDLES).reshape(*counts.shape[:-2], GROUPS, -1).sum(axis=-1)
    return Reliability(pixels, _ratio(weighted, pixels), _ratio(grouped[..., 1, :], pixels))


def ece(pairs: Pairs) -> Array:
    """Return the expected calibration error of the probability of cloud, in 16 groups.

    Mean absolute difference of forecast and observed frequency, weighted by pixels (Naeini et al. 2015, AAAI,
    2901-2907; Guo et al. 2017, ICML, 1321-1330, for the confidence of the predicted class).
    """
    diagram = reliability(pairs)
    gaps = np.nan_to_num(np.abs(diagram.forecast - diagram.observed)) * diagram.pixels
    return _ratio(gaps.sum(axis=-1), diagram.pixels.sum(axis=-1))


# Scores of masks, and scores that need probabilities.
OF_MASKS = ("balanced_accuracy", "pod", "pofd", "far", "hk", "hss", "csi", "f1", "mcc")
SIGNED = ("hk", "hss", "mcc")  # those between -1 and 1; the others lie between 0 and 1
OF_PROBABILITIES: dict[str, Callable[[Pairs], Array]] = {"auc": auc, "brier": brier, "ece": ece}


def scores(pairs: Pairs, soft: bool = True) -> dict[str, Array]:
    """Return all scores of pooled pixels, each of shape (...).

    Parameters
    ----------
    pairs : ndarray, shape (..., 2, 256)
    soft : bool
        Whether the method gives probabilities or only a mask.
    """
    table = Table.of(pairs)
    by_score: dict[str, Array] = {name: getattr(table, name) for name in OF_MASKS}
    return by_score | {name: score(pairs) for name, score in OF_PROBABILITIES.items() if soft}
