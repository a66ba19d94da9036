"""States in Vega's charts: their fixed colours, and letters that can be read on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairmesh.api.html import STATE_COLORS

LETTER = {"calculate": "upper(slice(datum.state, 0, 1))", "as": "letter"}
LETTER_COLOUR = {
    "condition": {"test": "contrast('#ffffff', scale('color', datum.state)) > 4.5", "value": "#ffffff"},
    "value": "#000000",
}


def colour(states: Sequence[str], legend: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return how the field ``state`` is coloured, with a legend or none."""
    scale = {"domain": list(states), "range": [STATE_COLORS[state] for state in states]}
    return {"field": "state", "type": "nominal", "scale": scale, "legend": legend}


def tips(*names: str) -> list[dict[str, str]]:
    """Return a tooltip of fields that are shown as they are."""
    return [{"field": name, "type": "nominal"} for name in names]
