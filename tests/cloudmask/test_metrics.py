"""Every formula against scikit-learn, or by hand where it has none, and what must always hold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as known

from cloudmask.scoring.histograms import BINS, HALF, quantize
from cloudmask.scoring.metrics import (
    GROUPS,
    OF_MASKS,
    OF_PROBABILITIES,
    Table,
    auc,
    auc_error,
    brier,
    ece,
    reliability,
    roc,
    scores,
)

Labels = npt.NDArray[np.bool_]
Probability = npt.NDArray[np.float32]

SIZE = 60
labels = arrays(np.bool_, SIZE)
both = labels.filter(lambda mask: 0 < mask.sum() < SIZE)
anything = arrays(np.float32, SIZE, elements=st.floats(0, 1, width=32))


def histogram(label: Labels, probability: Probability) -> npt.NDArray[np.int64]:
    pairs = np.zeros((2, BINS), dtype=np.int64)
    np.add.at(pairs, (label.astype(int), quantize(probability)), 1)
    return pairs


@given(labels, anything)
def test_the_mask_is_the_benchmarks_and_its_table_scikit_learns(label: Labels, probability: Probability) -> None:
    mask = probability > 0.5
    table = Table.of(histogram(label, probability))
    (clear, false_alarms), (misses, hits) = known.confusion_matrix(label, mask, labels=[False, True])
    assert (table.clear, table.false_alarms, table.misses, table.hits) == (clear, false_alarms, misses, hits)
    assert table.accuracy == pytest.approx(known.accuracy_score(label, mask), rel=1e-12)
    assert table.cover == pytest.approx(label.mean())


@given(both, anything.filter(lambda mask: 0 < (mask > 0.5).sum() < SIZE))
def test_scores_of_masks_are_scikit_learns(label: Labels, probability: Probability) -> None:
    mask = probability > 0.5
    found = scores(histogram(label, probability))
    expected = {
        "balanced_accuracy": known.balanced_accuracy_score(label, mask),
        "pod": known.recall_score(label, mask),
        "pofd": 1 - known.recall_score(~label, ~mask),
        "far": 1 - known.precision_score(label, mask),
        "hk": known.balanced_accuracy_score(label, mask, adjusted=True),
        "hss": known.cohen_kappa_score(label, mask),
        "csi": known.jaccard_score(label, mask),
        "f1": known.f1_score(label, mask),
        "mcc": known.matthews_corrcoef(label, mask),
    }
    assert set(expected) == set(OF_MASKS)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


@given(both, anything)
def test_scores_of_probabilities_are_scikit_learns_up_to_the_width_of_a_bin(
    label: Labels, probability: Probability
) -> None:
    pairs = histogram(label, probability)
    bound = auc_error(pairs) + 1e-9
    assert auc(pairs) == pytest.approx(known.roc_auc_score(label, probability), abs=bound)
    assert brier(pairs) == pytest.approx(known.brier_score_loss(label, probability), abs=1 / 256)


@given(both, arrays(np.uint8, SIZE))
def test_they_are_exact_for_probabilities_in_the_middle_of_their_bins(
    label: Labels, bins: npt.NDArray[np.uint8]
) -> None:
    middle = ((bins + 0.5) / BINS).astype(np.float32)
    pairs = histogram(label, middle)
    assert np.array_equal(quantize(middle), bins)
    assert auc(pairs) == pytest.approx(known.roc_auc_score(label, middle), abs=1e-12)
    assert brier(pairs) == pytest.approx(known.brier_score_loss(label, middle.astype(float)), abs=1e-12)


@given(both, anything)
def test_the_calibration_error_is_that_of_a_plain_loop(label: Labels, probability: Probability) -> None:
    bins = quantize(probability)
    error = 0.0
    for group in range(GROUPS):
        inside = bins // (BINS // GROUPS) == group
        if inside.any():
            error += inside.mean() * abs(((bins[inside] + 0.5) / BINS).mean() - label[inside].mean())
    assert ece(histogram(label, probability)) == pytest.approx(error, abs=1e-12)


def test_a_table_by_hand() -> None:
    """Finley's tornado forecasts of 1884, as textbooks have them: 28 hits, 72 false alarms, 23 misses, 2680 clear."""
    pairs = np.zeros((2, BINS))
    pairs[:, 0], pairs[:, -1] = (2680, 23), (72, 28)
    found = scores(pairs)
    assert Table.of(pairs).accuracy == pytest.approx(0.966, abs=5e-4)
    assert found["pod"] == pytest.approx(0.549, abs=5e-4)
    assert found["far"] == pytest.approx(0.720, abs=5e-4)
    assert found["pofd"] == pytest.approx(0.026, abs=5e-4)
    assert found["hk"] == pytest.approx(0.523, abs=5e-4)
    assert found["hss"] == pytest.approx(0.355, abs=5e-4)
    assert found["csi"] == pytest.approx(0.228, abs=5e-4)


