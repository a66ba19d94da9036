"""Baselines belong to their data, and a copy is no second measurement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairmesh.results import load_study
from fairmesh.results.ranking import baselines
from fairmesh.site import sentences
from fairmesh.site.view import StudyView
from tests.results.builder import Folder


def add(folder: Folder, baseline: float, accuracy: float, data: str = "", **axes: Any) -> None:
    point = folder.add(**axes)
    point["stages"] = {"scenes": data * 64} if data else {}
    folder.write_plan()
    folder.finish(point, {"accuracy": accuracy}, baselines={"threshold": {"accuracy": baseline}})


def view(folder: Folder) -> StudyView:
    return StudyView(load_study(folder.results, folder.study))


def rows(folder: Folder) -> list[tuple[str, float, int]]:
    found = [(row.name, row.metrics["accuracy"]) for row in view(folder).baselines]
    return [(name, summary.mean, summary.n) for name, summary in found]


def test_different_data_are_not_averaged(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    for size, data, value in ((64, "a", 0.8), (128, "b", 0.6)):
        for epochs in (1, 2):
            add(folder, value, 0.9, data, size=size, epochs=epochs)
    assert rows(folder) == [("threshold, size = 64", 0.8, 1), ("threshold, size = 128", 0.6, 1)]


def test_copies_of_one_measurement_count_once(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    for epochs in (1, 2):
        for repeat in (1, 2, 3):
            add(folder, 0.8, 0.9, "a", epochs=epochs, repeat=repeat)
    assert rows(folder) == [("threshold", 0.8, 1)]


def test_repeats_that_measure_anew_are_averaged(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    for epochs in (1, 2):
        for repeat, value in enumerate((0.7, 0.8), 1):
            add(folder, value, 0.9, "ab"[repeat - 1], epochs=epochs, repeat=repeat)
    assert rows(folder) == [("threshold", 0.75, 2)]


@pytest.mark.parametrize("data", ["", "a"])
def test_measurements_that_happen_to_be_equal_all_count(tmp_path: Path, data: str) -> None:
    folder = Folder(tmp_path / "results")
    for repeat, value in enumerate((1.0, 1.0, 4.0), 1):
        add(folder, value, 0.9, data, repeat=repeat)
    assert rows(folder) == [("threshold", 2.0, 3)]


def test_equal_values_are_one_row_whatever_the_data(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    for epochs in (1, 2, 3):
        add(folder, 0.8, 0.9, epochs=epochs)
    assert rows(folder) == [("threshold", 0.8, 1)]
    (found,) = baselines(view(folder).study)
    assert len(found.outcomes) == 3


def test_the_best_is_held_against_a_baseline_on_its_own_data(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    add(folder, 0.95, 0.7, "a", size=64)
    add(folder, 0.6, 0.9, "b", size=128)
    said = next(sentences.remarks(view(folder)))
    assert said.endswith("the strongest baseline, threshold, size = 128, reaches 0.6.")
    assert said.startswith("That is 0.3 better")
