"""What several verbs share: where things are, which study is meant, and how it is shown."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fairmesh.study import Plan, load_plan
from fairmesh.study.selection import Selection, read_settings
from fairmesh.study.settings import load_config
from fairmesh.wording import cell_text
from fairmesh.workflow.configuration import FILE


def find_root(start: Path) -> Path:
    """Give the nearest folder upward that has a Snakefile, or else the one that the package lies in."""
    folders = (start, *start.parents)
    return next((each for each in folders if (each / "Snakefile").is_file()), Path(__file__).resolve().parents[2])


def add_study(parser: argparse.ArgumentParser, name: str = "study") -> None:
    """Add the argument of a study."""
    parser.add_argument(name, metavar=name.upper(), help="a name in config/studies, or the path of a study file")


def add_machine(parser: argparse.ArgumentParser) -> None:
    """Add the option of a machine."""
    parser.add_argument("--machine", metavar="NAME", default="local", help="where it would run (local)")


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that select experiments, or change a study for one call."""
    parser.add_argument("--where", metavar="EXPR", default="", help='those for which it is true: "epochs > 1"')
    parser.add_argument("--part", metavar="K/N", default="", help="the K-th of N parts that make up the whole")
    parser.add_argument("--first", metavar="N", type=count, help="the first N of them")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUES",
        action="append",
        default=[],
        dest="settings",
        help="values in place of the file's: epochs=1,5",
    )


def add_results(parser: argparse.ArgumentParser) -> None:
    """Add the option of the results folder."""
    parser.add_argument("--results", metavar="DIR", type=Path, help="the results folder (the configuration's)")


def results_folder(arguments: argparse.Namespace) -> Path:
    """Give the results folder that is named, else the configuration's, else the usual one."""
    if arguments.results:
        return Path(arguments.results)
    return Path(load_config(FILE).results if FILE.exists() else "results")


def study_name(study: str) -> str:
    """Give the name of a study, which is the name of its folder in the results."""
    is_file = "/" in study or study.endswith((".yaml", ".yml"))
    return load_plan(study, find_root(Path.cwd()), "local").study if is_file else study


def selected_plan(arguments: argparse.Namespace) -> Plan:
    """Load the plan that the arguments mean, and print its warnings."""
    whole = load_plan(arguments.study, find_root(Path.cwd()), arguments.machine, read_settings(arguments.settings))
    warn(whole)
    return Selection(arguments.where, arguments.part, arguments.first).of(whole)


def warn(plan: Plan) -> None:
    """Print what a person should look at."""
    for warning in plan.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def count(text: str) -> int:
    """Read a whole number above 0 from the command line."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, not {text!r}")
    return int(text)


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, indent=1, ensure_ascii=False))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align columns.

    >>> print(table(("id", "key"), [("epochs=1", "abc")]))
    id        key
    epochs=1  abc
    """
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in (heads, *rows))
    return "\n".join(lines)


def csv_text(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Give rows as CSV; a cell that a spreadsheet would compute is shown as text.

    >>> print(csv_text(("id", "why"), [("a", "=1+1")]))
    id,why
    a,'=1+1
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows([list(map(cell_text, row)) for row in rows])
    return out.getvalue().rstrip("\n")
