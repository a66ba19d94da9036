"""The store is written whole or not at all, and what was damaged since is found."""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from cloudmask.data import arrays
from cloudmask.data import store as preparation
from cloudmask.data.compatibility import OWN, UPSTREAM
from cloudmask.data.hdf5 import read_scene
from cloudmask.data.patches import cut
from cloudmask.data.scenes import FILE, scan
from cloudmask.data.store import open_patches, run
from cloudmask.errors import CloudmaskError, InputError
from cloudmask.settings import Settings, read_settings

ARRAYS = ["training_images.npy", "training_labels.npy", "validation_images.npy", "validation_labels.npy"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "config.yaml").write_text("patch: 32\n")
    return read_settings(tmp_path / "config.yaml")


@pytest.fixture
def scenes(scene_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of three training scenes with its catalogue, and make another one the current folder.

    Number 1 is for validation.
    """
    folder = scene_folder("training/S3A_1.hdf", "training/S3A_2.hdf", "training/S3B_3.hdf", "inference/S3A_4.hdf")
    scan(folder).write(folder / FILE)
    (tmp_path / "store").mkdir()
    monkeypatch.chdir(tmp_path / "store")
    return folder


def contents() -> dict[str, bytes]:
    """Return the files of the store in the current folder."""
    return {path.name: path.read_bytes() for path in Path.cwd().iterdir() if path.name != arrays.VERIFIED}


def change(path: Path, name: str, value: float, where: object = ...) -> None:
    with h5py.File(path, "r+") as file:
        file[name][where] = value


def test_a_store_is_opened_as_it_was_written(settings: Settings, scenes: Path) -> None:
    run(settings, scenes)
    expected = cut(read_scene(scenes / "training/S3A_1.hdf"), 32)
    training, validation = open_patches(Path.cwd(), "training"), open_patches(Path.cwd(), "validation")
    assert len(training.labels) == 2 * len(expected.labels)
    assert np.array_equal(validation.images, expected.images)
    assert np.array_equal(validation.labels, expected.labels)
    assert isinstance(validation.images, np.memmap)
    assert not validation.images.flags.writeable
    assert sorted(contents()) == ["store.json", *ARRAYS]


def test_the_description_has_the_hash_of_each_file(settings: Settings, scenes: Path) -> None:
    run(settings, scenes)
    described = json.loads(Path("store.json").read_text())["arrays"]
    assert sorted(described) == ARRAYS
    for name, entry in described.items():
        body = Path(name).read_bytes()
        assert (entry["sha256"], entry["bytes"]) == (hashlib.sha256(body).hexdigest(), len(body))


@pytest.mark.parametrize("name", ARRAYS)
def test_a_changed_byte_is_found(settings: Settings, scenes: Path, name: str) -> None:
    run(settings, scenes)
    subset = name.partition("_")[0]
    open_patches(Path.cwd(), subset)
    body = bytearray(Path(name).read_bytes())
    body[-1] ^= 1
    Path(name).write_bytes(body)
    with pytest.raises(CloudmaskError, match=rf"{name}: does not have its SHA-256"):
        open_patches(Path.cwd(), subset)


def test_what_was_hashed_is_not_hashed_again(settings: Settings, scenes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(settings, scenes)
    hashed: list[str] = []
    true = arrays._sha256
    monkeypatch.setattr(arrays, "_sha256", lambda path: (hashed.append(path.name), true(path))[1])
    for _ in range(2):
        for subset in ("training", "validation"):
            open_patches(Path.cwd(), subset)
    assert sorted(hashed) == ARRAYS
    Path(arrays.VERIFIED).write_text("{")
    open_patches(Path.cwd(), "training")
    assert len(hashed) == 6


@pytest.mark.parametrize("size", [0, 100, -1])
def test_a_truncated_array_is_told(settings: Settings, scenes: Path, size: int) -> None:
    run(settings, scenes)
    path = Path("training_images.npy")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(CloudmaskError, match=r"training_images\.npy: not a whole array"):
        open_patches(Path.cwd(), "training")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("channels", ["B1", "B2"], r"a store of other channels \(B1 B2\) than S7 S8 S9 S1"),
        ("channels", None, r"a store of other channels \(none\)"),
        ("format", 1, "not a store of format 2"),
        ("arrays", {}, "does not describe training_images.npy"),
        ("arrays", {"training_images.npy": {"shape": 3}}, "does not describe training_images.npy"),
    ],
)
def test_a_store_of_another_kind_is_told(settings: Settings, scenes: Path, key: str, value: object, said: str) -> None:
    run(settings, scenes)
    description = Path("store.json")
    description.write_text(json.dumps(json.loads(description.read_text()) | {key: value}))
    with pytest.raises(CloudmaskError, match=said):
        open_patches(Path.cwd(), "training")


def test_the_same_store_is_not_written_twice(
    settings: Settings, scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(settings, scenes)
    before, times = contents(), [path.stat().st_mtime_ns for path in sorted(Path.cwd().glob("*.npy"))]
    run(settings, scenes)
    assert "the store is there already, and whole" in capsys.readouterr().out
    assert contents() == before
    assert [path.stat().st_mtime_ns for path in sorted(Path.cwd().glob("*.npy"))] == times


def test_another_store_is_not_overwritten(settings: Settings, scenes: Path) -> None:
    run(settings, scenes)
    before = contents()
    with pytest.raises(InputError, match="holds a store of other scenes or parameters"):
        run(replace(settings, patch=16), scenes)
    assert contents() == before


def test_scenes_of_the_same_names_made_otherwise_are_another_store(settings: Settings, scenes: Path) -> None:
    replace(scan(scenes), made={"data_seed": 1}).write(scenes / FILE)
    run(settings, scenes)
    replace(scan(scenes), made={"data_seed": 4}).write(scenes / FILE)
    with pytest.raises(InputError, match="holds a store of other scenes or parameters"):
        run(settings, scenes)


@pytest.mark.parametrize(("made", "asked"), [(OWN, UPSTREAM), (UPSTREAM, OWN)])
def test_a_store_of_the_other_way_is_refused(settings: Settings, scenes: Path, made: str, asked: str) -> None:
    run(replace(settings, compatibility=made), scenes)
    assert open_patches(Path.cwd(), "training", made).labels.any()
    with pytest.raises(InputError, match=f"compatibility: {asked}, but .* was made with {made}"):
        open_patches(Path.cwd(), "training", asked)


@pytest.mark.parametrize("kind", ["f4", "f8", ">f4"])
def test_any_type_of_number_gives_the_same_store(settings: Settings, scenes: Path, kind: str) -> None:
    run(settings, scenes)
    before = {name: body for name, body in contents().items() if name in ARRAYS}
    for file in scenes.glob("training/*.hdf"):
        with h5py.File(file, "r+") as scene:
            for name, other in (("bts", kind), ("refs", "f4"), ("bayes", "u1")):
                array = scene[name][...]
                del scene[name]
                scene[name] = array.astype(other)
    for path in Path.cwd().iterdir():
        path.unlink()
    run(settings, scenes)
    assert {name: body for name, body in contents().items() if name in ARRAYS} == before


@pytest.mark.parametrize(
    ("patch", "said"), [(20, "20 is not a multiple of 8"), (56, "56 is larger than the scene .* of 48 x 64 pixels")]
)
def test_a_patch_that_does_not_fit_is_wrong_input(settings: Settings, scenes: Path, patch: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        run(replace(settings, patch=patch, damaged="skip"), scenes)
    assert not contents()


def garbage(path: Path) -> None:
    path.write_bytes(b"nothing")


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def foreign(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["temperature"] = np.zeros((48, 64))


DAMAGES = pytest.mark.parametrize(
    ("damage", "said"),
    [(garbage, "not a whole HDF5 file"), (truncated, "not a whole HDF5 file"), (foreign, "'bts' is missing")],
)


@DAMAGES
def test_a_damaged_scene_is_refused_and_leaves_no_store(
    settings: Settings, scenes: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(scenes / "training/S3A_2.hdf")
    with pytest.raises(CloudmaskError, match=rf"S3A_2\.hdf: .*{said}"):
        run(settings, scenes)
    assert not contents()
    with pytest.raises(InputError, match=r"store\.json: no such file"):
        open_patches(Path.cwd(), "training")


@DAMAGES
def test_a_damaged_scene_is_left_out_if_the_study_says_so(
    settings: Settings,
    scenes: Path,
    damage: Callable[[Path], None],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(scenes / "training/S3A_2.hdf")
    run(replace(settings, damaged="skip"), scenes)
    out = capsys.readouterr().out
    assert f"left out: {scenes}/training/S3A_2.hdf: " in out
    assert said in out
    assert json.loads(Path("store.json").read_text())["scenes"]["training"] == ["S3B_3.hdf"]
    assert len(open_patches(Path.cwd(), "training").labels) == 4


@pytest.mark.parametrize("damaged", ["refuse", "skip"])
def test_a_scene_of_fill_is_left_out_and_never_half_used(
    settings: Settings, scenes: Path, damaged: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(scenes / "training/S3A_2.hdf", "bts", 0)
    run(replace(settings, damaged=damaged), scenes)
    assert "S3A_2.hdf: no pixel has all temperatures and a label" in capsys.readouterr().out
    training = open_patches(Path.cwd(), "training")
    assert np.array_equal(training.images, cut(read_scene(scenes / "training/S3B_3.hdf"), 32).images)
    # The header was written for more scenes, its hash and size were amended.
    assert open_patches(Path.cwd(), "training").labels.shape == (4, 32, 32)


def test_a_subset_without_a_scene_is_told(settings: Settings, scenes: Path) -> None:
    garbage(scenes / "training/S3A_1.hdf")
    with pytest.raises(CloudmaskError, match="no scene for validation can be used"):
        run(replace(settings, damaged="skip"), scenes)
    assert not contents()


@pytest.mark.parametrize(("label", "said"), [(0, "all clear"), (255, "all cloud")])
def test_a_scene_of_one_class_is_named_and_used(
    settings: Settings, scenes: Path, label: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(scenes / "training/S3A_2.hdf", "bayes", label)
    run(settings, scenes)
    assert f"training: 4 patches of S3A_2.hdf, {said}" in capsys.readouterr().out
    assert len(open_patches(Path.cwd(), "training").labels) == 8


@pytest.mark.parametrize(("label", "said"), [(0, "clear"), (255, "cloud")])
def test_training_on_one_class_is_refused(settings: Settings, scenes: Path, label: int, said: str) -> None:
    for file in scenes.glob("training/*.hdf"):
        change(file, "bayes", label)
    with pytest.raises(CloudmaskError, match=f"all pixels for training are {said}: there is nothing to learn"):
        run(settings, scenes)
    assert not contents()


def test_one_scene_cannot_be_split(settings: Settings, scenes: Path) -> None:
    for name in ("S3A_1", "S3A_2"):
        (scenes / f"training/{name}.hdf").unlink()
    scan(scenes).write(scenes / FILE)
    with pytest.raises(InputError, match="at least 2 training scenes"):
        run(settings, scenes)


def test_too_little_room_is_told_before_anything_is_written(
    settings: Settings, scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(InputError, match=r"12 patches need 0\.0 GB, 0\.0 GB are free"):
        run(settings, scenes)
    assert not contents()


@pytest.mark.parametrize("size", [50, 20_000, 100_000])
def test_a_full_disk_is_one_line_and_nothing_stays(settings: Settings, scenes: Path, size: int) -> None:
    Path("precious").write_text("from before")
    command = [sys.executable, "-m", "cloudmask", "store", "--config", "../config.yaml", "--scenes", str(scenes)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )
    assert done.returncode == 1
    assert done.stderr == f"cloudmask: {Path.cwd()}: the store cannot be written: File too large\n"
    assert contents() == {"precious": b"from before"}


def test_one_scene_is_in_memory_at_a_time(settings: Settings, scenes: Path, tmp_path: Path) -> None:
    def peak() -> int:
        tracemalloc.start()
        run(settings, scenes)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        for path in Path.cwd().iterdir():
            path.unlink()
        return found

    run(settings, scenes)  # imports and caches
    for path in Path.cwd().iterdir():
        path.unlink()
    few = peak()
    for number in range(20):
        (scenes / f"training/S3A_x{number}.hdf").write_bytes((scenes / "training/S3A_1.hdf").read_bytes())
    scan(scenes).write(scenes / FILE)
    assert peak() < 1.3 * few
