"""The states of all experiments as a grid: one cell each, in the order of the plan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from fairmesh.monitor import vega
from fairmesh.status import JobStatus
from fairmesh.status.model import ORDER

LETTERS_UP_TO = 400  # cells: of more, none would have room for a letter
CELL = 0.92  # of the place of a cell; the lines of ten thousand would take longer to draw than they do
GAP = "#c8c8c8"  # what is seen between them; black has to be seen on it
WIDE = 3  # times as many columns as rows, about


def cells(experiments: Sequence[JobStatus]) -> pd.DataFrame:
    """Return a row for each experiment."""
    return pd.DataFrame(
        {
            "at": range(len(experiments)),
            "id": [each.id for each in experiments],
            "machine": pd.Categorical([each.machine for each in experiments]),
            "state": pd.Categorical([each.state for each in experiments], categories=list(ORDER)),
            "progress": [each.progress for each in experiments],
        }
    )


def drawing(count: int, only: str = "") -> dict[str, Any]:
    """Return the chart of so many cells; those in another state than the one that is wanted are faint."""
    columns = max(10, math.ceil(math.sqrt(count * WIDE)))
    rows = math.ceil(count / columns)
    layers = [_rects(only)]
    if count <= LETTERS_UP_TO:
        layers.append(_letters(only))
    return {
        "transform": [
            {"calculate": f"datum.at % {columns}", "as": "column"},
            {"calculate": f"floor(datum.at / {columns})", "as": "row"},
            {"calculate": f"datum.column + {CELL}", "as": "right"},
            {"calculate": f"datum.row + {CELL}", "as": "below"},
        ],
        "encoding": {
            "x": _position("column", columns),
            "y": {**_position("row", rows), "sort": "descending"},
        },
        "layer": layers,
        "view": {"fill": GAP, "stroke": None},
        "usermeta": {"embedOptions": {"renderer": "canvas"}},  # ten thousand elements of a page would take seconds
        "height": max(4, min(28, 560 // rows)) * rows,
    }


def _position(field: str, end: int) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "axis": None, "scale": {"domain": [0, end], "nice": False}}


def _rects(only: str) -> dict[str, Any]:
    return {
        "mark": {"type": "rect"},
        "encoding": {
            "x2": {"field": "right"},
            "y2": {"field": "below"},
            "color": vega.colour(ORDER),
            "opacity": _faint(only),
            "tooltip": vega.tips("id", "state", "progress", "machine"),
        },
    }


def _letters(only: str) -> dict[str, Any]:
    return {
        "transform": [
            vega.LETTER,
            {"calculate": f"datum.column + {CELL / 2}", "as": "middle"},
            {"calculate": f"datum.row + {CELL / 2}", "as": "centre"},
        ],
        "mark": {"type": "text", "baseline": "middle", "fontSize": 11, "tooltip": False},
        "encoding": {
            "x": {"field": "middle", "type": "quantitative"},
            "y": {"field": "centre", "type": "quantitative"},
            "text": {"field": "letter"},
            "opacity": _faint(only),
            "color": vega.LETTER_COLOUR,
        },
    }


def _faint(only: str) -> dict[str, Any]:
    return {"condition": {"test": f"datum.state == '{only}'", "value": 1}, "value": 0.12} if only else {"value": 1}
