"""``fairmesh plan``: list the experiments of a study before they run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fairmesh.cli import options
from fairmesh.cli.output import csv_text, table
from fairmesh.jobs.paths import StudyPaths
from fairmesh.names import plain_text
from fairmesh.printing import count_text, print_json, print_lines, print_table
from fairmesh.status.states import state_label
from fairmesh.study import Plan
from fairmesh.study.cost import total_cost
from fairmesh.study.plan import mermaid
from fairmesh.workflow.code_hash import environments_of, other_code_hint
from fairmesh.workflow.configuration import reruns_other_code
from fairmesh.workflow.forecast import Forecast, forecast

Table = tuple[Sequence[str], list[tuple[str, ...]]]
MAX_CELL = 40  # characters in a table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_study(parser)
    options.add_machine(parser)
    options.add_selection(parser)
    options.add_experiments(parser)
    options.add_results(parser)
    parser.add_argument("--limit", metavar="N", type=options.count, help="show only the first N experiments")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--table", action="store_true", help="print a table with all parameters and resources")
    how.add_argument("--json", action="store_true", help="print all details as JSON")
    how.add_argument("--csv", action="store_true", help="print CSV with a row for each experiment")
    how.add_argument(
        "--graph", action="store_true", help="print the stages, and how often each runs, as a Mermaid graph"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the plan."""
    plan = options.selected_plan(arguments)
    if arguments.names:
        named = {experiment.name for experiment in plan.finder.find_all(arguments.names)}
        plan = replace(plan, selected=[experiment for experiment in plan if experiment.name in named])
    if arguments.graph:
        print_lines(mermaid(plan))
        return 0
    paths = StudyPaths(options.results_folder(arguments), plan.study)
    forecasts = list(forecast(plan, paths, reruns_other_code(plan, options.optional_project(arguments))))
    shown = forecasts[: arguments.limit]
    if arguments.json:
        _print_json(plan, forecasts, shown)
    elif arguments.csv:
        print_table(csv_text(*_columns(shown)))
    else:
        print_lines(table(*(_short(_columns(shown)) if arguments.table else _overview(plan, shown))))
        print_lines(_summary(plan, forecasts, paths.home))
    return 0


def _print_json(plan: Plan, forecasts: Sequence[Forecast], shown: Sequence[Forecast]) -> None:
    entries = [
        {
            **entry.experiment.to_json(),
            "name": plan.short_name(entry.experiment),
            "selected": True,
            "state": entry.state,
            "why": entry.why,
            "note": entry.note,
        }
        for entry in shown
    ]
    asked = total_cost(entry.experiment for entry in forecasts)
    totals = {
        "cpu_hours": round(asked.cpu_hours, 3),
        "gpu_hours": round(asked.gpu_hours, 3),
        "to_run": _to_run(forecasts),
    }
    print_json(plan.to_json() | {"experiments": entries, "count": len(forecasts), "totals": totals})


def _overview(plan: Plan, shown: Sequence[Forecast]) -> Table:
    """Return a table; it has machines if there are several, and notes if there are any beside reasons to run."""
    cells: dict[str, list[str]] = {
        "experiment": [plan.short_name(entry.experiment) for entry in shown],
        "machine": [entry.experiment.machine for entry in shown] if len(plan.machines) > 1 else [],
        "key": [entry.experiment.key for entry in shown],
        "state": [state_label(entry.state) for entry in shown],
        "why it would run": [entry.why for entry in shown],
        "note": ["" if entry.why else entry.note for entry in shown],
    }
    optional = {"machine", "note"}
    kept = {head: column for head, column in cells.items() if head not in optional or any(column)}
    return tuple(kept), list(zip(*kept.values(), strict=True))


def _columns(shown: Sequence[Forecast]) -> Table:
    """Return a table with a column for each axis, parameter and resource."""
    values = [{**entry.experiment.axes, **entry.experiment.parameters, **entry.experiment.resources} for entry in shown]
    names = list(dict.fromkeys(name for value in values for name in value))
    rows = [
        (
            entry.experiment.id,
            entry.experiment.machine,
            entry.experiment.key,
            state_label(entry.state),
            entry.why,
            *(plain_text(entry_values[name]) if name in entry_values else "" for name in names),
        )
        for entry, entry_values in zip(shown, values, strict=True)
    ]
    return ("id", "machine", "key", "state", "why", *names), rows


def _short(columns: Table) -> Table:
    heads, rows = columns
    return heads, [tuple(cell if len(cell) <= MAX_CELL else cell[: MAX_CELL - 1] + "…" for cell in row) for row in rows]


def _summary(plan: Plan, forecasts: Sequence[Forecast], results: Path) -> str:
    count = len(forecasts)
    total = count_text(len(plan.experiments), "experiment")
    chosen = total if count == len(plan.experiments) else f"{count} of {total}"
    asked = total_cost(entry.experiment for entry in forecasts if entry.why)
    machines = dict.fromkeys(entry.experiment.machine for entry in forecasts)
    lines = [f"{chosen} of {plan.study} on {', '.join(machines)}; {_to_run(forecasts)} would run"]
    lines += [f"they request {asked}"] if _to_run(forecasts) else []
    kept = [entry.environment for entry in forecasts if entry.environment is not None and not entry.why]
    return "\n".join([*lines, *filter(None, [other_code_hint(environments_of(kept, results))])])


def _to_run(forecasts: Sequence[Forecast]) -> int:
    return sum(bool(entry.why) for entry in forecasts)
