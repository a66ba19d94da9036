"""``fairmesh compare``: experiments or studies side by side."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from string import ascii_uppercase

from fairmesh.cli import options
from fairmesh.cli.output import table, warn_of_unreadable
from fairmesh.errors import InputError, Problem
from fairmesh.jobs.paths import StudyPaths
from fairmesh.printing import print_json, print_lines
from fairmesh.project import is_path, project_folder
from fairmesh.results import StudyResults, load_study
from fairmesh.results.compare import (
    Change,
    Comparison,
    MetricChange,
    Side,
    compare_experiments,
    compare_studies,
    find_side,
)
from fairmesh.results.machines import METHOD, MachineComparison, compare_machines
from fairmesh.site import machine_texts, sentences
from fairmesh.status.places import FindProject, find_study, home_folder
from fairmesh.status.states import state_label

MAX_SIDES = 26  # one letter each


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "names",
        metavar="SIDE",
        nargs="*",
        help="an experiment (size=512,method=slices,#2; id or key), a point (without its repeat), or a study (its best "
        "point); STUDY:NAME for another study; with --by machine: the study (from config.yaml)",
    )
    parser.add_argument(
        "--by", choices=["machine"], help="compare the machines of a study over the points that they have in common"
    )
    parser.add_argument(
        "--reference", metavar="MACHINE", default="", help="with --by: compare with this machine (the first one)"
    )
    parser.add_argument("--study", metavar="STUDY", default="", help="the study of the experiments (from config.yaml)")
    options.add_results(parser)
    parser.add_argument("--all", action="store_true", help="show also what is equal")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Compare all sides with the first one; return 1 if files cannot be read."""
    if arguments.by:
        return _run_by_machine(arguments)
    if arguments.reference:
        raise InputError([Problem("--reference needs --by machine")])
    if not 2 <= len(arguments.names) <= MAX_SIDES:
        raise InputError([Problem(f"name 2 to {MAX_SIDES} experiments or studies, not {len(arguments.names)}")])
    problems = list[str]()
    try:
        project = partial(options.project, arguments)
        comparison = compare(arguments.names, arguments.study, arguments.results, problems, project)
    finally:
        failed = warn_of_unreadable(problems)
    if arguments.json:
        print_json(comparison.to_json())
    else:
        print_lines("\n".join(_lines(comparison, arguments.all)))
    return failed


def _run_by_machine(arguments: argparse.Namespace) -> int:
    """Compare the machines of a study; return 1 if files cannot be read."""
    names = list(filter(None, (*arguments.names, arguments.study)))
    if len(names) > 1:
        raise InputError([Problem(f"--by machine compares the machines of one study; {len(names)} are named")])
    paths = find_study("".join(names), arguments.results, partial(options.project, arguments))
    study = load_study(paths.home, paths.study)
    comparison = compare_machines(study, arguments.reference)
    if arguments.json:
        print_json(comparison.to_json())
    else:
        print_lines("\n".join(_machine_lines(comparison)))
    return warn_of_unreadable(study.problems)


def compare(
    names: Sequence[str],
    study: str,
    results: Path | None,
    problems: list[str],
    project: FindProject = project_folder,
) -> Comparison:
    """Compare experiments, points, or the best points of studies.

    Parameters
    ----------
    names : sequence of str
        The sides.
    study : str
        The study of the experiments; if empty, that in config.yaml.
    results : Path or None
        The results folder; if None, that in config.yaml.
    problems : list of str
        Files that cannot be read are added to it, also if the comparison fails.
    project : callable
        Returns the project folder; by default it is found from the current folder.

    Raises
    ------
    InputError
        If a name matches nothing, or several experiments.
    """
    loaded = list[StudyResults]()

    def load(paths: StudyPaths) -> StudyResults:
        loaded.append(load_study(paths.home, paths.study))
        return loaded[-1]

    studies = [None if study else _named_study(name, results, project) for name in names]
    try:
        if all(studies):
            return compare_studies([load(paths) for paths in studies if paths])
        sides = [
            _best(load(paths)) if paths else _side(name, load, study, results, project)
            for name, paths in zip(names, studies, strict=True)
        ]
        return compare_experiments(sides)
    finally:
        problems.extend(problem for results in loaded for problem in results.problems)


def _named_study(name: str, results: Path | None, project: FindProject) -> StudyPaths | None:
    """Return the study with this path, or this name in the results; None if there is none."""
    paths = Path(name) if is_path(name) else StudyPaths(home_folder(results, project), name).plan
    return find_study(name, results, project) if paths.exists() else None


def _best(study: StudyResults) -> Side:
    return compare_studies([study]).sides[0]


