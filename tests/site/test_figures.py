"""The figures of an experiment: copied, shown small, or named with the reason why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fairmesh.results import Outcome, load_study
from fairmesh.site.figures import StudyFigures, Thumbnails
from tests.results.builder import Folder


def with_figures(place: Path, *names: str, **more: Any) -> tuple[Outcome, Path]:
    """Return an experiment with figures of noise, and their folder."""
    folder = Folder(place / "results")
    attempt = folder.finish(folder.add(epochs=2), {"accuracy": 0.9}, **more)
    (attempt / "figures").mkdir()
    for number, name in enumerate(names):
        Image.effect_noise((700 + number, 300), 100).save(attempt / "figures" / name)
    return load_study(folder.results, "quick").experiments[0], attempt / "figures"


def published(outcome: Outcome, place: Path, **more: Any) -> StudyFigures:
    return StudyFigures(outcome.folder.parents[2], place / "page", Thumbnails(place / "kept"), **more)


def test_each_figure_is_copied_and_shown_small(tmp_path: Path) -> None:
    outcome, folder = with_figures(tmp_path, "scene_day.png", "roc.png")
    found = published(outcome, tmp_path).copy(outcome, tmp_path / "page/experiments/a")
    assert [figure.title for figure in found.shown] == ["Roc", "Scene day"]
    for figure, name in zip(found.shown, ("roc.png", "scene_day.png"), strict=True):
        assert (tmp_path / "page" / figure.href).read_bytes() == (folder / name).read_bytes()
        assert Image.open(tmp_path / "page" / figure.shown).size == (figure.width, figure.height) == (320, 137)


def test_what_cannot_be_shown_is_named_and_the_others_are_shown(tmp_path: Path) -> None:
    outcome, folder = with_figures(tmp_path, "good.png", "cut.png", "large.png")
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:-5000])
    (folder / "text.png").write_text("no picture")
    with (folder / "large.png").open("ab") as file:
        file.truncate(6 << 20)
    found = published(outcome, tmp_path).copy(outcome, tmp_path / "page")
    assert [figure.title for figure in found.shown] == ["Good"]
    assert dict(found.left_out) == {
        "cut.png": "damaged",
        "large.png": "6 MiB are too many for a page",
        "text.png": "no PNG picture",
    }
    assert [path.name for path in (tmp_path / "page/figures").iterdir()] == ["good.png"]


def test_a_study_has_only_so_many_thumbnails(tmp_path: Path) -> None:
    outcome, _ = with_figures(tmp_path, "a.png", "b.png", "c.png")
    found = published(outcome, tmp_path, left=2).copy(outcome, tmp_path / "page")
    assert [figure.shown == figure.href for figure in found.shown] == [False, False, True]


@pytest.mark.parametrize(("digest", "trusted"), [("5" * 64, True), ("../" * 21 + "x", False)])
def test_the_hash_of_the_record_names_the_thumbnail(tmp_path: Path, digest: str, trusted: bool) -> None:
    _, folder = with_figures(tmp_path, "a.png")
    size = (folder / "a.png").stat().st_size
    files = [{"path": "attempts/1/figures/a.png", "sha256": digest, "bytes": size}]
    outcome, _ = with_figures(tmp_path / "again", "a.png", files=files)
    (outcome.folder / "attempts/1/figures/a.png").write_bytes((folder / "a.png").read_bytes())
    (shown,) = published(outcome, tmp_path).copy(outcome, tmp_path / "page").shown
    assert (shown.shown == f"thumbnails/{digest}.webp") is trusted
    assert (tmp_path / "page" / shown.shown).is_file()
