"""The results on the terminal: the numbers of the website's leaderboard."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from fairmesh import cli
from fairmesh.results import load_study, table, write_csv
from fairmesh.site.tables import Leaderboard
from fairmesh.site.view import StudyView
from tests.results.builder import Folder


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["results", *arguments]) == 0
    return capsys.readouterr().out


def rows(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(shown(capsys, *arguments, "--csv"))))


def test_the_table_is_the_leaderboard_of_the_website(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board = Leaderboard.of(StudyView(load_study(project / "results", "quick")))
    places = [at for at, column in enumerate(board.columns) if column.shown]
    lines = shown(capsys).splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("#  "))
    found = [re.split(r" {2,}", line.strip()) for line in lines[start : start + 1 + len(board.rows)]]
    assert found[0] == [board.columns[at].title for at in places]
    for line, (row, cells) in zip(found[1:], board.rows, strict=True):
        name = [f"baseline: {row.name}"] if row.is_baseline else []
        assert line == [text for at in places if (text := cells[at].text)] + name
    assert "Time (s)" in found[0], "units are in the heads"
    assert lines[-1] == "12 experiments: 1 waiting, 10 done, 1 failed"


def test_every_experiment_by_itself_is_results_csv(
    project: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_csv(table(load_study(project / "results", "quick")), tmp_path / "expected.csv")
    assert shown(capsys, "--all", "--csv") == (tmp_path / "expected.csv").read_text()


def test_folded_numbers_have_half_their_interval_beside_them(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = next(row for row in rows(capsys) if row["n"] == "2")
    found = json.loads(shown(capsys, "--json"))
    point = next(row for row in found["rows"] if row["n"] == 2 and not row["baseline"])
    assert float(first["Inference accuracy"]) == point["metrics"]["accuracy"]["mean"]
    assert float(first["Inference accuracy ±"]) == point["metrics"]["accuracy"]["half_width"]
    assert found["units"]["training_time"] == "s"
    assert [row["baseline"] for row in found["rows"] if row["baseline"]] == ["threshold"]


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ("epochs == 2 and repeat == 1", ["epochs=2+width=4+repeat=1", "epochs=2+width=8+repeat=1"]),
        ("accuracy > 0.9", ["epochs=8+width=8+repeat=1"]),
        ("state == 'failed'", ["epochs=8+width=8+repeat=2"]),
        ("seconds > 60", ["epochs=8+width=8+repeat=1"]),
    ],
)
def test_where_chooses(project: Path, capsys: pytest.CaptureFixture[str], where: str, ids: list[str]) -> None:
    assert [row["id"] for row in rows(capsys, "--all", "--where", where)] == ids


def test_experiments_are_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [
        row["id"]
        for row in rows(capsys, "--all", "--experiment", "width=8,epochs=2", "--experiment", "epochs=4 width=8 #1")
    ]
    assert ids == ["epochs=2+width=8+repeat=1", "epochs=2+width=8+repeat=2", "epochs=4+width=8+repeat=1"]
    assert cli.main(["results", "--experiment", "with=8", "--experiment", "epochs=3"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "'with=8': quick has no axis 'with'; did you mean 'width'?",
        "'epochs=3': epochs has 2, 4, 8",
    ]


def test_every_row_has_a_name(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = json.loads(shown(capsys, "--all", "--json", "--experiment", "width=8,epochs=2,#1"))["rows"]
    assert (row["name"], row["id"]) == ("epochs=2 width=8 #1", "epochs=2+width=8+repeat=1")
    points = json.loads(shown(capsys, "--json", "--experiment", "width=8,epochs=2"))["rows"]
    assert [point["name"] for point in points if not point["baseline"]] == ["epochs=2 width=8"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--where", "epoch > 1"], "--where: there is no 'epoch' in quick; did you mean 'epochs'? (allowed: "),
        (["--where", "epochs >"], "--where: not an expression: "),
        (["--where", "epochs > 99"], "--where: no experiment of quick matches 'epochs > 99'"),
        (["--where", "epochs > 'a'"], "--where: cannot be computed: "),
        (["--sort", "accurcy"], "--sort: cannot sort by 'accurcy'; did you mean 'accuracy'? (allowed: "),
    ],
)
def test_wrong_wishes_are_explained(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert cli.main(["results", *arguments]) == 2
    assert capsys.readouterr().err.startswith(message)


@pytest.mark.parametrize(
    ("name", "column", "descending"), [("training_time", "training_time", False), ("accuracy", "accuracy", True)]
)
def test_the_better_end_is_first(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, column: str, descending: bool
) -> None:
    found = [row[column] for row in rows(capsys, "--all", "--sort", name)]
    numbers = [float(text) for text in found if text]
    assert numbers == sorted(numbers, reverse=descending)
    assert found[len(numbers) :] == ["", ""]


def test_several_studies_are_shown_one_after_another(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "./results")
    assert [text.count(f"{name}: CloudMask accuracy") for name in ("more", "quick")] == [1, 1]
    assert len(json.loads(shown(capsys, "./results", "--json"))) == 2


def test_a_limit_and_all_columns(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(rows(capsys, "--limit", "2")) == 2
    assert "Peak memory (MiB)" in shown(capsys, "--wide")
    assert "Peak memory (MiB)" not in shown(capsys)


def test_what_others_named_does_not_steer_the_terminal(
    project: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = Folder(tmp_path / "theirs", title="red \x1b[31m\x07")
    folder.finish(folder.add(note="\x1b]0;title\x07"), {"accuracy": 1.0})
    folder.finish(folder.add(note="b"), {"accuracy": 0.5})
    for arguments in ([], ["--all"]):
        text = shown(capsys, str(folder.folder), *arguments)
        assert "\x1b" not in text
        assert "\x07" not in text


def test_a_study_without_results_says_so(project: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = Folder(tmp_path / "new")
    folder.add(epochs=1)
    assert shown(capsys, str(folder.folder)).splitlines()[-1] == "1 experiment: 1 waiting"


def test_json_has_every_experiment(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found: dict[str, Any] = json.loads(shown(capsys, "--all", "--json"))
    assert [row["state"] for row in found["rows"]].count("done") == found["counts"]["done"] == 10
    assert found["rows"][0]["metrics"]["accuracy"]["low"] < found["rows"][0]["metrics"]["accuracy"]["mean"]


def test_a_number_beyond_every_float_is_shown_with_all_of_its_digits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Folder(tmp_path / "results")
    for width, value in ((4, 10**400), (8, 0.5)):
        folder.add(width=width)["parameters"]["epochs"] = value
        folder.finish(folder.points[-1], {"accuracy": 0.5})
    folder.write_plan()
    place = str(folder.folder)
    assert [row["epochs"] for row in rows(capsys, place, "--all", "--where", "epochs > 0")] == [str(10**400), "0.5"]
    assert str(10**400) in shown(capsys, place, "--sort", "epochs")
    cells = Leaderboard.of(StudyView(load_study(folder.results, folder.study))).to_json({})["rows"][0]["cells"]
    assert str(10**400) in cells
    assert cli.main(["results", place, "--where", "epochs * 1.5 > 1"]) == 2
    assert capsys.readouterr().err == "--where: cannot be computed: int too large to convert to float\n"


def test_half_of_a_surrogate_pair_is_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Folder(tmp_path / "results")
    status = folder.start(folder.add(width=4), "failed") / "status.json"
    status.write_text(status.read_text().replace("node-7", "\\ud800"))
    assert rows(capsys, str(folder.folder), "--all")[0]["node"] == "\\ud800"
