"""The columns of a package's tables: type, unit, meaning and limits."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from fairmesh.printing import escape_cell
from fairmesh.results import StudyResults
from fairmesh.results.csv_files import delimiter_of
from fairmesh.results.metrics import readable
from fairmesh.results.table import metric_columns, parameter_columns
from fairmesh.runner.protocol import STATES
from fairmesh.runner.safefiles import read_regular

INTEGER, NUMBER, BOOLEAN, STRING, DATETIME = "integer", "number", "boolean", "string", "datetime"

OWN = {
    "machine": ("Name of the machine that it ran on.", ""),
    "id": ("Name of the experiment in the study.", ""),
    "state": ("What became of it.", ""),
    "reason": ("Why it has no result.", ""),
    "seconds": ("Time from the start of the program to its end.", "s"),
    "cpu_s": ("Processor time of the program and its children.", "s"),
    "peak_bytes": ("Largest memory of the program and its children.", "byte"),
    "read_bytes": ("Bytes read from storage.", "byte"),
    "write_bytes": ("Bytes written to storage.", "byte"),
    "energy_j": ("Energy of the machine or of the program, as energy_method says.", "J"),
    "energy_method": ("How the energy is known: measured, shared, estimated or unavailable.", ""),
    "attempt": ("Number of the attempt that has the result.", ""),
    "run": ("The run of the workflow that it belongs to.", ""),
    "node": ("Host that it ran on.", ""),
    "organisation": ("Organization that it belongs to.", ""),
    "person": ("Author who ran it.", ""),
}
"""The columns of results.csv beside parameters and metrics: meaning and unit."""

TELEMETRY = {
    "time": (DATETIME, "When it was sampled, in UTC."),
    "device": (STRING, "What was sampled: program, machine or a GPU."),
    "metric": (STRING, "The quantity."),
    "value": (NUMBER, "The sample, in the unit that the row names."),
    "unit": (STRING, "The unit of the value."),
}
"""The columns of telemetry.csv."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    name, title, description, unit : str
        As in the header, for people, and the unit of its values; empty where there is none.
    type : str
        A type of Table Schema.
    constraints : dict
        Limits in the words of Table Schema.
    has_gaps : bool
        Whether a cell may be empty.
    """

    name: str
    type: str
    title: str = ""
    description: str = ""
    unit: str = ""
    constraints: dict[str, Any] = field(default_factory=dict)
    has_gaps: bool = False


def of_results(study: StudyResults, frame: pd.DataFrame) -> list[Column]:
    """Describe the columns of ``results.csv``.

    Parameters
    ----------
    study : StudyResults
        Whose parameters and metrics they are.
    frame : pandas.DataFrame
        The table as ``fairmesh.results.table`` gives it.
    """
    known = _known(study)
    return [
        Column(
            name=escape_cell(name),
            type=_type(frame[name]),
            title=readable(str(known.get(name, {}).get("title") or name)),
            description=str(known.get(name, {}).get("description") or ""),
            unit=str(known.get(name, {}).get("unit") or ""),
            constraints=_constraints(known.get(name, {}), _type(frame[name])),
            has_gaps=bool(frame[name].isna().any() or (frame[name].astype(str) == "").any()),
        )
        for name in map(str, frame.columns)
    ]


def _known(study: StudyResults) -> dict[str, dict[str, Any]]:
    """Return declared properties by column."""
    application = study.plan["application"]
    columns: dict[str, dict[str, Any]] = {
        name: {"description": text, "unit": unit} for name, (text, unit) in OWN.items()
    }
    columns |= {name: {**columns[name], "required": True} for name in ("machine", "id", "state")}
    columns["state"] |= {"enum": list(STATES)}
    declared = application.get("parameters") or {}
    columns |= {column: declared.get(name) or {} for name, column in parameter_columns(study.plan).items()}
    declared = application.get("metrics") or {}
    for name, column in metric_columns(study).items():
        entry = declared.get(name, {"description": "Not declared by the application."})
        about = {key: entry[key] for key in ("title", "unit", "description") if key in entry}
        columns[column] = about
        for end, words in (("low", "Lower"), ("high", "Upper")):
            columns[f"{column}_{end}"] = about | {"title": "", "description": f"{words} end of the interval of {name}."}
    return columns


def _type(values: pd.Series[Any]) -> str:
    kinds = {"Int64": INTEGER, "UInt64": INTEGER, "Float64": NUMBER, "boolean": BOOLEAN}
    return kinds.get(str(values.dtype), STRING)


def _constraints(known: dict[str, Any], kind: str) -> dict[str, Any]:
    constraints: dict[str, Any] = {"required": True} if known.get("required") else {}
    if kind in {INTEGER, NUMBER}:
        constraints |= {key: known[key] for key in ("minimum", "maximum") if known.get(key) is not None}
    choices = known.get("enum")
    if kind == STRING and choices and all(isinstance(choice, str) and choice for choice in choices):
        constraints["enum"] = list(map(escape_cell, choices))
    return constraints


def of_file(path: Path) -> list[Column]:
    """Describe the columns of a CSV file by its content; empty if it is not a table.

    A column is of whole numbers or of numbers if all of its cells are, else of text. A file of another dialect than
    UTF-8 with commas is described as a file alone.
    """
    try:
        text = read_regular(str(path), follow_links=False).decode("utf-8")
        if delimiter_of(text) != ",":
            return []
        heads, kinds, gaps = _scan(csv.reader(io.StringIO(text, newline="")))
    except (csv.Error, UnicodeDecodeError, OSError):
        return []
    if not heads or len(set(heads)) != len(heads) or "" in heads:
        return []
    told = zip(heads, kinds, gaps, strict=True)
    return [Column(name, kind, title=readable(name), has_gaps=gap) for name, kind, gap in told]


def _scan(rows: Iterator[list[str]]) -> tuple[list[str], list[str], list[bool]]:
    """Return the headers, the type of each column, and whether it has an empty cell."""
    heads = next(rows, [])
    kinds, gaps = [INTEGER] * len(heads), [False] * len(heads)
    for row in rows:
        if len(row) != len(heads):
            return [], [], []
        for number, cell in enumerate(row):
            if cell:
                kinds[number] = _wider(kinds[number], cell)
            else:
                gaps[number] = True
    return heads, kinds, gaps


def _wider(kind: str, cell: str) -> str:
    """Return the narrowest type for the column so far and this cell."""
    if kind == INTEGER and cell.removeprefix("-").isdecimal() and cell.isascii():
        return INTEGER
    if kind in {INTEGER, NUMBER}:
        try:
            return NUMBER if math.isfinite(float(cell)) and "_" not in cell else STRING
        except ValueError:
            return STRING
    return STRING
