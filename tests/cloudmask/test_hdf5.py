"""Scenes are read as they were written, and a file that is none is named with what it lacks."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from cloudmask.data.hdf5 import read_scene, scene_shape, unpacked
from cloudmask.data.scenes import tolerated
from cloudmask.data.synthesis import Arrays
from cloudmask.errors import CloudmaskError, InputError, SceneError

Change = Callable[[h5py.File], object]


def test_a_scene_comes_back_as_it_was_written(scene_file: Path, day_arrays: Arrays) -> None:
    scene = read_scene(scene_file)
    assert scene_shape(scene_file) == scene.cloud.shape == day_arrays["bts"].shape[:2]
    assert np.array_equal(scene.channels[..., :3], day_arrays["bts"])
    assert np.array_equal(scene.channels[..., 3:], day_arrays["refs"].astype(np.float32))
    assert np.array_equal(scene.cloud, day_arrays["bayes"][..., 0] > 0)
    assert np.array_equal(scene.valid, day_arrays["bts"][..., 0] > 0)
    assert scene.day


def test_a_file_has_the_five_datasets_at_its_root_and_nothing_else(scene_file: Path) -> None:
    with h5py.File(scene_file) as file:
        assert set(file) == {"bts", "rads", "refs", "bayes", "summary"}
        assert not file.attrs
        assert all(dataset.chunks is None and not dataset.attrs for dataset in file.values())


@pytest.mark.parametrize("kind", ["f4", "f8", "u1", "i4"])
def test_any_type_of_number_is_read(scene_file: Path, kind: str) -> None:
    expected = read_scene(scene_file).cloud
    with h5py.File(scene_file, "r+") as file:
        bayes = file["bayes"][...]
        del file["bayes"]
        # The oldest converter left flag words in place of 255.
        file["bayes"] = (bayes > 0).astype(kind) * 5
    assert np.array_equal(read_scene(scene_file).cloud, expected)


def test_datasets_that_training_does_not_use_may_be_missing(scene_file: Path) -> None:
    before = read_scene(scene_file)
    with h5py.File(scene_file, "r+") as file:
        del file["rads"], file["summary"]
    after = read_scene(scene_file)
    for name in ("channels", "valid", "cloud"):
        assert np.array_equal(getattr(after, name), getattr(before, name)), name


def assert_one_pixel_is_lost(path: Path, change: Change) -> None:
    """Check that a change to the file makes the pixel (5, 40) not valid, and no other."""
    expected = read_scene(path).valid.copy()
    assert expected[5, 40]
    with h5py.File(path, "r+") as file:
        change(file)
    expected[5, 40] = False
    assert np.array_equal(read_scene(path).valid, expected)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_pixel_without_a_finite_value_is_not_valid(scene_file: Path, value: float) -> None:
    assert_one_pixel_is_lost(scene_file, lambda file: file["refs"].__setitem__((5, 40, 2), value))


def test_a_pixel_without_a_label_is_not_valid(scene_file: Path) -> None:
    assert_one_pixel_is_lost(scene_file, lambda file: file["bayes"].__setitem__((5, 40, 0), np.nan))


def test_a_value_beyond_float32_is_not_valid(scene_file: Path) -> None:
    assert_one_pixel_is_lost(scene_file, lambda file: file["refs"].__setitem__((5, 40, 0), 1e300))


@pytest.mark.parametrize("size", [100, 3000, 50_000])
@pytest.mark.parametrize("compress", [False, True])
def test_a_full_disk_leaves_no_file(tmp_path: Path, size: int, compress: bool) -> None:
    program = f"""
import resource, numpy, pathlib, cloudmask.data.hdf5, cloudmask.errors
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
try:
    cloudmask.data.hdf5.write_arrays(pathlib.Path("scene.hdf"), {{"a": numpy.random.rand(100, 100)}}, {compress})
except cloudmask.errors.CloudmaskError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("scene.hdf: cannot be written: File too large\n", "")
    assert not list(tmp_path.iterdir())


def packed(file: h5py.File, name: str, scale: float, offset: float) -> None:
    values = file[name][...]
    missing = values == 0
    del file[name]
    file[name] = np.where(missing, -32768, np.round((values - offset) / scale)).astype(np.int16)
    file[name].attrs.update({"scale_factor": scale, "add_offset": [offset], "_FillValue": np.int16([-32768])})


