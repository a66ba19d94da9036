"""The page of a study that compares estimates with results; a study has it if there are enough results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2

from fairmesh.files import write_text
from fairmesh.printing import format_duration, format_size
from fairmesh.results.estimates.backtest import BackTest, Comparison
from fairmesh.results.estimates.estimator import LEVEL
from fairmesh.site import charts, numbers
from fairmesh.site.pictures import draw_pictures
from fairmesh.site.renderer import Renderer
from fairmesh.site.view import StudyView

ESTIMATES_PAGE = "estimates.md"
ROWS = 60


def write_estimates_page(view: StudyView, folder: Path, templates: jinja2.Environment, renderer: Renderer) -> list[str]:
    """Write the page into the study's folder of the website; return why pictures are missing.

    Parameters
    ----------
    view : StudyView
        The study.
    folder : Path
        The folder of its pages.
    templates, renderer : jinja2.Environment, Renderer
        They make the page and the pictures of its charts.
    """
    tests = {f"estimates-{index}": test for index, test in enumerate(view.back_tests)}
    drawn = {name: estimate_chart(view, test) for name, test in tests.items()}
    pictures, reasons = draw_pictures(drawn, folder, renderer)
    sections = [
        {"test": tests[name], "chart": chart, "picture": picture, "rows": list(_rows(view, tests[name]))[:ROWS]}
        for (name, chart), picture in zip(drawn.items(), pictures, strict=True)
    ]
    variables: dict[str, Any] = {"view": view, "sections": sections, "level": LEVEL, "root": "../../"}
    write_text(folder / ESTIMATES_PAGE, templates.get_template(f"{ESTIMATES_PAGE}.jinja").render(variables))
    return reasons


def estimate_chart(view: StudyView, test: BackTest) -> charts.Chart:
    """Return the chart of estimates with their intervals over measured values."""
    rows = [
        {
            "point": _name(view, comparison),
            "measured": comparison.measured,
            "estimate": comparison.prediction.value,
            "low": comparison.prediction.low,
            "high": comparison.prediction.high,
            "within": "in the interval" if comparison.is_within else "outside",
        }
        for comparison in test.tested
    ]
    return charts.draw_estimates(test.quantity.title, test.quantity.unit, rows)


def _rows(view: StudyView, test: BackTest) -> Iterator[dict[str, Any]]:
    """Yield the cells of the table, the worst estimates first."""
    for comparison in sorted(test.comparisons, key=_badness):
        prediction = comparison.prediction
        has_interval = prediction.low is not None and prediction.high is not None
        yield {
            "name": _name(view, comparison),
            "estimate": "unknown" if prediction.value is None else value_text(test.quantity.unit, prediction.value),
            "interval": " to ".join(
                value_text(test.quantity.unit, end) for end in (prediction.low, prediction.high) if end
            )
            if has_interval
            else prediction.why,
            "measured": value_text(test.quantity.unit, comparison.measured),
            "verdict": ("in the interval" if comparison.is_within else "outside") if has_interval else "no interval",
            "remarks": "; ".join(prediction.remarks),
        }


def _badness(comparison: Comparison) -> tuple[int, float]:
    has_interval = comparison.prediction.high is not None
    return (2 if not has_interval else int(comparison.is_within), -(comparison.error or 0.0))


def _name(view: StudyView, comparison: Comparison) -> str:
    outcome = view.outcome_of.get((comparison.result.machine, comparison.result.id))
    return view.title_of(outcome) if outcome else comparison.result.id


def value_text(unit: str, value: float) -> str:
    """Return a value in the unit that a person would choose."""
    if unit == "s":
        return format_duration(value, precise=True)
    return format_size(value) if unit == "byte" else f"{numbers.number(value)} {unit}"
