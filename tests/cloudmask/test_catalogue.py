"""Scenes are found in folders of both names, and the catalogue moves with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cloudmask.data.scenes import FILE, read_catalogue, scan
from cloudmask.errors import CloudmaskError, InputError

Folder = Callable[..., Path]


@pytest.mark.parametrize(("training", "inference"), [("training", "inference"), ("one-day", "ssts")])
def test_both_names_of_the_folders_are_known(scene_folder: Folder, training: str, inference: str) -> None:
    folder = scene_folder(f"{training}/day/S3A_1.hdf", f"{training}/night/S3B_2.hdf", f"{inference}/S3A_3.hdf")
    catalogue = scan(folder)
    assert [path.name for path in catalogue.files("training")] == ["S3A_1.hdf", "S3B_2.hdf"]
    assert [path.name for path in catalogue.files("inference")] == ["S3A_3.hdf"]


def test_other_files_are_no_scenes(scene_folder: Folder) -> None:
    folder = scene_folder("training/S3A_1.hdf", "training/notes.hdf", "training/.S3A_2.hdf.part", "inference/S3A_3.hdf")
    assert len(scan(folder).entries) == 2


def test_a_catalogue_in_its_own_folder_moves_with_it(scene_folder: Folder, tmp_path: Path) -> None:
    folder = scene_folder("training/S3A_1.hdf", "inference/S3A_2.hdf")
    scan(folder).write(folder / FILE)
    moved = folder.rename(tmp_path / "elsewhere")
    assert all(path.is_file() for path in read_catalogue(moved).files("training"))


def test_a_catalogue_elsewhere_finds_the_scenes_where_they_are(scene_folder: Folder, tmp_path: Path) -> None:
    folder = scene_folder("training/S3A_1.hdf", "inference/S3A_2.hdf")
    scan(folder).write(tmp_path / "stage" / FILE)
    assert read_catalogue(tmp_path / "stage").files("training") == [folder.resolve() / "training/S3A_1.hdf"]


@pytest.mark.parametrize(
    ("files", "missing"), [(["inference/S3A_1.hdf"], "training/ or one-day/"), (["ssts.hdf"], "training/ or one-day/")]
)
def test_a_part_without_scenes_is_wrong_input(scene_folder: Folder, files: list[str], missing: str) -> None:
    with pytest.raises(InputError, match=missing):
        scan(scene_folder(*files))


def test_a_missing_folder_is_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        scan(tmp_path / "none")


@pytest.mark.parametrize("text", ["", "[]", '{"scenes": [{"path": 1}]}', '{"scenes": []}', "\x00"])
def test_a_file_that_is_no_catalogue_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(CloudmaskError, match=FILE):
        read_catalogue(tmp_path)


@pytest.mark.parametrize("again", ["one-day/S3A_1.hdf", "training/day/S3A_1.hdf", "inference/S3A_1.hdf"])
def test_a_scene_that_is_there_twice_is_refused(scene_folder: Folder, again: str) -> None:
    with pytest.raises(InputError, match=r"twice, as .*S3A_1\.hdf and .*S3A_1\.hdf"):
        scan(scene_folder("training/S3A_1.hdf", "inference/S3A_2.hdf", again))


def test_scenes_behind_links_are_found_and_a_circle_ends(scene_folder: Folder, tmp_path: Path) -> None:
    folder = scene_folder("training/night/S3B_2.hdf", "inference/S3A_3.hdf")
    elsewhere = scene_folder("../elsewhere/S3A_1.hdf").parent / "elsewhere"
    (folder / "training" / "day").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder / "training")
    (folder / "one-day").symlink_to("training")
    assert [entry.path for entry in scan(folder).entries] == [
        "training/day/S3A_1.hdf",
        "training/night/S3B_2.hdf",
        "inference/S3A_3.hdf",
    ]


def test_a_link_to_what_is_learned_from_is_not_judged_by(scene_folder: Folder) -> None:
    folder = scene_folder("training/S3A_1.hdf", "inference/S3A_2.hdf")
    (folder / "inference" / "more").symlink_to(folder / "training")
    with pytest.raises(InputError, match="twice"):
        scan(folder)


def test_a_link_that_leads_nowhere_is_named(scene_folder: Folder) -> None:
    folder = scene_folder("training/S3A_1.hdf", "inference/S3A_2.hdf")
    (folder / "training" / "S3A_9.hdf").symlink_to(folder / "none")
    with pytest.raises(InputError, match=r"S3A_9\.hdf: No such file"):
        scan(folder)
