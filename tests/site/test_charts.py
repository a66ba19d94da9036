"""Charts carry their data, their units and their description, and can be drawn without a browser."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from fairmesh.results import load_study
from fairmesh.site import charts
from fairmesh.site.charts import Chart
from fairmesh.site.page_charts import static_charts
from fairmesh.site.renderer import Renderer
from fairmesh.site.tables import Leaderboard
from fairmesh.site.view import StudyView
from tests.results.builder import Folder

HOSTILE = "a.b['c']\x1b\x00\n</script>\\\" + x + \"\u2028{{7*7}}"
TITLE = "a.b['c']\ufffd\ufffd </script>\N{FULLWIDTH REVERSE SOLIDUS}\" + x + \" {{7*7}}"


def drawn(hostile: str) -> list[Chart]:
    curves = [
        {"epoch": float(e), "value": 0.5 * e, "split": split, "point": hostile}
        for e in (1, 2)
        for split in ("training", "validation")
    ]
    groups = [
        {"x": x, "mean": 0.5, "low": 0.4, "high": 0.6, "n": 2, "series": hostile, "point": hostile} for x in (1, 100, 3)
    ]
    named = [{**group, "x": f"{hostile}{number}"} for number, group in enumerate(groups)]
    items = [{"item": hostile, "value": 0.5}, {"item": "other", "value": 0.7}]
    ranked = [{"rank": rank, "value": 1 / rank, "point": hostile} for rank in (1, 2)]
    samples = [{"seconds": 1.0 * s, "value": 2.0, "device": hostile} for s in range(3)]
    several = [{**row, "point": f"{row['point']}{number % 2}"} for number, row in enumerate(curves)]
    controls = {"name": "by", "x": ["parameter:x"], "y": ["metric:y"], "color": [""], "front": True}
    return [
        charts.draw_learning_curves(hostile, curves),
        charts.draw_by_parameter(hostile, hostile, hostile, groups, hostile),
        charts.draw_by_parameter(hostile, hostile, hostile, named, ""),
        charts.draw_by_item(hostile, hostile, hostile, items, hostile),
        charts.draw_spectrum(hostile, hostile, ranked),
        charts.draw_over_time(hostile, hostile, samples),
        charts.draw_curves(hostile, hostile, hostile, [{"x": row["rank"], **row} for row in ranked]),
        charts.draw_learning_curves(hostile, several),
        charts.draw_explorer(hostile, hostile, controls),
    ]


@pytest.mark.parametrize("number", range(8))
def test_a_chart_is_drawn_whatever_things_are_called(number: int, renderer: Renderer) -> None:
    chart = drawn(HOSTILE)[number]
    picture = ET.fromstring(renderer.svg(chart.static))  # noqa: S314  (our own drawing)
    texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert TITLE in texts
    assert chart.description
    assert json.loads(json.dumps(chart.spec, allow_nan=False)) == chart.spec


def test_a_chart_asks_nobody_for_data(renderer: Renderer) -> None:
    for chart in drawn("name"):
        assert '"url"' not in json.dumps(chart.spec)
        assert "href" not in renderer.svg(chart.static).replace("xlink", "")


def test_a_wide_range_gets_a_logarithmic_axis() -> None:
    wide, named = drawn("name")[1:3]
    assert '"type": "log"' in json.dumps(wide.spec)
    assert '"type": "log"' not in json.dumps(named.spec)


def test_of_many_lines_the_picture_shows_the_first(renderer: Renderer) -> None:
    rows = [{"x": x, "value": 1.0, "point": f"p{number}"} for number in range(20) for x in (1.0, 2.0)]
    chart = charts.draw_curves("t", "x", "y", rows)
    assert chart.lines == tuple(f"p{number}" for number in range(20))
    picture = renderer.svg(chart.static)
    assert "p5" in picture
    assert "p6" not in picture


def test_rows_are_said_in_words_for_the_table_of_a_chart() -> None:
    for number, chart in enumerate(drawn("name")):
        rows = chart.spec["data"]["values"]
        assert number in {1, 2, 8} or (rows and chart.columns.keys() <= rows[0].keys())


def numbers(chart: Chart, renderer: Renderer) -> set[float]:
    """Return the numbers at the axes of a chart's picture."""
    picture = ET.fromstring(renderer.svg(chart.static))  # noqa: S314  (our own drawing)
    texts = [element.text or "" for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    return {float(text.replace(",", "")) for text in texts if text[:1].isdigit()}


@pytest.mark.parametrize("value", [0.5, 1e-5, 0.123456, 12345.5, 1e-9, 1e12 + 1])
def test_an_axis_of_one_value_shows_that_value(renderer: Renderer, value: float) -> None:
    groups = [{"x": x, "mean": value, "low": value, "high": value, "n": 1, "series": "", "point": "p"} for x in (1, 2)]
    curve = [{"epoch": e, "value": value, "split": "training", "point": ""} for e in (1.0, 2.0)]
    drawn = [
        charts.draw_by_parameter("x", "y", "y", groups, ""),
        charts.draw_by_item("y", "x", "y", [{"item": "a", "value": value}], ""),
        charts.draw_learning_curves("y", curve),
    ]
    assert [value in numbers(chart, renderer) for chart in drawn] == [True] * 3


@pytest.mark.parametrize("values", [(0.5, 0.5625, 1.0), (0.0015, 2.25, 1000.125)])  # the second ones are logarithmic
def test_a_tick_for_a_value_shows_all_of_its_digits(renderer: Renderer, values: tuple[float, ...]) -> None:
    groups = [{"x": x, "mean": 7.0, "low": 7.0, "high": 7.0, "n": 1, "series": "", "point": "p"} for x in values]
    assert numbers(charts.draw_by_parameter("x", "y", "y", groups, ""), renderer) == {*values, 7.0}


@pytest.mark.parametrize("value", [2**53 + 1, 2**64 - 1, 2**64 + 1, -(10**60)])
def test_an_integer_that_a_chart_would_round_is_text_and_that_is_said(
    tmp_path: Path, renderer: Renderer, value: int
) -> None:
    folder = Folder(tmp_path / "results")
    for number in (1, value):
        folder.finish(folder.add(number=number), {"accuracy": 0.5})
    view = StudyView(load_study(folder.results, folder.study))
    chart, *_ = static_charts(view)
    assert {row["x"] for row in chart.spec["data"]["values"]} == {1, str(value)}
    assert "are shown as text" in chart.description
    assert str(value) in renderer.svg(chart.static) or len(str(value)) > 20
    board = Leaderboard.of(view).to_json({})
    place = [column["key"] for column in board["columns"]].index("parameter:number")
    assert {row["cells"][place] for row in board["rows"]} == {1, str(value)}


def test_the_ends_of_an_interval_are_drawn_where_they_are(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    folder.finish(folder.add(), {"accuracy": {"value": 0.9, "low": 0.5, "high": 0.95, "samples": 4}})
    board = Leaderboard.of(StudyView(load_study(folder.results, folder.study)))
    (row,) = board.to_json({})["rows"]
    place = [column.key for column in board.columns].index("metric:accuracy")
    assert row["cells"][place] == ["0.9 (0.5 to 0.95, rough: 4 samples)", 0.9, 0.5, 0.95]