def _side(
    name: str,
    load: Callable[[StudyPaths], StudyResults],
    study: str,
    results: Path | None,
    project: FindProject,
) -> Side:
    """Return the side with this name, in the study before the colon or else in ``study``."""
    own_study, colon, experiment = name.partition(":")
    is_other = colon and "=" not in own_study
    found = find_study(own_study if is_other else study, results, project)
    return find_side(load(found), experiment if is_other else name)


def _lines(comparison: Comparison, everything: bool) -> Iterator[str]:
    """Yield the lines of a comparison; equal parameters only if ``everything``."""
    for letter, side in zip(ascii_uppercase, comparison.sides, strict=False):
        yield f"{letter}  {_about(side, comparison.kind)}"
    yield from _changes("Parameters", comparison.parameters, len(comparison.sides), everything)
    yield from _metrics("Results", comparison.metrics)
    yield from _metrics("Resources used", comparison.usage)
    yield from _changes("Environment", comparison.environment, len(comparison.sides), everything)


def _machine_lines(comparison: MachineComparison) -> Iterator[str]:
    """Yield the lines of a comparison of machines."""
    reference = comparison.names[comparison.reference]
    yield f"{comparison.study.name}: {len(comparison.names)} machines, compared with {reference}"
    yield from map("  {}".format, machine_texts.summaries(comparison))
    yield "\nMachines"
    facts = [name for name in machine_texts.HARDWARE if any(name in side.hardware for side in comparison.sides)]
    rows = [
        [
            f"  {side.name}",
            f"{len(side.done)} of {len(side.outcomes)}",
            *(side.hardware.get(name, "") for name in facts),
        ]
        for side in comparison.sides
    ]
    yield table(["", "results", *facts], rows)
    for index, name in enumerate(comparison.names):
        if index != comparison.reference:
            yield f"\n{name} compared with {reference}"
            yield table(
                ["", reference, name, "ratio or difference", "single points", "n", "result"],
                list(_machine_rows(comparison, index)),
            )
    if comparison.notes:
        yield ""
    yield from (f"note: {note}" for note in comparison.notes)
    yield f"\n{METHOD}"


def _machine_rows(comparison: MachineComparison, index: int) -> Iterator[list[str]]:
    for quantity in comparison.quantities:
        if change := quantity.changes[index]:
            yield [
                f"  {machine_texts.quantity_title(quantity)}",
                machine_texts.value_text(quantity, change.reference),
                machine_texts.value_text(quantity, change.own),
                f"{'x ' if change.is_ratio else ''}{machine_texts.change_text(change)}",
                machine_texts.range_text(change),
                machine_texts.pairs_text(change),
                change.judgement.words,
            ]


def _about(side: Side, kind: str) -> str:
    best = "best point " if kind == "studies" else ""
    many = f", {len(side.done)} of {len(side.outcomes)} with a result" if len(side.outcomes) > 1 else ""
    state = "" if side.done or many else f", {state_label(side.outcomes[0].state)}"
    return f"{side.study.name}: {best}{side.name} on {side.machine}{many}{state}"


def _changes(title: str, changes: Sequence[Change], sides: int, everything: bool) -> Iterator[str]:
    differing = [change for change in changes if change.differs]
    shown = changes if everything else differing
    yield f"\n{title}: {len(differing)} of {len(changes)} differ"
    if shown:
        names = [f"{change.name} ({change.unit})" if change.unit else change.name for change in shown]
        rows = [[f"  {name}", *change.texts] for name, change in zip(names, shown, strict=True)]
        yield table(["", *ascii_uppercase[:sides]], rows)


def _metrics(title: str, changes: Sequence[MetricChange]) -> Iterator[str]:
    if not changes:
        return
    yield f"\n{title}"
    rows = [
        [
            f"  {sentences.change_label(change)}",
            *(sentences.change_value(change, value) for value in change.values),
            _direction(change),
        ]
        for change in changes
    ]
    yield table(["", *ascii_uppercase[: len(changes[0].values)], "better"], rows)
    differences = [line for change in changes for line in _differences(change)]
    if differences:
        yield "\nDifferences from A"
        yield table(["", "", "difference", "which is"], differences)


def _direction(change: MetricChange) -> str:
    best = "" if change.best is None else f": {ascii_uppercase[change.best]}"
    return f"{change.better}{best}"


def _differences(change: MetricChange) -> Iterator[list[str]]:
    for letter, difference, judged in zip(ascii_uppercase, change.differences, change.judgements, strict=False):
        if not difference or judged is None:
            continue
        unit = "" if change.metric.unit in {"", sentences.BYTE} else f" {change.metric.unit}"
        amount = f"{sentences.change_difference(change, difference)}{unit}"
        yield [f"  {sentences.change_label(change)}", letter, amount, judged.words]
