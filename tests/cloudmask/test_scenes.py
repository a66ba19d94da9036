"""The stage `scenes` makes scenes or looks at real ones before anything is built on them."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from cloudmask.data import scenes
from cloudmask.data.hdf5 import read_scene
from cloudmask.data.scenes import read_catalogue
from cloudmask.errors import CloudmaskError
from cloudmask.settings import Settings, read_settings


@pytest.fixture
def settings(tmp_path: Path, scene_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Name a folder of real scenes of both satellites, day and night, and make an empty folder the current one."""
    names = ["training/day/S3A_1.hdf", "training/night/S3B_2.hdf", "training/S3A_3.hdf", "inference/night/S3B_4.hdf"]
    folder = scene_folder(*names)
    (tmp_path / "config.yaml").write_text(f"data: {folder}\n")
    (tmp_path / "stage").mkdir()
    monkeypatch.chdir(tmp_path / "stage")
    return read_settings(tmp_path / "config.yaml")


def names(part: str) -> list[str]:
    return [path.name for path in read_catalogue(Path.cwd()).files(part)]  # type: ignore[arg-type]


def test_scenes_of_both_satellites_in_any_folder_are_listed(settings: Settings) -> None:
    scenes.run(settings)
    assert names("training") == ["S3A_1.hdf", "S3A_3.hdf", "S3B_2.hdf"]
    assert names("inference") == ["S3B_4.hdf"]


def test_synthetic_scenes_alone_are_listed_with_what_they_were_made_with(settings: Settings) -> None:
    Path("training").mkdir()
    Path("training/S3A_other.hdf").touch()
    scenes.run(replace(settings, data="", scenes_train=2, scenes_test=1, rows=64, columns=80, data_seed=9))
    made = read_catalogue(Path.cwd())
    assert (len(made.files("training")), len(made.files("inference"))) == (2, 1)
    assert all(
        path.stat().st_size == entry.bytes for path, entry in zip(made.files("training"), made.entries, strict=False)
    )
    assert (made.made["data_seed"], made.made["rows"], made.made["columns"]) == (9, 64, 80)


def foreign(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["bts"] = np.zeros((48, 64, 3))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [foreign, truncated])
class TestDamage:
    """A scene that cannot be opened."""

    def test_is_named_and_refused(self, settings: Settings, damage: Callable[[Path], None]) -> None:
        damage(Path(settings.data) / "training/night/S3B_2.hdf")
        with pytest.raises(CloudmaskError, match=r"training/night/S3B_2\.hdf: "):
            scenes.run(settings)
        assert not list(Path.cwd().iterdir())

    def test_is_named_and_left_out_if_the_study_says_so(
        self, settings: Settings, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        damage(Path(settings.data) / "training/night/S3B_2.hdf")
        scenes.run(replace(settings, damaged="skip"))
        assert f"left out: {settings.data}/training/night/S3B_2.hdf: " in capsys.readouterr().out
        assert names("training") == ["S3A_1.hdf", "S3A_3.hdf"]

    def test_of_all_scenes_of_a_part_is_refused_at_any_rate(
        self, settings: Settings, damage: Callable[[Path], None]
    ) -> None:
        damage(Path(settings.data) / "inference/night/S3B_4.hdf")
        with pytest.raises(CloudmaskError, match="no scene for inference can be used"):
            scenes.run(replace(settings, damaged="skip"))


def test_a_full_disk_is_one_line_and_whole_scenes_stay(settings: Settings) -> None:
    Path("config.yaml").write_text("scenes_train: 2\nscenes_test: 1\nrows: 64\ncolumns: 64\n")
    # A scene has 410 kB, its truth some 10 kB.
    done = subprocess.run(
        [sys.executable, "-m", "cloudmask", "scenes", "--config", "config.yaml"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("cloudmask: ")
    assert done.stderr.endswith(".hdf: cannot be written: File too large\n")
    assert done.stderr.count("\n") == 1
    for file in Path.cwd().rglob("*.hdf"):
        assert "truth" in file.parts or read_scene(file).valid.any()
    assert not list(Path.cwd().rglob("*.part"))
