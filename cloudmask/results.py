"""What an experiment leaves: tables, figures and scores of the network beside the baselines."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cloudmask import figures
from cloudmask.baselines import KINDS, Baselines
from cloudmask.errors import CloudmaskError
from cloudmask.files import write_bytes, write_json
from cloudmask.histograms import Histograms, strata
from cloudmask.judging import Judged
from cloudmask.scoring import Scores, accuracies, gain, summarise
from cloudmask.tables import write_tables

NETWORK, BEST = "network", "boosting"  # the best of the baselines, which the network is measured by
TITLES = {NETWORK: "U-Net"} | {name: kind.title for name, kind in KINDS.items()}
SOFT = {NETWORK: True} | {name: kind.soft for name, kind in KINDS.items()}


def write_results(folder: Path, judged: Judged, baselines: Baselines) -> Scores:
    """Write tables, figures and baselines.json into the folder; give the metrics of the network.

    Raises
    ------
    CloudmaskError
        If the baselines are of other scenes.
    """
    network = judged.histograms
    if not all(_same_scenes(network, each) for each in baselines.methods.values()):
        raise CloudmaskError("the baselines are of other scenes than those that were predicted; run their stage anew")
    write_tables(folder / "tables", network, baselines, judged.seconds)
    methods = {NETWORK: network} | baselines.methods
    _write_figures(folder / "figures", judged, methods)
    write_json(folder / "baselines.json", baselines.scores())
    found = summarise(network)
    if BEST in baselines.methods:
        found |= {f"gain_over_{BEST}": gain(network, baselines.methods[BEST])}
    return found


def _same_scenes(one: Histograms, other: Histograms) -> bool:
    """Return whether two methods have seen the same labels; synthetic scenes of all seeds have the same names."""
    labels = [each.with_fill().sum(axis=-1) for each in (one, other)]
    return one.names == other.names and np.array_equal(*labels)


def _write_figures(folder: Path, judged: Judged, methods: dict[str, Histograms]) -> None:
    pooled = {name: found.by_label().sum(axis=0) for name, found in methods.items()}
    soft = {name: pairs for name, pairs in pooled.items() if SOFT[name]}
    by_scene = {name: accuracies(found.by_label()) for name, found in methods.items()}
    network = methods[NETWORK]
    write_bytes(folder / "reliability.png", figures.draw_reliability(soft, TITLES))
    write_bytes(folder / "roc.png", figures.draw_roc(pooled, SOFT, TITLES))
    write_bytes(folder / "spectrum.png", figures.draw_spectrum(by_scene, network.day, TITLES))
    by_stratum = {name: pairs.sum(axis=0) for name, pairs in strata(network).items()}
    write_bytes(folder / "confusion.png", figures.draw_confusion(by_stratum))
    for light, shown in judged.shown.items():
        place = network.names.index(shown.name)
        said = {
            name: f"{TITLES[name]} {found[place]:.3f}" for name, found in by_scene.items() if name in (NETWORK, BEST)
        }
        title = f"{shown.name}, {'by day' if light == 'day' else 'at night'}: accuracy {', '.join(said.values())}"
        write_bytes(folder / f"scene_{light}.png", figures.draw_scene(shown, title))
