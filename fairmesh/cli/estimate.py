"""``fairmesh estimate``: run time and energy of a study before it runs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from fairmesh.cli import options
from fairmesh.cli.output import warn_of_unreadable
from fairmesh.printing import count_text, format_duration, print_json, print_lines
from fairmesh.project import find_profile
from fairmesh.workflow.configuration import read_profile, reruns_other_code
from fairmesh.workflow.estimate import Estimate, estimate

KWH = 3.6e6  # joules


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_study(parser)
    options.add_profile(parser)
    options.add_selection(parser)
    options.add_results(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the estimate."""
    profile = read_profile(find_profile(arguments.profile, options.project(arguments)))
    plan = options.selected_plan(arguments, profile.machine)
    reruns = reruns_other_code(plan, options.optional_project(arguments))
    result = estimate(plan, options.results_folder(arguments), profile, reruns)
    if arguments.json:
        print_json(result.to_json())
    else:
        print_lines("\n".join(_lines(result)))
    return warn_of_unreadable(result.problems)


def _lines(result: Estimate) -> Iterator[str]:
    done = len(result.plan.selected) - len(result.to_run)
    count = f"{len(result.to_run)} of {count_text(len(result.plan.selected), 'experiment')}"
    yield f"{result.plan.study} on {result.profile.machine}: {count} would run" + (f", {done} have run" if done else "")
    if not result.to_run:
        return
    yield f"requested   {result.asked}"
    unknown = len(result.to_run) - len(result.known)
    if unknown:
        which = "all of them" if not result.known else f"{unknown} of them"
        yield f"unknown     the run time of {which}: no similar experiment has run"
    if result.known:
        yield from _expected(result)


def _expected(result: Estimate) -> Iterator[str]:
    known = result.known
    others = "" if len(known) == len(result.to_run) else f" for the {len(known)} others"
    longest = max(experiment.seconds for experiment in known)
    yield (
        f"expected    {format_duration(result.seconds or 0)} of experiments{others}, "
        f"the longest {format_duration(longest)}; {result.core_hours or 0:,.1f} CPU hours"
    )
    if result.stages:
        yield f"stages      {_stages(result)}"
    queue = "; time in the queue is not included" if result.profile.executor else ""
    yield f"wall time   {format_duration(result.wall_seconds or 0)} with {result.at_once} at once{queue}"
    energy = [experiment for experiment in known if experiment.energy_j is not None]
    if energy:
        methods = ", ".join(filter(None, result.energy_methods))
        measured = count_text(len(energy), "experiment")
        yield f"energy      {(result.energy_j or 0) / KWH:.3g} kWh of {measured}; {methods}"
    else:
        yield "energy      unknown: not measured in earlier results"
    yield f"based on    {_sources(result)}"


def _stages(result: Estimate) -> str:
    times = [seconds for seconds in result.stages.values() if seconds is not None]
    without = len(result.stages) - len(times)
    text = f"{format_duration(sum(times))} of {len(times)} that experiments share" if times else ""
    return ", ".join(filter(None, (text, f"{without} unknown" if without else "")))


def _sources(result: Estimate) -> str:
    """Return the earlier results on which the numbers are based."""
    results = ", ".join(f"{count} of {study} on {machine}" for (study, machine), count in result.sources.items())
    same = sum(experiment.likeness == "same" for experiment in result.known)
    like = len(result.known) - same
    by = [f"{same} from the same parameters"] if same else []
    by += [f"{like} from the most similar parameters"] if like else []
    scaled = any(experiment.is_scaled for experiment in result.known)
    scale = f"; scaled by the requested run time of {result.plan.application.name}" if scaled else ""
    return f"the median of earlier results ({results}): {', '.join(by)}{scale}"
