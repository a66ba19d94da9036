"""``fairmesh estimate``: what a study will use, before it runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fairmesh.cli import options
from fairmesh.cli.output import table, warn_of_unreadable
from fairmesh.printing import count_text, format_duration, format_size, print_json, print_lines
from fairmesh.project import MACHINES, RESOURCES, find_profile, own_or_installed

if TYPE_CHECKING:
    from fairmesh.results.estimates.totals import Total
    from fairmesh.study.machines import Machine
    from fairmesh.workflow.estimate import Estimate
    from fairmesh.workflow.machine_estimate import MachineEstimate

KWH = 3.6e6  # joules
SHOWN = 5  # remarks and reasons


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_study(parser)
    options.add_profile(parser)
    parser.add_argument(
        "--machine",
        metavar="NAME",
        action="append",
        default=[],
        dest="machines",
        help="plan for this machine in place of that of the profile; repeat it to compare machines",
    )
    parser.add_argument(
        "--from",
        metavar="STUDY",
        action="append",
        default=[],
        dest="sources",
        help="use the results of this study alone; can be repeated (results of all studies)",
    )
    options.add_selection(parser)
    options.add_results(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, with each experiment")
    parser.add_argument(
        "--write",
        action="store_true",
        help="set `runtime` and `mem_mb` of the experiments that would run to the upper ends of the intervals where "
        f"that is more than the study requests; the file is in {RESOURCES}",
    )
    parser.add_argument("--lower", action="store_true", help="with --write: also where it is less")


def run(arguments: argparse.Namespace) -> int:
    """Print the estimate."""
    from fairmesh.study.machines import load_machines  # noqa: PLC0415  a quarter of a second

    project = options.project(arguments)
    machines = load_machines(own_or_installed(project, MACHINES))
    estimates = list(_estimates(arguments, project, machines))
    if arguments.json:
        contents = [result.to_json() for result in estimates]
        print_json(contents[0] if len(contents) < 2 else {"estimates": contents})
    else:
        print_lines("\n".join(_lines(estimates)))
    if arguments.write:
        _write(estimates, project, machines, arguments.lower)
    return warn_of_unreadable([problem for result in estimates for problem in result.problems])


def _estimates(arguments: argparse.Namespace, project: Path, machines: Mapping[str, Machine]) -> Iterator[Estimate]:
    """Yield an estimate for each machine of the arguments, by default for that of the profile."""
    from fairmesh.workflow.configuration import read_profile, reruns_other_code  # noqa: PLC0415
    from fairmesh.workflow.estimate import check_machine, check_sources, estimate  # noqa: PLC0415  numpy: 0.1 s

    results = options.results_folder(arguments)
    profile = read_profile(find_profile(arguments.profile, project))
    check_sources(results, arguments.sources)
    for machine in dict.fromkeys(arguments.machines) or [profile.machine]:
        if arguments.machines:
            check_machine(machine, machines)
        plan = options.selected_plan(arguments, machine, uses_estimates=not arguments.write)
        yield estimate(plan, results, profile, reruns_other_code(plan, project), machines, arguments.sources)
        if plan.names_machines:  # it is the same for all
            if arguments.machines:
                options.warn_of_machines(plan)
            return


def _write(estimates: list[Estimate], project: Path, machines: Mapping[str, Machine], lower: bool) -> None:
    """Write the estimated resources, and print what changes."""
    from fairmesh.workflow.estimated_resources import write_resources  # noqa: PLC0415

    path, changes = write_resources(estimates, project, machines, lower)
    if path is None:
        print_lines("nothing is written: no experiment that would run has an interval", file=sys.stderr)
        return
    for name, change in changes.items():
        if change.words:
            print_lines(f"{name:<11} {change.words}", file=sys.stderr)
    print_lines(f"written     {path}; fairmesh plan shows the resources", file=sys.stderr)


def _lines(estimates: list[Estimate]) -> Iterator[str]:
    if len(estimates) == 1:
        yield from _one(estimates[0])
        return
    yield f"{estimates[0].plan.study} on {len(estimates)} machines"
    yield _table([machine for result in estimates for machine in result.machines])
    notes = [list(_notes(result)) for result in estimates]
    is_shared = all(lines == notes[0] for lines in notes)
    for result, lines in zip(estimates, notes, strict=True):
        if not is_shared:
            yield f"{', '.join(result.plan.machines)}:"
        yield from lines
        if is_shared:
            return


def _one(result: Estimate) -> Iterator[str]:
    done = len(result.plan.selected) - len(result.to_run)
    count = f"{len(result.to_run)} of {count_text(len(result.plan.selected), 'experiment')}"
    machines = ", ".join(result.plan.machines)
    yield f"{result.plan.study} on {machines}: {count} would run" + (f", {done} have run" if done else "")
    if not result.to_run:
        return
    yield f"requested   {result.asked}"
    if result.seconds.value is None:
        yield from _notes(result)
        return
    if len(result.machines) > 1:
        yield _table(result.machines)
        yield f"wall time   {_between(result.wall, format_duration)} in all"
    else:
        yield from _machine(result.machines[0], result)
    if result.stages:
        yield f"stages      {_stages(result)}; part of the wall time, without an interval"
    yield from _notes(result)


def _notes(result: Estimate) -> Iterator[str]:
    """Yield what is unknown, or beyond the measurements, and what the estimate is based on."""
    yield from _counted("unknown", _unknown(result))
    if result.seconds.value is not None:
        yield from _counted("beyond", result.remarks)
        yield from _counted("no interval", _without_interval(result))
        yield from _basis(result)


def _machine(machine: MachineEstimate, result: Estimate) -> Iterator[str]:
    longest = f"the longest {_between(machine.longest, format_duration)}"
    yield f"expected    {_between(machine.seconds, format_duration)} of experiments"
    yield f"            {longest}; {machine.core_seconds.scaled(1 / 3600).value or 0:,.1f} CPU hours"
    queue = "; time in the queue is not included" if result.profile.executor else ""
    yield f"wall time   {_between(machine.wall, format_duration)} with {machine.at_once} at once{queue}"
    yield f"memory      {_partly(machine.memory, format_size)} for the largest experiment"
    yield f"storage     {_partly(machine.storage, format_size)}"
    yield f"energy      {_partly(machine.energy, _kwh)}" + (f"; {machine.energy_basis}" if machine.energy_basis else "")
    if machine.currency:
        yield f"cost        {_partly(machine.cost, _money(machine.currency))}; {machine.cost_basis}"


def _table(machines: list[MachineEstimate]) -> str:
    """Return a table with a line for each machine."""
    heads = ("machine", "experiments", "at once", "wall time", "of experiments", "memory", "storage", "energy", "cost")
    rows = [
        (
            machine.machine,
            str(len(machine.experiments)),
            str(machine.at_once),
            _between(machine.wall, format_duration),
            _between(machine.seconds, format_duration),
            _between(machine.memory, format_size),
            _between(machine.storage, format_size),
            _between(machine.energy, _kwh) + (" assumed" if machine.energy_basis.startswith("assumed") else ""),
            _between(machine.cost, _money(machine.currency)) if machine.currency else "no price",
        )
        for machine in machines
    ]
    return table(heads, rows)


def _basis(result: Estimate) -> Iterator[str]:
    yield f"intervals   {result.level} %"
    if result.law:
        yield f"fit         run time = {result.law}"
    for name, test in result.back_tests.items():
        if test.words and name == "seconds":
            yield f"back-test   {test.words}"
    sources = ", ".join(f"{count} of {study} on {machine}" for (study, machine), count in result.sources.items())
    yield f"based on    earlier results: {sources}"


def _unknown(result: Estimate) -> Mapping[str, int]:
    unknown = [experiment.seconds.why for experiment in result.experiments if experiment.seconds.value is None]
    return {f"the run time: {why}": unknown.count(why) for why in dict.fromkeys(unknown)}


def _without_interval(result: Estimate) -> Mapping[str, int]:
    found = [
        experiment.seconds.why
        for experiment in result.experiments
        if experiment.seconds.value is not None and experiment.seconds.why
    ]
    return {why: found.count(why) for why in dict.fromkeys(found)}


def _counted(head: str, texts: Mapping[str, int]) -> Iterator[str]:
    """Yield the most frequent texts, each with the number of experiments."""
    shown = sorted(texts.items(), key=lambda pair: -pair[1])
    for index, (text, count) in enumerate(shown[:SHOWN]):
        yield f"{head if not index else '':<11} {text} ({count_text(count, 'experiment')})"
    if len(shown) > SHOWN:
        yield f"{'':<11} and {len(shown) - SHOWN} more"


def _between(total: Total, text: Callable[[float], str]) -> str:
    """Return a total with its interval, or ``unknown``."""
    if total.value is None:
        return "unknown"
    if total.low is None or total.high is None:
        return text(total.value)
    return f"{text(total.value)} ({text(total.low)} to {text(total.high)})"


def _partly(total: Total, text: Callable[[float], str]) -> str:
    """Return a total with the number of experiments that it lacks."""
    lacks = f"; unknown for {count_text(total.unknown, 'experiment')}" if total.unknown and total.known else ""
    return f"{_between(total, text)}{lacks}"


def _kwh(joules: float) -> str:
    return f"{joules / KWH:.3g} kWh"


def _money(currency: str) -> Callable[[float], str]:
    return lambda amount: f"{amount:,.2f} {currency}"


def _stages(result: Estimate) -> str:
    times = [seconds for seconds in result.stages.values() if seconds is not None]
    without = len(result.stages) - len(times)
    text = f"{format_duration(sum(times))} of {len(times)} that experiments share" if times else ""
    return ", ".join(filter(None, (text, f"{without} unknown" if without else "")))