def test_packed_numbers_are_read_as_netcdf_does(scene_file: Path) -> None:
    expected = read_scene(scene_file)
    with h5py.File(scene_file, "r+") as file:
        packed(file, "bts", 0.01, 283.73)
    found = read_scene(scene_file)
    assert np.array_equal(found.valid, expected.valid)
    kelvin, wanted = found.channels[..., :3], expected.channels[..., :3]
    assert np.abs(kelvin - wanted)[expected.valid].max() <= 0.0051


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, [-2, -1, 0, 1, 2]),
        ({"scale_factor": 10.0}, [-20, -10, 0, 10, 20]),
        ({"add_offset": np.float32(0.5)}, [-1.5, -0.5, 0.5, 1.5, 2.5]),
        ({"_FillValue": [-2], "missing_value": [0, 1]}, [np.nan, -1, np.nan, np.nan, 2]),
        ({"valid_range": [-1, 1], "add_offset": 5}, [np.nan, 4, 5, 6, np.nan]),
        ({"valid_min": 0, "valid_max": [1]}, [np.nan, np.nan, 0, 1, np.nan]),
    ],
)
def test_the_attributes_of_packed_values_count(attributes: dict[str, object], expected: list[float]) -> None:
    found = unpacked(np.array([-2, -1, 0, 1, 2], dtype=np.int16), attributes)
    assert np.array_equal(found, expected, equal_nan=True)


def test_an_attribute_that_is_no_number_is_named(scene_file: Path) -> None:
    with h5py.File(scene_file, "r+") as file:
        file["refs"].attrs["scale_factor"] = "0.01"
    with pytest.raises(SceneError, match=r"dataset 'refs': its attribute scale_factor is '0\.01', not a number"):
        read_scene(scene_file)


BUSY = "cannot be read now, though it may be good: Resource temporarily unavailable; set HDF5_USE_FILE_LOCKING=FALSE"
LOCKED = """
import fcntl, os, pathlib, sys
from cloudmask.errors import CloudmaskError
from cloudmask.data.hdf5 import scene_shape
from cloudmask.data.scenes import tolerated
path = pathlib.Path(sys.argv[1])
fcntl.flock(os.open(path, os.O_RDWR), fcntl.LOCK_EX)
try:
    with tolerated("skip"):
        print(scene_shape(path))
except CloudmaskError as error:
    print(error)
"""


@pytest.mark.parametrize(("insists", "said"), [({}, "(48, 64)"), ({"HDF5_USE_FILE_LOCKING": "TRUE"}, f"{{}}: {BUSY}")])
def test_a_scene_that_cannot_be_locked_is_not_damaged(scene_file: Path, insists: dict[str, str], said: str) -> None:
    command = [sys.executable, "-c", LOCKED, str(scene_file)]
    environment = {name: value for name, value in os.environ.items() if name != "HDF5_USE_FILE_LOCKING"}
    done = subprocess.run(command, env=environment | insists, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [said.format(scene_file)]


@pytest.mark.parametrize(("number", "hint"), [(errno.ENOLCK, True), (errno.EIO, False), (errno.EACCES, False)])
def test_what_the_system_says_is_no_damage(
    scene_file: Path, number: int, hint: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = f"unable to lock file, errno = {number}, error message = '{os.strerror(number)}'"

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, said)

    monkeypatch.setattr(h5py, "File", refuse)
    with pytest.raises(CloudmaskError, match=os.strerror(number)) as caught, tolerated("skip"):
        scene_shape(scene_file)
    assert ("HDF5_USE_FILE_LOCKING" in str(caught.value)) == hint
    assert "\n" not in str(caught.value)


def replace(name: str, array: object) -> Change:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = array

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file: file.pop("bts"), "dataset 'bts' is missing"),
        (lambda file: file.pop("refs"), "dataset 'refs' is missing"),
        (lambda file: file.pop("bayes"), "dataset 'bayes' is missing"),
        (replace("refs", np.zeros((48, 64, 5))), "dataset 'refs' has shape (48, 64, 5), not (48, 64, 6)"),
        (replace("bayes", np.zeros((64, 48, 1))), "dataset 'bayes' has shape (64, 48, 1), not (48, 64, 1)"),
        (replace("bts", np.zeros((48, 64))), "dataset 'bts' has shape (48, 64), not (rows, columns, 3)"),
        (replace("bts", np.zeros((0, 64, 3))), "dataset 'bts' has shape (0, 64, 3), not (rows, columns, 3)"),
        (replace("bayes", np.full((48, 64, 1), b"x")), "dataset 'bayes' has type |S1, not numbers"),
        (replace("bts", np.zeros((48, 64, 3))), "no pixel has all temperatures"),
    ],
)
def test_a_file_of_another_kind_is_named_with_its_fault(scene_file: Path, change: Change, said: str) -> None:
    with h5py.File(scene_file, "r+") as file:
        change(file)
    with pytest.raises(CloudmaskError) as caught:
        read_scene(scene_file)
    assert str(caught.value).startswith(f"{scene_file}: ")
    assert said in str(caught.value)


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_a_truncated_file_is_told_in_one_line(scene_file: Path, size: int) -> None:
    scene_file.write_bytes(scene_file.read_bytes()[:size])
    with pytest.raises(CloudmaskError, match="not a whole HDF5 file") as caught:
        read_scene(scene_file)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_scene(tmp_path / "none.hdf")
