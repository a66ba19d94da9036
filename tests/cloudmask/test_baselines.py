"""Baselines learn from training pixels alone, come back from disk, and belong to their scenes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cloudmask.data.compatibility import OWN, UPSTREAM
from cloudmask.data.hdf5 import Scene, read_scene, write_arrays
from cloudmask.data.patches import NAMES, VALID, Patches, channel_names, cut
from cloudmask.data.scenes import FILE as CATALOGUE
from cloudmask.data.scenes import scan
from cloudmask.data.synthesis import Arrays
from cloudmask.errors import CloudmaskError, InputError
from cloudmask.scoring import classifiers
from cloudmask.scoring.baselines import ARRAYS, FILE, KINDS, Baselines, read_baselines
from cloudmask.scoring.baselines import _write as write
from cloudmask.scoring.evaluation import Evaluation
from cloudmask.scoring.held_out import held_out, short_name
from cloudmask.scoring.histograms import Ground, Histograms, read_hidden
from cloudmask.scoring.metrics import Table
from cloudmask.scoring.results import write_results
from cloudmask.settings import Settings, read_settings


@pytest.fixture
def scene(scene_file: Path) -> Scene:
    return read_scene(scene_file)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "config.yaml").write_text("{}\n")
    return read_settings(tmp_path / "config.yaml")


def counted(scene: Scene, names: tuple[str, ...] = ("a", "b")) -> Baselines:
    return counted_on([Ground.of(name, scene, None) for name in names])


def counted_on(grounds: list[Ground]) -> Baselines:
    rng = np.random.default_rng(1)

    def histograms() -> Histograms:
        return Histograms.of(grounds, [ground.count(rng.integers(0, 256, ground.kind.shape)) for ground in grounds])

    return Baselines({name: histograms() for name in KINDS})


def test_the_differences_are_those_of_their_names() -> None:
    channels = np.arange(9, dtype=np.float32)[None] ** 2
    found = classifiers.features(channels)[0]
    place = dict(zip(NAMES, channels[0], strict=True))
    expected = [place["S7"] - place["S8"], place["S8"] - place["S9"], place["S1"] - place["S5"]]
    assert found.tolist() == [*channels[0], *expected]


@pytest.mark.parametrize("ways", [OWN, UPSTREAM])
def test_pixels_to_learn_from_are_valid_and_their_own(scene: Scene, ways: str) -> None:
    patches = cut(scene, 16, ways)
    known, cloud = classifiers.sample(patches, channel_names(ways), 1)
    valid = patches.labels & VALID > 0
    # As many are asked for as there are, so each valid pixel is drawn once.
    assert len(known) == len(cloud) == valid.sum()
    assert cloud.mean() == pytest.approx((patches.labels[valid] & 1).mean())
    place = channel_names(ways).index("S8")
    mean = patches.channels(np.arange(len(patches.labels)))[valid][:, place].mean()
    assert known[:, NAMES.index("S8")].mean() == pytest.approx(mean, rel=1e-4)


def test_few_pixels_are_drawn_from_each_patch_and_the_seed_says_which(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifiers, "PIXELS", 60)
    monkeypatch.setattr(classifiers, "PATCHES", 4)
    found = [classifiers.sample(cut(scene, 16), list(NAMES), seed)[0] for seed in (1, 1, 2)]
    assert len(found[0]) == 60
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


@pytest.mark.parametrize(("label", "said"), [(VALID, "all clear"), (VALID | 1, "all cloud"), (0, "none")])
def test_pixels_of_one_class_teach_nothing(label: int, said: str) -> None:
    patches = Patches(np.zeros((2, 8, 8, 9), dtype=np.int16), np.full((2, 8, 8), label, dtype=np.uint8))
    with pytest.raises(CloudmaskError, match=f"pixels for the baselines are {said}"):
        classifiers.learn(patches, list(NAMES), 1)


def test_what_is_learned_predicts_each_pixel_in_its_place(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = classifiers.learn(cut(scene, 16), list(NAMES), 1)
    assert set(fitted) == {name for name, kind in KINDS.items() if kind.soft}
    whole = {name: classifiers.predict(method, scene) for name, method in fitted.items()}
    for found in whole.values():
        assert ((found > 127) == scene.cloud)[scene.valid].mean() > 0.85
    monkeypatch.setattr(classifiers, "CHUNK", 700)
    assert all(np.array_equal(classifiers.predict(fitted[name], scene), found) for name, found in whole.items())


def test_baselines_come_back_as_they_were_written(scene: Scene, tmp_path: Path) -> None:
    once = counted(scene)
    write(once, tmp_path)
    again = read_baselines(tmp_path)
    assert again.names == once.names
    assert again.scores() == once.scores() == json.loads((tmp_path / FILE).read_text())["scores"]
    for name, found in once.methods.items():
        assert np.array_equal(again.methods[name].counts, found.counts)
        assert np.array_equal(again.methods[name].day, found.day)
    assert "auc" not in again.scores()["threshold"]


@pytest.mark.parametrize(
    ("name", "content", "error", "said"),
    [
        (FILE, None, InputError, f"{FILE}: no such file"),
        (FILE, b"{}", CloudmaskError, "not baselines of format"),
        (FILE, b'{"format": 0, "scenes": [], "scores": {}}', CloudmaskError, "not baselines of format"),
        (ARRAYS, None, InputError, "histograms.npz: no such file"),
        (ARRAYS, b"PK\x03\x04 cut off", CloudmaskError, "not the histograms"),
    ],
)
def test_damage_is_told(
    scene: Scene, tmp_path: Path, name: str, content: bytes | None, error: type[Exception], said: str
) -> None:
    write(counted(scene), tmp_path)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=said):
        read_baselines(tmp_path)


def test_histograms_of_other_scenes_than_are_named_are_refused(scene: Scene, tmp_path: Path) -> None:
    write(counted(scene, ("a", "b", "c")), tmp_path)
    three = (tmp_path / ARRAYS).read_bytes()
    write(counted(scene), tmp_path)
    (tmp_path / ARRAYS).write_bytes(three)
    with pytest.raises(CloudmaskError, match="histograms of other scenes"):
        read_baselines(tmp_path)


@pytest.fixture
def folder(scene_folder: Callable[..., Path], day_arrays: Arrays) -> Path:
    """Return scenes for inference: a good one, one of fill, one of clear sky alone."""
    folder = scene_folder("training/S3A_1.hdf", "inference/S3A_2.hdf", "inference/S3A_3.hdf", "inference/S3A_4.hdf")
    fill = {name: np.zeros_like(array) for name, array in day_arrays.items()}
    write_arrays(folder / "inference/S3A_3.hdf", fill)
    write_arrays(folder / "inference/S3A_4.hdf", day_arrays | {"bayes": fill["bayes"]})
    scan(folder).write(folder / CATALOGUE)
    return folder


def test_a_scene_of_fill_is_named_and_left_out(
    folder: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    found = list(held_out(settings, folder))
    assert [(held.ground.name, held.done, held.total) for held in found] == [("S3A_2", 1, 3), ("S3A_4", 3, 3)]
    assert "S3A_3.hdf" in capsys.readouterr().out


def test_nothing_but_fill_is_told(folder: Path, settings: Settings) -> None:
    for name in ("S3A_2.hdf", "S3A_4.hdf"):
        (folder / "inference" / name).write_bytes((folder / "inference/S3A_3.hdf").read_bytes())
    with pytest.raises(CloudmaskError, match="no scene for inference can be used"):
        list(held_out(settings, folder))


@pytest.mark.parametrize("damaged", ["refuse", "skip"])
def test_a_damaged_scene_is_refused_or_skipped(folder: Path, settings: Settings, damaged: str) -> None:
    (folder / "inference/S3A_2.hdf").write_bytes(b"nothing")
    wished = replace(settings, damaged=damaged)
    if damaged == "refuse":
        with pytest.raises(CloudmaskError, match=r"S3A_2\.hdf"):
            list(held_out(wished, folder))
    else:
        assert [held.ground.name for held in held_out(wished, folder)] == ["S3A_4"]


def test_in_the_benchmarks_way_fill_counts(folder: Path, settings: Settings) -> None:
    ours, theirs = (next(held_out(replace(settings, compatibility=ways), folder)).ground for ways in (OWN, UPSTREAM))
    pixels = [
        Table.of(Histograms.of([ground], [ground.count(np.zeros(ground.kind.shape, np.uint8))]).by_label()).pixels[0]
        for ground in (ours, theirs)
    ]
    assert pixels[0] < pixels[1] == theirs.kind.size


def evaluate_and_write(folder: Path, settings: Settings, target: Path, baselines: Baselines | None = None) -> dict:  # type: ignore[type-arg]
    evaluation = Evaluation()
    for held in held_out(settings, folder):
        evaluation.add(held, np.where(held.scene.cloud, 200, 20).astype(np.uint8), 0.5)
    write = write_results(target, evaluation, baselines or Baselines({}))
    return dict(write)


def test_a_scene_of_one_class_is_told_and_leaves_cells_empty(
    folder: Path, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = evaluate_and_write(folder, settings, tmp_path / "out")
    assert "S3A_4: no cloud, so no POD and no AUC" in capsys.readouterr().out
    assert metrics["accuracy"]["value"] == metrics["pod"]["value"] == 1
    header, *lines = ((tmp_path / "out/tables/scenes.csv").read_text()).splitlines()
    cells = dict(zip(header.split(","), lines[1].split(","), strict=True))
    assert (cells["scene"], cells["pod"], cells["auc"], cells["accuracy"]) == ("S3A_4", "", "", "1.0")
    assert cells["boosting_accuracy"] == ""
    assert "nan" not in "".join(path.read_text() for path in (tmp_path / "out/tables").iterdir())


def test_the_network_is_measured_against_boosting(folder: Path, settings: Settings, tmp_path: Path) -> None:
    baselines = counted_on([held.ground for held in held_out(settings, folder)])
    metrics = evaluate_and_write(folder, settings, tmp_path / "out", baselines)
    assert metrics["gain_over_boosting"]["value"] > 0.3
    assert set(json.loads((tmp_path / "out/baselines.json").read_text())) == set(KINDS)


@pytest.mark.parametrize("names", [("a", "b"), ("S3A_2", "S3A_4")], ids=["other names", "other labels"])
def test_baselines_of_other_scenes_are_refused(
    folder: Path, settings: Settings, tmp_path: Path, names: tuple[str, str]
) -> None:
    scene = read_scene(folder / "inference/S3A_2.hdf")
    with pytest.raises(CloudmaskError, match="baselines are of other scenes"):
        evaluate_and_write(folder, settings, tmp_path / "out", counted(scene, names))


def test_the_scenes_shown_have_cloud_and_clear_sky_as_evenly_as_any(folder: Path, settings: Settings) -> None:
    evaluation = Evaluation()
    for held in reversed(list(held_out(settings, folder))):
        evaluation.add(held, np.zeros(held.scene.cloud.shape, np.uint8), 0.1)
    assert {light: shown.name for light, shown in evaluation.shown.items()} == {"day": "S3A_2"}


def test_hidden_truth_is_read_with_its_surfaces(tmp_path: Path) -> None:
    masks = {name: np.array([[index % 2, index // 2]], dtype=np.uint8) for index, name in enumerate(("truth", "land"))}
    write_arrays(tmp_path / "truth.hdf", masks | {"snow": np.array([[0, 1]])})
    hidden = read_hidden(tmp_path / "truth.hdf", (1, 2))
    assert hidden is not None
    assert hidden.surface.tolist() == [[2, 3]]
    assert read_hidden(tmp_path / "none.hdf", (1, 2)) is None


@pytest.mark.parametrize("shape", [(2, 1), (1, 2)])
def test_a_hidden_truth_that_is_none_is_told(tmp_path: Path, shape: tuple[int, int]) -> None:
    masks = {name: np.zeros((2, 1), dtype=np.uint8) for name in ("truth", "land", "snow")}
    if shape == (2, 1):
        del masks["snow"]
    write_arrays(tmp_path / "truth.hdf", masks)
    with pytest.raises(CloudmaskError, match=r"truth\.hdf"):
        read_hidden(tmp_path / "truth.hdf", shape)


def test_a_name_of_another_kind_stands_for_itself() -> None:
    assert short_name(Path("S3A_day.hdf")) == "S3A_day"
