"""The leaderboard, its LaTeX, its citation and its downloads say what was measured, whatever things are called."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from fairmesh.errors import FairmeshError
from fairmesh.files import write_json
from fairmesh.results import load_study
from fairmesh.site.build import as_script
from fairmesh.site.escaping import escape_latex
from fairmesh.site.metadata import Citation, fair_score
from fairmesh.site.sentences import headline, remarks
from fairmesh.site.tables import ExperimentTable, Leaderboard
from fairmesh.site.view import StudyView
from tests.results.builder import Folder, build


def view_of(folder: Folder) -> StudyView:
    return StudyView(load_study(folder.results, folder.study))


@pytest.fixture
def repeated(tmp_path: Path) -> Folder:
    """Return three points with three repeats: two that cannot be told apart, and a worse one."""
    folder = Folder(tmp_path / "results")
    for epochs, mean in ((1, 0.5), (2, 0.9), (4, 0.901)):
        for repeat in (1, 2, 3):
            point = folder.add(epochs=epochs, repeat=repeat)
            folder.finish(point, {"accuracy": mean + repeat / 100}, baselines={"threshold": {"accuracy": 0.7}})
    return folder


def test_repeats_are_folded_and_what_is_noise_is_said(repeated: Folder) -> None:
    view = view_of(repeated)
    board = Leaderboard.of(view)
    texts = [[cell.text for cell in cells] for _, cells in board.rows]
    assert [row[0] for row in texts] == ["1", "2", "", "3"]
    assert texts[0][2] == "0.921 ± 0.025"
    assert [row[-1] for row in texts] == ["best", "within noise of the best", "", ""]
    assert headline(view).startswith("The best inference accuracy is 0.921 ± 0.025 (mean of 3 repeats ± 95 % interval)")
    assert list(remarks(view))[:2] == [
        "That is 0.221 better than a simpler method: the strongest baseline, threshold, reaches 0.7.",
        "1 other point is within noise of the best: repeats scatter by more than the difference.",
    ]


def test_a_study_of_one_point_is_not_said_to_have_a_best(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    folder.finish(folder.add(), {"accuracy": {"value": 0.9, "low": 0.88, "high": 0.91}})
    view = view_of(folder)
    assert headline(view) == "The inference accuracy is 0.9 (95 % interval 0.88 to 0.91)."
    assert "0.9 (0.88 to 0.91)" in [cell.text for cell in Leaderboard.of(view).rows[0][1]]


def test_data_for_the_page_is_json_in_the_order_of_the_columns(repeated: Folder) -> None:
    view = view_of(repeated)
    board = Leaderboard.of(view)
    found = json.loads(json.dumps(board.to_json({}), allow_nan=False))
    assert {len(row["cells"]) for row in found["rows"]} == {len(found["columns"])}
    every = ExperimentTable.of(view).to_json({}, board)
    assert len(every["rows"]) == 9
    assert every["best"]["cells"]["metric:accuracy"] == "0.921 ± 0.025"
    assert every["environments"][0]["python.version"] == "3.11.7"


def test_latex_is_text_whatever_things_are_called(repeated: Folder) -> None:
    repeated.application["metrics"]["accuracy"]["title"] = r"50 % of a_b & \input{x} $y$ ~"
    repeated.write_plan()
    text = Leaderboard.of(view_of(repeated)).to_latex()
    assert r"50 \% of a\_b \& \textbackslash{}input\{x\} \$y\$ \textasciitilde{}" in text
    assert text.count(r"\\") == 5
    assert escape_latex("&%$#_") == r"\&\%\$\#\_"


def test_the_citation_comes_from_datacite_once_there_is_one(repeated: Folder) -> None:
    creators = [
        {"name": "Doe, Ada", "givenName": "Ada", "familyName": "Doe"},
        {"name": "The Group", "nameType": "Organizational"},
    ]
    document = {"creators": creators, "publicationYear": "2027", "version": "abc", "doi": "10.5281/zenodo.1"}
    write_json(repeated.folder / "datacite.json", document)
    citation = Citation.of(view_of(repeated))
    assert citation.text.startswith("Ada Doe, The Group (2027): CloudMask accuracy")
    assert "https://doi.org/10.5281/zenodo.1" in citation.text
    assert citation.bibtex.startswith("@misc{doe2027quick,\n  author = {Doe, Ada and {The Group}},\n")
    assert "doi = {10.5281/zenodo.1}" in citation.bibtex


@pytest.mark.parametrize(("title", "cited"), [("Sorting", "Sorting. B"), ("Which is fastest?", "Which is fastest? B")])
def test_the_citation_has_one_mark_after_the_title(repeated: Folder, title: str, cited: str) -> None:
    citation = replace(Citation.of(view_of(repeated)), authors=("A. Scientist",), title=title)
    assert f": {cited}enchmark results." in citation.text


@pytest.mark.parametrize("content", [None, {}, {"principles": [1]}, {"principles": [{}], "met": "x"}, []])
def test_a_score_that_is_missing_or_broken_is_not_shown(repeated: Folder, content: object) -> None:
    if content is not None:
        write_json(repeated.folder / "fair.json", content)
    assert fair_score(view_of(repeated)) is None


def test_parquet_holds_what_csv_holds(site: Path) -> None:
    folder = site / "studies" / "quick"
    table = pd.read_parquet(folder / "results.parquet")
    assert list(table.columns) == list(pd.read_csv(folder / "results.csv").columns)
    assert len(table) == 12


def test_a_bundle_without_a_default_export_is_refused() -> None:
    with pytest.raises(FairmeshError, match="no default export"):
        as_script("export{a as b};", "A")


def test_a_table_of_failures_alone_has_no_best(tmp_path: Path) -> None:
    folder = build(tmp_path / "results", epochs=(1,))
    for record in folder.folder.rglob("records/*/*.json"):
        record.unlink()
    board = Leaderboard.of(view_of(folder))
    assert ExperimentTable.of(board.view).to_json({}, board)["best"] is None
    assert headline(board.view) == ""
