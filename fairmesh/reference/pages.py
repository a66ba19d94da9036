"""The reference pages: prose from templates, tables from the models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

from fairmesh.names import experiment_id
from fairmesh.reference import tables
from fairmesh.reference.architecture import layers
from fairmesh.reference.models import model_schema
from fairmesh.reference.schemas import narrow
from fairmesh.study.notation import Range

PAGES = Path("site/docs/reference")
ARCHITECTURE = Path("site/docs/explanation/architecture.md")

IDS: tuple[dict[str, Any], ...] = (
    {"epochs": 1, "gpu": "a100", "repeat": 3},
    {"learning_rate": 1e-05, "data": "/scratch/a, b"},
    {"data": "1e-05"},
    {},
)
"""Axes whose ids the page of the study shows."""


def build_page(name: str) -> str:
    """Return the text of a reference page.

    Parameters
    ----------
    name : str
        One of `FILES`.

    Examples
    --------
    >>> build_page("machines").splitlines()[0]
    '# machines.yaml'
    """
    schema = narrow(name)
    template = _environment().get_template(f"{name}.md.jinja")
    parts = {title: tables.keys(part) for title, part in schema.get("$defs", {}).items()}
    return template.render(
        keys=tables.keys(schema) if "properties" in schema else "",
        parts=parts | {"Range": tables.keys(model_schema(Range))},
        functions=tables.functions(),
        resources=tables.resources(),
        ids=IDS,
    )


def architecture() -> str:
    """Return the text of the page on the architecture, with the layers of this version of the package."""
    return _environment().get_template("architecture.md.jinja").render(layers=layers(Path(__file__).parents[1]))


def _environment() -> jinja2.Environment:
    # Braces mean something in the pages themselves, and what is filled in is Markdown of our own.
    made = jinja2.Environment(  # noqa: S701
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"flow": tables.flow, "id": experiment_id}
    return made
