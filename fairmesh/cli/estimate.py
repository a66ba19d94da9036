"""``fairmesh estimate``: run time and energy of a study before it runs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from fairmesh.cli import options
from fairmesh.cli.output import warn_of_unreadable
from fairmesh.printing import format_duration, print_json, print_lines
from fairmesh.status.launch import PROFILE
from fairmesh.workflow.configuration import read_profile
from fairmesh.workflow.estimate import Estimate, estimate

KWH = 3.6e6  # joules


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_study(parser)
    parser.add_argument("--profile", metavar="DIR", type=Path, default=Path(PROFILE), help=f"the profile ({PROFILE})")
    options.add_selection(parser)
    options.add_results(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the estimate."""
    profile = read_profile(arguments.profile)
    plan = options.selected_plan(arguments, profile.machine)
    found = estimate(plan, options.results_folder(arguments), profile)
    if arguments.json:
        print_json(found.to_json())
    else:
        print_lines("\n".join(_lines(found)))
    return warn_of_unreadable(found.problems)


def _lines(found: Estimate) -> Iterator[str]:
    done = len(found.plan.selected) - len(found.to_run)
    of = f"{len(found.to_run)} of {len(found.plan.selected)}"
    yield f"{found.plan.study} on {found.profile.machine}: {of} experiments would run" + (
        f", {done} have run" if done else ""
    )
    if not found.to_run:
        return
    yield f"requested   {found.asked}"
    unknown = len(found.to_run) - len(found.known)
    if unknown:
        which = "all of them" if not found.known else f"{unknown} of them"
        yield f"unknown     the run time of {which}: no similar experiment has run"
    if found.known:
        yield from _expected(found)


def _expected(found: Estimate) -> Iterator[str]:
    known, of = found.known, "" if len(found.known) == len(found.to_run) else f" for the {len(found.known)} others"
    longest = max(experiment.seconds for experiment in known)
    yield (
        f"expected    {format_duration(found.seconds or 0)} of experiments{of}, "
        f"the longest {format_duration(longest)}; {found.core_hours or 0:,.1f} CPU hours"
    )
    if found.stages:
        yield f"stages      {_stages(found)}"
    queue = "; time in the queue is not included" if found.profile.executor else ""
    yield f"wall time   {format_duration(found.wall_seconds or 0)} with {found.at_once} at once{queue}"
    energy = [experiment for experiment in known if experiment.energy_j is not None]
    if energy:
        methods = ", ".join(filter(None, found.energy_methods))
        yield f"energy      {(found.energy_j or 0) / KWH:.3g} kWh of {len(energy)} experiments; {methods}"
    else:
        yield "energy      unknown: not measured in earlier results"
    yield f"based on    {_sources(found)}"


def _stages(found: Estimate) -> str:
    times = [seconds for seconds in found.stages.values() if seconds is not None]
    without = len(found.stages) - len(times)
    text = f"{format_duration(sum(times))} of {len(times)} that experiments share" if times else ""
    return ", ".join(filter(None, (text, f"{without} unknown" if without else "")))


def _sources(found: Estimate) -> str:
    """Return the earlier results on which the numbers are based."""
    results = ", ".join(f"{count} of {study} on {machine}" for (study, machine), count in found.sources.items())
    same = sum(experiment.likeness == "same" for experiment in found.known)
    like = len(found.known) - same
    by = [f"{same} from the same parameters"] if same else []
    by += [f"{like} from the most similar parameters"] if like else []
    scaled = any(experiment.is_scaled for experiment in found.known)
    scale = f"; scaled by the requested run time of {found.plan.application.name}" if scaled else ""
    return f"the median of earlier results ({results}): {', '.join(by)}{scale}"
