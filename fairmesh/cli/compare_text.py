"""What ``fairmesh compare`` means by names, and how it shows a comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from string import ascii_uppercase

from fairmesh.cli import places
from fairmesh.cli.output import table
from fairmesh.jobs.paths import StudyPaths
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
from fairmesh.site import sentences
from fairmesh.status.states import state_label


def compare(names: Sequence[str], study: str, results: Path | None, problems: list[str]) -> Comparison:
    """Compare what names mean: experiments, points, or studies, for which their best points stand.

    Parameters
    ----------
    names : sequence of str
        What is compared.
    study : str
        Whose experiments; the configuration's if empty.
    results : Path or None
        The results folder; the configuration's if None.
    problems : list of str
        Takes the files that are there and cannot be read, also if the comparison fails.

    Raises
    ------
    InputError
        If one means nothing, or several.
    """
    loaded = list[StudyResults]()

    def load(paths: StudyPaths) -> StudyResults:
        loaded.append(load_study(paths.home, paths.study))
        return loaded[-1]

    studies = [None if study else _study_named(each, results) for each in names]
    try:
        if all(studies):
            return compare_studies([load(each) for each in studies if each])
        named = zip(names, studies, strict=True)
        return compare_experiments(
            [_best(load(own)) if own else _side(name, load, study, results) for name, own in named]
        )
    finally:
        problems.extend(line for each in loaded for line in each.problems)


def _study_named(name: str, results: Path | None) -> StudyPaths | None:
    """Return the study that a name means, if it means one: by its folder, or by its name in the results."""
    folder = Path(name)
    home = folder.parent if "/" in name else results or places.results_of(Path())
    own = StudyPaths(home, folder.name)
    return own if folder.name and own.plan.is_file() else None


def _best(study: StudyResults) -> Side:
    return compare_studies([study]).sides[0]


def _side(name: str, load: Callable[[StudyPaths], StudyResults], study: str, results: Path | None) -> Side:
    """Return what a name means: an experiment of the study before its colon, else of the one that is chosen."""
    of, colon, experiment = name.rpartition(":")
    return find_side(load(places.find_study(of if colon else study, results)), experiment)


def lines(found: Comparison, everything: bool) -> Iterator[str]:
    """Yield what a person reads; what is the same only if everything is wanted."""
    for letter, side in zip(ascii_uppercase, found.sides, strict=False):
        yield f"{letter}  {_about(side, found.kind)}"
    yield from _changes("Parameters", found.parameters, len(found.sides), everything)
    yield from _metrics("Results", found.metrics)
    yield from _metrics("What it took", found.usage)
    yield from _changes("Environment", found.environment, len(found.sides), everything)


def _about(side: Side, kind: str) -> str:
    best = "best point " if kind == "studies" else ""
    many = f", {len(side.done)} of {len(side.outcomes)} with a result" if len(side.outcomes) > 1 else ""
    state = "" if side.done or many else f", {state_label(side.outcomes[0].state)}"
    return f"{side.study.name}: {best}{side.name} on {side.machine}{many}{state}"


def _changes(title: str, changes: Sequence[Change], sides: int, everything: bool) -> Iterator[str]:
    differing = [each for each in changes if each.differs]
    shown = changes if everything else differing
    yield f"\n{title}: {len(differing)} of {len(changes)} differ"
    if shown:
        names = [f"{each.name} ({each.unit})" if each.unit else each.name for each in shown]
        rows = [[f"  {name}", *each.texts] for name, each in zip(names, shown, strict=True)]
        yield table(["", *ascii_uppercase[:sides]], rows)


def _metrics(title: str, changes: Sequence[MetricChange]) -> Iterator[str]:
    if not changes:
        return
    yield f"\n{title}"
    rows = [
        [
            f"  {sentences.change_label(each)}",
            *(sentences.change_value(each, value) for value in each.values),
            _direction(each),
        ]
        for each in changes
    ]
    yield table(["", *ascii_uppercase[: len(changes[0].values)], "better"], rows)
    told = [line for each in changes for line in _differences(each)]
    if told:
        yield "\nDifferences from A"
        yield table(["", "", "difference", "which is"], told)


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
