"""Axes and excludes, read from the nodes of a study file against its application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fairmesh.errors import Problem, nearest
from fairmesh.model import not_yet
from fairmesh.names import REPEAT
from fairmesh.study.application import Application
from fairmesh.study.points import Choice, Exclude
from fairmesh.study.settle import ALGEBRA
from fairmesh.study.studyfile import MAX_EXPERIMENTS
from fairmesh.study.values import FRAMEWORK, GPU, Schema, read_value
from fairmesh.yaml12 import Node


class AxisReader:
    """Reads what a study says about the names of its application, and collects the mistakes.

    Parameters
    ----------
    application : Application
        Whose parameters the axes may name.
    path : Path
        The study file, for the messages.
    problems : list of Problem
        Takes the mistakes.
    """

    def __init__(self, application: Application, path: Path, problems: list[Problem]) -> None:
        self.path = path
        self.problems = problems
        self._application = application.name
        self._names = application.known_names | {name: name for name in FRAMEWORK}
        own = {name: parameter.json_schema for name, parameter in application.parameters.items()}
        self._schemas: dict[str, Schema] = {**FRAMEWORK, **own}

    def axes(self, node: Node) -> dict[str, list[Choice]]:
        """Read the map of axes, in its order; axes with mistakes are left out."""
        axes: dict[str, list[Choice]] = {}
        given: dict[str, str] = {}
        for key, value in node.entries.items():
            where = node.key_place(self.path, key)
            if key in ALGEBRA:
                self.problems.append(not_yet(f"'parameters.{key}'", where))
                continue
            name = self._name(key, "parameters", where)
            if name is None:
                continue
            if name in given:
                self.problems.append(Problem(f"'parameters.{key}' is the same axis as {given[name]!r}", where))
                continue
            given[name] = key
            axes[name] = self._axis(name, f"parameters.{key}", value)
        return axes

    def excludes(self, node: Node, axes: Mapping[str, Sequence[Choice]]) -> list[Exclude]:
        """Read the list of excludes; those with mistakes are left out."""
        excludes = []
        for at, each in enumerate(node.members):
            key = f"exclude[{at}]"
            before = len(self.problems)
            if isinstance(each.value, str):
                self.problems.append(not_yet(f"{key!r}: an expression", each.place(self.path)))
            elif not each.entries:
                self.problems.append(Problem(f"{key!r} must be a map of names to values", each.place(self.path)))
            choices = self._excluded(key, each, axes)
            if len(self.problems) == before:
                excludes.append(Exclude(choices, each.place(self.path)))
        return excludes

    def _excluded(self, key: str, node: Node, axes: Mapping[str, Sequence[Choice]]) -> dict[str, Choice]:
        choices: dict[str, Choice] = {}
        for given, value in node.entries.items():
            where = node.key_place(self.path, given)
            name = self._name(given, key, where)
            if name is None:
                continue
            if name in choices:
                self.problems.append(Problem(f"'{key}.{given}' is named twice", where))
            elif name in FRAMEWORK and name not in axes:
                self.problems.append(Problem(f"'{key}.{given}' is not an axis of this study", where, ", ".join(axes)))
            else:
                choice = self._choice(name, f"{key}.{given}", value)
                choices |= {name: choice} if choice else {}
        return choices

    def _name(self, given: str, key: str, where: str) -> str | None:
        """Give the real name of a parameter or framework axis."""
        if given in self._names:
            return self._names[given]
        own = [name for name in self._schemas if name not in FRAMEWORK]
        allowed = ", ".join([*own, GPU, REPEAT, "Snakemake's resources"])
        near = nearest(given, self._names)
        message = f"'{key}.{given}': {self._application} has no parameter {given!r}, nor is it a framework axis"
        self.problems.append(Problem(message, where, allowed, near))
        return None

    def _axis(self, name: str, key: str, node: Node) -> list[Choice]:
        where = node.place(self.path)
        if isinstance(node.value, dict):
            self.problems.append(not_yet(f"{key!r}: a map as an axis", where))
            return []
        if isinstance(node.value, list):
            if not node.members:
                self.problems.append(Problem(f"{key!r} has no value: an axis needs at least one", where))
            return self._choices(name, key, node.members)
        if isinstance(node.value, str) and ("," in node.value or "[" in node.value):
            self.problems.append(not_yet(f"{key!r}: Cloudmesh's notation", where))
            return []
        return self._choices(name, key, [node])

    def _choices(self, name: str, key: str, nodes: list[Node]) -> list[Choice]:
        """Read values of one name; none may come twice."""
        choices: dict[str, Choice] = {}
        for node in nodes:
            choice = self._choice(name, key, node)
            if choice and choice.id_text in choices:
                self._note(f"{key!r} has the value {choice.value!r} twice", node)
            elif choice:
                choices[choice.id_text] = choice
        return list(choices.values())

    def _choice(self, name: str, key: str, node: Node) -> Choice | None:
        """Read one value."""
        if isinstance(node.value, dict | list):
            kind = "a map" if isinstance(node.value, dict) else "a list"
            self.problems.append(not_yet(f"{key!r}: {kind} as a value", node.place(self.path)))
            return None
        try:
            return Choice.of(name, read_value(self._schemas[name], node))
        except ValueError as error:
            choices = map(str, self._schemas[name].get("enum", ()))
            self._note(f"{key!r} {error}", node, nearest(str(node.value), choices))
            return None

    def repeats(self, node: Node | None, axes: Mapping[str, Sequence[Choice]]) -> list[Choice]:
        """Give 1 to n for ``repeat: n``; nothing where the study file's model has refused it."""
        if node is None or type(node.value) is not int:
            return []
        if REPEAT in axes:
            self._note("'repeat' is an axis in 'parameters' already", node)
        if node.value > MAX_EXPERIMENTS:
            self._note(f"'repeat' must be at most {MAX_EXPERIMENTS}, not {node.value}", node)
            return []
        return [Choice.of(REPEAT, number) for number in range(1, node.value + 1)]

    def _note(self, message: str, node: Node, near: str = "") -> None:
        self.problems.append(Problem(message, node.place(self.path), near=near))
