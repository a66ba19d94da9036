"""Select experiments of a study, and replace its values, without changing the file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fairmesh.errors import InputError, Problem, place
from fairmesh.expressions.conditions import Condition
from fairmesh.schema import Node, parse_yaml, resolve_scalar
from fairmesh.study.plan import Experiment, Plan

Settings = Mapping[str, Any]
NO_SETTINGS: Settings = {}
TOP = ("repeat", "title", "measure", "machines")  # keys of a study beside its axes

_PART = re.compile(r"([1-9][0-9]*)/([1-9][0-9]*)", re.ASCII)


@dataclass(frozen=True)
class PlanSelection:
    """A selection of a plan's experiments; all of them by default.

    Parameters
    ----------
    where : str
        An expression over parameters, axes and resources.
    part : str
        ``K/N``: every N-th experiment, beginning with the K-th. The N parts make up the whole.
    first : int, optional
        The largest number of experiments.
    only : str
        A file with their names, ids or keys, one per line.
    """

    where: str = ""
    part: str = ""
    first: int | None = None
    only: str = ""

    def of(self, plan: Plan) -> Plan:
        """Return the plan with these experiments selected.

        Raises
        ------
        InputError
            If the selection is not valid, or selects nothing.
        """
        selected = plan.experiments
        if self.where:
            condition = Condition.parse(self.where, known_names(selected), plan.study, "where")
            selected = [experiment for experiment in selected if condition(experiment.values)]
        if self.only:
            names = _read_names(Path(self.only), plan)
            selected = [experiment for experiment in selected if experiment.name in names]
        if self.part:
            number, count = _part(self.part)
            selected = selected[number - 1 :: count]
        selected = selected[: self.first]
        if not selected:
            raise InputError([Problem(f"no experiment of {plan.study} is selected by {self}")])
        return replace(plan, selected=selected, selection=self.to_json() | plan.selection)

    def to_json(self) -> dict[str, Any]:
        """Return the fields that are set, as in plan.json and run.json."""
        return {name: value for name, value in vars(self).items() if value}

    def __str__(self) -> str:
        """Return the fields that are set, as a text."""
        return ", ".join(f"{name}: {value}" for name, value in self.to_json().items())


def known_names(experiments: Sequence[Experiment]) -> dict[str, None]:
    """Return the names that occur in experiments, each without a value."""
    return dict.fromkeys(name for experiment in experiments for name in experiment.values)


def _read_names(path: Path, plan: Plan) -> frozenset[tuple[str, str]]:
    """Return machine and id of the experiments that a file names, one per line."""
    try:
        names = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError([Problem(f"'only': {path} cannot be read: {error}")]) from error
    found: set[tuple[str, str]] = set()
    problems: list[Problem] = []
    for index, name in enumerate(names, 1):
        try:
            found.update(experiment.name for experiment in plan.finder.find(name))
        except InputError as error:
            problems += [replace(problem, where=place(path, index, 1)) for problem in error.problems]
    if problems:
        raise InputError(problems)
    return frozenset(found)


def _part(text: str) -> tuple[int, int]:
    match = _PART.fullmatch(text)
    if not match or int(match[1]) > int(match[2]):
        raise InputError([Problem(f"'part' must be K/N with K from 1 to N, not {text!r}")])
    return int(match[1]), int(match[2])


def read_settings(texts: Sequence[str]) -> dict[str, str]:
    """Read ``NAME=VALUE`` texts of a command line.

    Raises
    ------
    InputError
        If a text is not of this form.

    >>> read_settings(["epochs=1,5", "gpu=a100"])
    {'epochs': '1,5', 'gpu': 'a100'}
    """
    pairs = [text.partition("=") for text in texts]
    problems = [Problem(f"--set {name!r}: write NAME=VALUE") for name, equals, _ in pairs if not equals or not name]
    if problems:
        raise InputError(problems)
    return {name: value for name, _, value in pairs}


def apply_settings(study: Node, settings: Settings, aliases: Mapping[str, str]) -> Node:
    """Replace values of a study.

    They replace an axis wherever it occurs; an axis that does not occur is crossed with the rest.

    Parameters
    ----------
    study : Node
        The study file.
    settings : mapping
        Value by name: in the notation of axes (``1,5``, ``[1-3]``, ``{from: 1, to: 5, step: 2}``), or plain.
    aliases : mapping of str to str
        The parameter for each name and alias.
    """
    for name, value in settings.items():
        node = _given(name, value)
        if name in TOP:
            study = _with(study, name, node)
            continue
        below = study.entries.get("parameters", Node({}))
        replaced, count = _replaced(below, aliases.get(name, name), node, aliases)
        study = _with(study, "parameters", replaced if count else _with(below, name, node))
    return study


def _given(name: str, value: Any) -> Node:
    source = f"--set {name}"
    if isinstance(value, str):
        text = value.strip()
        node = parse_yaml(text, Path(source)) if text.startswith("{") else _from_text(value)
    else:
        node = _from_text(value)
    return replace(node, source=source)


def _from_text(value: Any) -> Node:
    """Return a node of a value whose texts were typed without quotes, as on Snakemake's command line."""
    if isinstance(value, str):
        return Node(resolve_scalar(value), text=value)
    if isinstance(value, dict):
        return Node({str(key): _from_text(item) for key, item in value.items()})
    return Node([_from_text(item) for item in value]) if isinstance(value, list) else Node.from_value(value)


def _with(node: Node, key: str, value: Node) -> Node:
    return replace(node, value={**node.entries, key: value})


def _replaced(node: Node, name: str, value: Node, aliases: Mapping[str, str]) -> tuple[Node, int]:
    """Return a space with an axis replaced, and the number of its occurrences."""
    count = 0
    entries: dict[str, Node] = {}
    for key, below in node.entries.items():
        if key in {"product", "zip", "union"} and isinstance(below.value, list):
            members = [_replaced(member, name, value, aliases) for member in below.members]
            entries[key] = replace(below, value=[member for member, _ in members])
            count += sum(times for _, times in members)
        elif key in {"product", "zip", "union"}:
            entries[key], times = _replaced(below, name, value, aliases)
            count += times
        else:
            is_it = aliases.get(key, key) == name
            entries[key] = value if is_it else below
            count += is_it
    return (replace(node, value=entries) if count else node), count
