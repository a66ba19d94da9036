"""The best is the best mean over repeats, in every face; and nothing is ranked without a direction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fairmesh.errors import FairmeshError
from fairmesh.fair.publisher import About
from fairmesh.results import StudyResults, best_point, load_study
from fairmesh.results.compare import best_point as compared
from fairmesh.results.compare import compare_studies
from fairmesh.results.ranking import ranked_points
from fairmesh.site import sentences
from fairmesh.site.tables import ExperimentTable, Leaderboard
from fairmesh.site.view import StudyView
from fairmesh.submission.submission import choose
from fairmesh.workflow import summary
from tests.results.builder import Folder

# The best single run is of the worse point.
RUNS = {1: [0.95, 0.5, 0.6], 2: [0.8, 0.82, 0.81]}


def study(folder: Folder) -> StudyResults:
    return load_study(folder.results, folder.study)


@pytest.fixture
def lucky(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "results")
    for epochs, values in RUNS.items():
        for repeat, value in enumerate(values, 1):
            folder.finish(folder.add(epochs=epochs, repeat=repeat), {"accuracy": value})
    return folder


def board_row(found: StudyResults) -> str:
    view = StudyView(found)
    (row,) = [item for item in Leaderboard.of(view).to_json({})["rows"] if item["kind"] == "best"]
    return {"epochs=2 #1": "epochs=2+repeat=1"}[row["experiments"][0][0]]


def of_hook(found: StudyResults) -> str:
    best = summary._best(found)
    assert best is not None
    assert (best["value"], best["n"]) == (pytest.approx(0.81), 3)
    assert best["low"] < 0.81 < best["high"]
    return str(best["id"])


def of_comparison(found: StudyResults) -> str:
    side = compared(found)
    assert side is not None
    return side.outcomes[0].id


@pytest.mark.parametrize(
    "face",
    [
        lambda found: best_point(found).run.id,
        lambda found: StudyView(found).best.outcomes[0].id,
        lambda found: choose(found).best.id,
        board_row,
        of_hook,
        of_comparison,
    ],
)
def test_every_face_has_the_same_best(lucky: Folder, face: Callable[[StudyResults], str]) -> None:
    assert face(study(lucky)) == "epochs=2+repeat=1"


def test_what_a_crate_says_is_the_mean(lucky: Folder) -> None:
    said = About(study(lucky)).headline
    assert said == "The best inference accuracy is 0.81, the mean of 3 repeats of epochs=2."


def test_the_best_of_a_page_is_the_mean(lucky: Folder) -> None:
    assert "is 0.810 ± 0.025 (mean of 3 repeats" in sentences.headline(StudyView(study(lucky)))


def test_of_equals_the_first_of_the_plan_is_the_best(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    for epochs in (4, 2):
        folder.finish(folder.add(epochs=epochs), {"accuracy": 0.5})
    assert [point.name for point in ranked_points(study(folder))] == ["epochs=4", "epochs=2"]


def test_a_repeat_without_the_metric_stands_for_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    folder.finish(folder.add(epochs=1, repeat=1), {"other": 1})
    folder.finish(folder.add(epochs=1, repeat=2), {"accuracy": 0.5})
    best = best_point(study(folder))
    assert best is not None
    assert (best.run.id, best.summary.n) == ("epochs=1+repeat=2", 1)


@pytest.mark.parametrize(("better", "epochs"), [("higher", 2), ("lower", 1)])
def test_the_direction_is_that_of_the_metric(lucky: Folder, better: str, epochs: int) -> None:
    lucky.application["metrics"]["accuracy"]["better"] = better
    lucky.write_plan()
    best = best_point(study(lucky))
    assert best is not None
    assert best.name == f"epochs={epochs}"


def test_a_declared_metric_that_nobody_measured_is_said_with_what_was_probably_written(lucky: Folder) -> None:
    lucky.application["metrics"] = {"accuracy": {"better": "higher"}, "solve_time": {"better": "lower"}}
    lucky.finish(lucky.add(epochs=9, repeat=1), {"accuracy": 0.1, "solvetime": 3})
    said = list(sentences.remarks(StudyView(study(lucky))))
    lacks = "No experiment has measured solve_time, which the application declares"
    assert said[-2:] == [
        f"{lacks}; solvetime is measured, and not declared.",
        "* The application does not declare solvetime.",
    ]


class TestWithoutDirection:
    """A metric that says neither higher nor lower."""

    WHY = "Nothing is ranked: the application does not say whether a higher or a lower accuracy is better"

    @pytest.fixture
    def plain(self, lucky: Folder) -> StudyView:
        for metric in lucky.application["metrics"].values():
            metric.pop("better", None)
        lucky.write_plan()
        return StudyView(study(lucky))

    def test_has_no_best_and_says_why(self, plain: StudyView) -> None:
        assert (best_point(plain.study), plain.best) == (None, None)
        assert sentences.headline(plain) == f"{self.WHY}. The points are in the order of the plan."
        assert not [said for said in sentences.remarks(plain) if "best" in said]
        with pytest.raises(FairmeshError, match="Nothing is ranked"):
            choose(plain.study)
        with pytest.raises(FairmeshError, match="Nothing is ranked"):
            compare_studies([plain.study])

    def test_puts_points_without_it_where_the_plan_has_them(self, lucky: Folder) -> None:
        lucky.application["metrics"] = {"accuracy": {}}
        lucky.add(epochs=0, repeat=1)
        lucky.points.insert(0, lucky.points.pop())
        lucky.write_plan()
        assert StudyView(study(lucky)).points[0].values["epochs"] == 0

    def test_keeps_the_order_of_the_plan_without_numbers(self, plain: StudyView) -> None:
        board = Leaderboard.of(plain)
        assert "rank" not in {column.kind for column in board.columns}
        assert [row.values["epochs"] for row, _ in board.rows] == [1, 2]
        assert {column.better for column in board.columns if column.kind == "metric"} == {""}
        assert ExperimentTable.of(plain).to_json({}, board)["best"] is None

    def test_is_left_for_one_that_has_a_direction(self, lucky: Folder) -> None:
        metrics = lucky.application["metrics"]
        for metric in metrics.values():
            metric.pop("primary", None)
        metrics["accuracy"].pop("better", None)
        lucky.write_plan()
        primary = study(lucky).primary
        assert primary is not None
        assert primary.name == next(name for name, declared in metrics.items() if declared.get("better"))
