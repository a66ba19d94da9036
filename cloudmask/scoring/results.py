"""The results of an experiment: tables, figures and scores of the network and the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cloudmask import figures
from cloudmask.errors import CloudmaskError
from cloudmask.files import write_bytes, write_csv, write_json
from cloudmask.scoring.baselines import KINDS, Baselines
from cloudmask.scoring.evaluation import Evaluation
from cloudmask.scoring.histograms import Histograms, strata
from cloudmask.scoring.metrics import (
    GROUPS,
    OF_MASKS,
    OF_PROBABILITIES,
    Pairs,
    Table,
    auc,
    reliability,
    roc,
    scores,
)
from cloudmask.scoring.scores import Scores, accuracies, gain, interval, pool_without, share, summarize

Array = npt.NDArray[np.float64]

SOFT_BASELINES = tuple(name for name, kind in KINDS.items() if kind.soft)
OF_BASELINES = tuple(f"{name}_accuracy" for name in KINDS)
SCENES = (
    *("scene", "light", "cover", "accuracy", "benchmark_accuracy", "truth_accuracy", "pod", "pofd", "auc"),
    *OF_BASELINES,
    "seconds",
)
STRATA = (
    *("stratum", "scenes", "pixels", "cover", "accuracy", "accuracy_low", "accuracy_high"),
    *OF_MASKS,
    *OF_PROBABILITIES,
    *OF_BASELINES,
)
RELIABILITY = (
    *("group", "probability", "observed", "pixels"),
    *(f"{name}_{what}" for name in SOFT_BASELINES for what in ("probability", "observed", "pixels")),
)
ROC = ("pofd", "pod", *(f"{name}_pod" for name in SOFT_BASELINES))
GRID: Array = np.linspace(0, 1, 51)


def write_tables(folder: Path, network: Histograms, baselines: Baselines, seconds: Sequence[float]) -> None:
    """Write all tables; undefined values are empty cells.

    Parameters
    ----------
    seconds : sequence of float
        The prediction time of each scene.
    """
    write_csv(folder / "scenes.csv", SCENES, scene_rows(network, baselines, seconds))
    write_csv(folder / "strata.csv", STRATA, strata_rows(network, baselines))
    pooled = {"": network.by_label().sum(axis=0)}
    pooled |= {
        f"{name}_": histograms.by_label().sum(axis=0)
        for name, histograms in baselines.methods.items()
        if KINDS[name].soft
    }
    write_csv(folder / "reliability.csv", RELIABILITY, reliability_rows(pooled))
    write_csv(folder / "roc.csv", ROC, roc_rows(pooled))


def _columns(names: Sequence[str], columns: Mapping[str, Sequence[object] | Array]) -> list[list[object]]:
    """Return the rows of a table; missing columns, as without baselines, are empty."""
    empty = [""] * len(columns[names[0]])
    return [[_cell(value) for value in row] for row in zip(*(columns.get(name, empty) for name in names), strict=True)]


def _cell(value: object) -> object:
    if isinstance(value, np.floating | np.ndarray | float):
        return "" if np.isnan(value) else round(float(value), 6)
    return value


def scene_rows(network: Histograms, baselines: Baselines, seconds: Sequence[float]) -> list[list[object]]:
    """Return the rows of scenes.csv in the order of the scenes."""
    pairs = network.by_label()
    table = Table.of(pairs)
    columns: dict[str, Sequence[object] | Array] = {
        "scene": network.names,
        "light": ["day" if day else "night" for day in network.day],
        "cover": table.cover,
        "accuracy": table.accuracy,
        "benchmark_accuracy": accuracies(network.with_fill()),
        "truth_accuracy": accuracies(network.by_truth()),
        "pod": table.pod,
        "pofd": table.pofd,
        "auc": auc(pairs),
        "seconds": [round(second, 3) for second in seconds],
    }
    columns |= {f"{name}_accuracy": accuracies(histograms.by_label()) for name, histograms in baselines.methods.items()}
    return _columns(SCENES, columns)


def strata_rows(network: Histograms, baselines: Baselines) -> list[list[object]]:
    """Return the rows of strata.csv: scores of the pooled pixels of each stratum."""
    others = {name: strata(baseline) for name, baseline in baselines.methods.items()}
    rows = []
    for name, pairs in strata(network).items():
        pool = pairs.sum(axis=0)
        table = Table.of(pool)
        low, high = _interval(pairs)
        row: dict[str, object] = {
            "stratum": name,
            "scenes": int((pairs.sum(axis=(1, 2)) > 0).sum()),
            "pixels": int(pool.sum()),
            "cover": table.cover,
            "accuracy": table.accuracy,
            "accuracy_low": low,
            "accuracy_high": high,
            **scores(pool),
            **{f"{other}_accuracy": accuracies(baseline[name].sum(axis=0)) for other, baseline in others.items()},
        }
        rows.append([_cell(row.get(key, "")) for key in STRATA])
    return rows


def _interval(pairs: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Return the interval of the accuracy of pooled pixels from shape (n, 2, 256); NaN if undefined."""
    value, without = float(accuracies(pairs.sum(axis=0))), accuracies(pool_without(pairs))
    samples = share(value, accuracies(pairs), without)
    return interval(value, without, samples) or (np.nan, np.nan)


