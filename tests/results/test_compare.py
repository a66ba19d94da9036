"""Experiments and studies side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fairmesh.errors import InputError
from fairmesh.results import StudyResults, load_study
from fairmesh.results.compare import Change, MetricChange, compare_experiments, compare_studies, find_side, mean_of
from fairmesh.results.metrics import MetricValue
from fairmesh.site.view import StudyView
from tests.results.builder import Folder, build


def study(tmp_path: Path, points: dict[tuple[int, int], float], **declared: Any) -> StudyResults:
    """Make a study of (epochs, repeat) with the accuracy of each."""
    folder = Folder(tmp_path / "results")
    folder.application["metrics"]["accuracy"] |= declared
    for (epochs, repeat), accuracy in points.items():
        folder.finish(folder.add(epochs=epochs, repeat=repeat), {"accuracy": accuracy})
    return load_study(folder.results, "quick")


def accuracy(found: StudyResults, *names: str) -> MetricChange:
    compared = compare_experiments([find_side(found, name) for name in names])
    return next(metric for metric in compared.metrics if metric.metric.name == "accuracy")


@pytest.mark.parametrize(
    ("one", "other", "state", "words"),
    [
        ((0.80, 0.82), (0.81, 0.83), "noise", "within noise of the repeats"),
        ((0.80, 0.81, 0.80), (0.90, 0.91, 0.90), "different", "better, beyond the noise of the repeats"),
        ((0.90, 0.91, 0.90), (0.80, 0.81, 0.80), "different", "worse, beyond the noise of the repeats"),
        ((0.80,), (0.90,), "unknown", "one run each: noise unknown"),
        ((0.80, 0.81), (0.90,), "unknown", "2 and 1 runs: noise unknown"),
        ((0.80,), (0.80,), "noise", "the same number"),
    ],
)
def test_repeats_say_what_is_noise(
    tmp_path: Path, one: tuple[float], other: tuple[float], state: str, words: str
) -> None:
    sides = {(1, at): value for at, value in enumerate(one, 1)} | {(4, at): value for at, value in enumerate(other, 1)}
    judged = accuracy(study(tmp_path, sides), "epochs=1", "epochs=4").judgements[1]
    assert judged is not None
    assert (judged.state, judged.words) == (state, words)


@pytest.mark.parametrize(
    ("tolerance", "state", "words"),
    [
        (0.2, "noise", "within the tolerance of 0.2"),
        (0.05, "different", "better, by more than the tolerance of 0.05"),
    ],
)
def test_without_repeats_the_tolerance_says_it(tmp_path: Path, tolerance: float, state: str, words: str) -> None:
    found = study(tmp_path, {(1, 1): 0.8, (4, 1): 0.9}, tolerance=tolerance)
    judged = accuracy(found, "epochs=1", "epochs=4").judgements[1]
    assert judged is not None
    assert (judged.state, judged.basis, judged.words) == (state, "tolerance", words)


def test_lower_may_be_better(tmp_path: Path) -> None:
    found = accuracy(study(tmp_path, {(1, 1): 0.8, (4, 1): 0.9}, better="lower"), "epochs=1", "epochs=4")
    assert (found.better, found.best) == ("lower", 0)


def test_single_experiments_keep_their_own_values_and_are_judged_by_their_repeats(tmp_path: Path) -> None:
    found = study(tmp_path, {(1, 1): 0.80, (1, 2): 0.81, (1, 3): 0.80, (4, 1): 0.90, (4, 2): 0.91, (4, 3): 0.90})
    compared = accuracy(found, "epochs=1+repeat=2", "epochs=4+repeat=1")
    assert compared.values == (MetricValue(0.81), MetricValue(0.90))
    assert compared.differences[1] == pytest.approx(0.09)
    assert compared.judgements[1] is not None
    assert compared.judgements[1].basis == "repeats"


def test_two_repeats_of_a_point_differ_by_noise(tmp_path: Path) -> None:
    compared = accuracy(study(tmp_path, {(1, 1): 0.80, (1, 2): 0.81}), "epochs=1+repeat=1", "epochs=1+repeat=2")
    assert compared.judgements[1] is not None
    assert compared.judgements[1].state == "noise"


def test_parameters_and_environment_say_whether_they_differ(tmp_path: Path) -> None:
    built = build(tmp_path / "results")
    found = load_study(built.results, "quick")
    compared = compare_experiments([find_side(found, "epochs=2+width=8"), find_side(found, "epochs=4+width=4")])
    assert {parameter.name for parameter in compared.parameters if parameter.differs} == {"epochs", "width"}
    assert "seed" not in {parameter.name for parameter in compared.parameters}, "it follows the repeat"
    assert Change("python.version", "", ("3.11.7", "3.11.7")) in compared.environment
    assert {usage.metric.name: usage.metric.unit for usage in compared.usage} == {
        "seconds": "s",
        "cpu_s": "s",
        "energy_j": "J",
        "peak_bytes": "byte",
        "read_bytes": "byte",
        "write_bytes": "byte",
    }


def test_studies_are_compared_by_the_first_place_of_their_leaderboards(tmp_path: Path) -> None:
    for name, epochs in (("quick", (2, 4)), ("more", (4, 8))):
        build(tmp_path / "results", name, epochs)
    studies = [load_study(tmp_path / "results", name) for name in ("quick", "more")]
    compared = compare_studies(studies)
    for side, study in zip(compared.sides, studies, strict=True):
        best = StudyView(study).best
        assert best is not None
        assert side.outcomes == best.outcomes
    assert [mean_of(value) for value in compared.metrics[0].values if value] == [
        StudyView(value).best.metrics["accuracy"].mean  # type: ignore[union-attr]
        for value in studies
    ]
    assert json.loads(json.dumps(compared.to_json()))["kind"] == "studies"


def test_a_study_without_results_is_named(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    folder.add(epochs=1)
    with pytest.raises(InputError, match="study quick has no result yet"):
        compare_studies([load_study(folder.results, "quick")])


def test_what_one_side_lacks_is_left_open(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    folder.finish(folder.add(epochs=1), {"accuracy": 0.5, "extra": 1})
    folder.finish(folder.add(epochs=2), {"accuracy": 0.6})
    folder.start(folder.add(epochs=3), "failed")
    found = load_study(folder.results, "quick")
    compared = compare_experiments([find_side(found, f"epochs={number}") for number in (1, 2, 3)])
    extra = next(metric for metric in compared.metrics if metric.metric.name == "extra")
    assert (extra.differences, extra.judgements, extra.best) == ((None,) * 3, (None,) * 3, None)
    assert compared.metrics[0].best == 1
    assert compared.metrics[0].differences[2] is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("epochs=2", "'epochs=2' fits 2 points of quick: epochs=2 width=4, epochs=2 width=8; they differ in width"),
        ("epoch=2+width=4", "'epoch=2+width=4': quick has no axis 'epoch'; did you mean 'epochs'?"),
        ("", "study quick has no experiment ''"),
    ],
)
def test_a_name_that_means_nothing_or_several_is_explained(tmp_path: Path, name: str, message: str) -> None:
    built = build(tmp_path / "results")
    with pytest.raises(InputError) as caught:
        find_side(load_study(built.results, "quick"), name)
    assert str(caught.value).startswith(message)


def test_names_are_ids_keys_points_and_beginnings(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    first, second = folder.add(epochs=1, repeat=1), folder.add("dgx", epochs=1, repeat=1)
    found = load_study(folder.results, "quick")
    for name in ("local/epochs=1+repeat=1", first["key"], first["key"][:6], "local/epochs=1", "epochs=1 on local"):
        assert find_side(found, name).outcomes[0].machine == "local", name
    assert find_side(found, second["key"]).to_json() == {
        "study": "quick",
        "machine": "dgx",
        "name": "epochs=1",
        "experiments": ["epochs=1+repeat=1"],
        "states": ["waiting"],
        "n": 0,
    }
