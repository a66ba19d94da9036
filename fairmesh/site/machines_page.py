"""The page of a study that compares its machines; a study has it if two machines have results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2

from fairmesh.files import write_text
from fairmesh.results.machines import METHOD, MachineComparison, compare_machines
from fairmesh.site import charts, machine_texts
from fairmesh.site.pictures import draw_pictures
from fairmesh.site.renderer import Renderer
from fairmesh.site.view import StudyView

MACHINES_PAGE = "machines.md"


def write_machines_page(view: StudyView, folder: Path, templates: jinja2.Environment, renderer: Renderer) -> list[str]:
    """Write the page into the study's folder of the website; return why its picture is missing, if it is.

    Parameters
    ----------
    view : StudyView
        The study.
    folder : Path
        The folder of its pages.
    templates, renderer : jinja2.Environment, Renderer
        They make the page and the picture of its chart.
    """
    comparison = compare_machines(view.study)
    ratios = ratio_chart(comparison)
    pictures, reasons = draw_pictures({"machines": ratios} if ratios else {}, folder, renderer)
    facts = [name for name in machine_texts.HARDWARE if any(name in side.hardware for side in comparison.sides)]
    variables: dict[str, Any] = {
        "view": view,
        "comparison": comparison,
        "texts": machine_texts,
        "facts": facts,
        "ratios": ratios,
        "picture": next(iter(pictures), None),
        "method": METHOD,
        "root": "../../",
    }
    write_text(folder / MACHINES_PAGE, templates.get_template(f"{MACHINES_PAGE}.jinja").render(variables))
    return reasons


def ratio_chart(comparison: MachineComparison) -> charts.Chart | None:
    """Return the chart of the ratios of time and energy; None if there are none."""
    rows = list(_ratio_rows(comparison))
    return charts.draw_ratios(comparison.names[comparison.reference], rows) if rows else None


def _ratio_rows(comparison: MachineComparison) -> Iterator[charts.Row]:
    for quantity in comparison.quantities:
        if not quantity.is_ratio or quantity.metric.name not in machine_texts.SHOWN:
            continue
        for name, change in zip(comparison.names, quantity.changes, strict=True):
            if change:
                low, high = change.interval or (change.value, change.value)
                title = machine_texts.quantity_title(quantity)
                yield {"machine": name, "quantity": title, "ratio": change.value, "low": low, "high": high}