def reliability_rows(pooled: Mapping[str, Pairs]) -> list[list[object]]:
    """Return the rows of reliability.csv, one per sixteenth of probability, labeled by its middle.

    Parameters
    ----------
    pooled : mapping of ndarray, each of shape (2, 256)
        Pixels by the prefix of a method's columns, which is empty for the network.
    """
    columns: dict[str, Sequence[object] | Array] = {"group": (np.arange(GROUPS) + 0.5) / GROUPS}
    for prefix, pairs in pooled.items():
        diagram = reliability(pairs)
        columns |= {
            f"{prefix}probability": diagram.forecast,
            f"{prefix}observed": diagram.observed,
            f"{prefix}pixels": diagram.pixels.astype(int).tolist(),
        }
    return _columns(RELIABILITY, columns)


def roc_rows(pooled: Mapping[str, Pairs]) -> list[list[object]]:
    """Return the rows of roc.csv: POD at 51 values of POFD, so that curves can be averaged.

    Vertical averaging (Fawcett 2006, Pattern Recognition Letters 27, 861-874). No rows if a class is missing.
    """
    if any(np.isnan(auc(pairs)) for pairs in pooled.values()):
        return []
    columns = {f"{prefix}pod": np.interp(GRID, *roc(pairs)) for prefix, pairs in pooled.items()}
    return _columns(ROC, {"pofd": GRID} | columns)


NETWORK, BEST = "network", "boosting"  # the best baseline, with which the network is compared
TITLES = {NETWORK: "U-Net"} | {name: kind.title for name, kind in KINDS.items()}
SOFT = {NETWORK: True} | {name: kind.soft for name, kind in KINDS.items()}


def write_results(folder: Path, evaluation: Evaluation, baselines: Baselines) -> Scores:
    """Write tables, figures and baselines.json into the folder; return the metrics of the network.

    Raises
    ------
    CloudmaskError
        If the baselines belong to other scenes.
    """
    network = evaluation.histograms
    if not all(_same_scenes(network, baseline) for baseline in baselines.methods.values()):
        raise CloudmaskError("the baselines are of other scenes than those that were predicted; run their stage anew")
    write_tables(folder / "tables", network, baselines, evaluation.seconds)
    methods = {NETWORK: network} | baselines.methods
    _write_figures(folder / "figures", evaluation, methods)
    write_json(folder / "baselines.json", baselines.scores())
    metrics = summarize(network)
    if BEST in baselines.methods:
        metrics |= {f"gain_over_{BEST}": gain(network, baselines.methods[BEST])}
    return metrics


def _same_scenes(first: Histograms, second: Histograms) -> bool:
    """Return whether names and labels are the same; synthetic scenes of all seeds have the same names."""
    labels = [histograms.with_fill().sum(axis=-1) for histograms in (first, second)]
    return first.names == second.names and np.array_equal(*labels)


def _write_figures(folder: Path, evaluation: Evaluation, methods: dict[str, Histograms]) -> None:
    pooled = {name: histograms.by_label().sum(axis=0) for name, histograms in methods.items()}
    soft = {name: pairs for name, pairs in pooled.items() if SOFT[name]}
    by_scene = {name: accuracies(histograms.by_label()) for name, histograms in methods.items()}
    network = methods[NETWORK]
    write_bytes(folder / "reliability.png", figures.draw_reliability(soft, TITLES))
    write_bytes(folder / "roc.png", figures.draw_roc(pooled, SOFT, TITLES))
    write_bytes(folder / "spectrum.png", figures.draw_spectrum(by_scene, network.day, TITLES))
    by_stratum = {name: pairs.sum(axis=0) for name, pairs in strata(network).items()}
    write_bytes(folder / "confusion.png", figures.draw_confusion(by_stratum))
    for light, shown in evaluation.shown.items():
        place = network.names.index(shown.name)
        labels = {
            name: f"{TITLES[name]} {accuracy[place]:.3f}"
            for name, accuracy in by_scene.items()
            if name in (NETWORK, BEST)
        }
        title = f"{shown.name}, {'by day' if light == 'day' else 'at night'}: accuracy {', '.join(labels.values())}"
        write_bytes(folder / f"scene_{light}.png", figures.draw_scene(shown, title))