@pytest.mark.parametrize(
    ("cloud", "undefined"),
    [
        (True, {"pofd", "hk", "balanced_accuracy", "auc", "mcc"}),
        (False, {"pod", "hk", "balanced_accuracy", "auc", "mcc"}),
    ],
)
def test_what_a_single_class_leaves_undefined_is_nan(cloud: bool, undefined: set[str]) -> None:
    pairs = histogram(np.full(4, cloud), np.array([0.1, 0.9, 0.6, 0.2], dtype=np.float32))
    assert {name for name, value in scores(pairs).items() if np.isnan(value)} == undefined


def test_nothing_at_all_has_no_score() -> None:
    assert all(np.isnan(value) for value in scores(np.zeros((2, BINS))).values())


def test_a_mask_has_no_scores_of_probabilities() -> None:
    pairs = histogram(np.array([True, False]), np.array([1, 0], dtype=np.float32))
    assert set(scores(pairs, soft=False)) == set(OF_MASKS)
    assert set(scores(pairs)) == {*OF_MASKS, *OF_PROBABILITIES}


@given(both, anything)
def test_the_curve_rises_from_corner_to_corner_through_the_mask(label: Labels, probability: Probability) -> None:
    pairs = histogram(label, probability)
    pofd, pod = roc(pairs)
    assert (pofd[0], pod[0], pofd[-1], pod[-1]) == (0, 0, 1, 1)
    assert (np.diff(pofd) >= 0).all()
    assert (np.diff(pod) >= 0).all()
    table = Table.of(pairs)
    assert (pofd[BINS - HALF], pod[BINS - HALF]) == (pytest.approx(table.pofd), pytest.approx(table.pod))


@given(st.lists(st.tuples(both, anything), min_size=1, max_size=3))
def test_many_histograms_at_once_are_one_after_the_other(several: list[tuple[Labels, Probability]]) -> None:
    pairs = np.stack([histogram(*pair) for pair in several])
    together = scores(pairs)
    for place, pair in enumerate(pairs):
        for name, value in scores(pair).items():
            assert together[name][place] == pytest.approx(value, nan_ok=True), name


def test_a_group_of_no_pixel_has_no_frequency() -> None:
    found = reliability(histogram(np.array([True]), np.array([0.99], dtype=np.float32)))
    assert found.pixels.tolist() == [0] * (GROUPS - 1) + [1]
    assert np.isnan(found.observed[0])
    assert (found.observed[-1], found.forecast[-1]) == (1, pytest.approx(253.5 / 256))


@pytest.mark.parametrize(
    ("probability", "bin_"),
    [(0.0, 0), (1 / 256, 0), (0.5, 127), (np.nextafter(np.float32(0.5), np.float32(1)), 128), (1.0, 255)],
)
def test_bins_are_closed_above(probability: float, bin_: int) -> None:
    assert quantize(np.array([probability], dtype=np.float32)) == bin_
