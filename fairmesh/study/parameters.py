"""Read the names, axes and spaces of a study file against its application."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.names import REPEAT
from fairmesh.schema import Node, unquote
from fairmesh.schema.model import check_model
from fairmesh.schema.wording import describe_value
from fairmesh.study.application import Application
from fairmesh.study.formulas import Formula, Scope
from fairmesh.study.notation import Range, expand_notation, is_notation, range_values
from fairmesh.study.space import MAX_EXPERIMENTS, Axis, ComputedAxis, Product, Space, Union, Zip
from fairmesh.study.validation import ALGEBRA
from fairmesh.study.values import FRAMEWORK_AXES, GPU, Choice, Schema, decimal_node, declared_types, read_value

COMPUTED = "values"
RANGE = {field.alias or name for name, field in Range.model_fields.items()}
FORMS = "a list, one value, {from: ..., to: ..., step: ...} or {values: an expression}"

T = TypeVar("T")
_SPAN = re.compile(r"(\d+) ?(?:-|:|\.\.\.?) ?(\d+)", re.ASCII)
_TRUTHS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}  # of YAML 1.1


class AxisReader:
    """Reads the names and axes of a study, and collects the mistakes.

    Parameters
    ----------
    application : Application
        The application, whose parameters the axes may name.
    path : Path
        The study file, for messages.
    problems : list of Problem
        Mistakes are added to it.
    most : int
        The largest number of values of an axis; a longer one is not read.

    Attributes
    ----------
    scope : Scope
        The values of names in expressions.
    formulas : list of Formula
        All expressions that were read; their names can be checked when all axes are known.
    warnings : list of str
        Warnings for the user.
    """

    def __init__(
        self, application: Application, path: Path, problems: list[Problem], most: int = MAX_EXPERIMENTS
    ) -> None:
        self.path = path
        self.most = most
        self.problems = problems
        self.warnings: list[str] = []
        self.formulas: list[Formula] = []
        self.scope = Scope(application)
        parameters = {name: parameter.json_schema for name, parameter in application.parameters.items()}
        self.schemas: dict[str, Schema] = {**FRAMEWORK_AXES, **parameters}
        self._application = application.name
        self._names = application.known_names | {name: name for name in FRAMEWORK_AXES}

    def name(self, given: str, key: str, where: str) -> str | None:
        """Return the real name of a parameter or framework axis."""
        if given in self._names:
            return self._names[given]
        parameters = [name for name in self.schemas if name not in FRAMEWORK_AXES]
        allowed = ", ".join([*parameters, GPU, REPEAT, "Snakemake's resources"])
        message = f"'{key}.{given}': {self._application} has no parameter {given!r}, nor is it a framework axis"
        self.problems.append(Problem(message, where, allowed, nearest(given, self._names)))
        return None

    def axis(self, name: str, key: str, node: Node, distinct: bool = True) -> Space | None:
        """Read one axis in any of its forms.

        Parameters
        ----------
        name, key : str
            The axis, and its key.
        node : Node
            Its value.
        distinct : bool
            Whether duplicate values are mistakes; in a zip only its points count.
        """
        space = self._any_form(name, key, node)
        if distinct and isinstance(space, Axis):
            self._check_distinct(key, space.choices, node)
        return space

    def _any_form(self, name: str, key: str, node: Node) -> Space | None:
        if isinstance(node.value, dict):
            return self._form(name, key, node)
        if isinstance(node.value, list):
            if not node.members:
                self.note(f"{key!r} has no value: an axis needs at least one", node)
            return self._axis(name, key, self._bounded(key, node.members, node))
        if isinstance(node.value, str) and is_notation(node.value) and not self._fits(name, node):
            return self._axis(name, key, self._expanded(key, node))
        return self._axis(name, key, [self._unquoted(name, node)])

    def _unquoted(self, name: str, node: Node) -> Node:
        """Return a text as if it were not quoted if it is not valid as it is, such as ``"3"``."""
        if not isinstance(node.value, str) or node.text is not None:
            return node
        try:
            read_value(self.schemas[name], node)
        except ValueError:
            return unquote(node)
        return node

    def _fits(self, name: str, node: Node) -> bool:
        """Return whether a text, including its commas, is one of the parameter's choices."""
        return node.value in self.schemas[name].get("enum", ())

    def _form(self, name: str, key: str, node: Node) -> Space | None:
        """Read an axis that is a map."""
        given = node.entries.keys()
        if COMPUTED in given and len(given) == 1:
            return self._computed(name, key, node.entries[COMPUTED])
        if given & (RANGE - {"step", "count"}):
            return self._axis(name, key, self._range(name, key, node))
        if "object" in declared_types(self.schemas[name]):
            return self._axis(name, key, [node])
        self.note(f"{key!r} must be {FORMS}, not a map with the keys {', '.join(given) or 'of none'}", node)
        return None

    def _axis(self, name: str, key: str, nodes: Sequence[Node]) -> Axis | None:
        choices = self._choices(name, key, nodes)
        return Axis(name, choices) if choices else None

    def _computed(self, name: str, key: str, node: Node) -> ComputedAxis | None:
        formula = self.formula(f"{key}.{COMPUTED}", node)
        return ComputedAxis(name, formula, self.schemas[name], self.scope) if formula else None

    def formula(self, key: str, node: Node) -> Formula | None:
        """Read an expression."""
        text = node.value if isinstance(node.value, str) else node.text if node.value is not None else None
        try:
            self.formulas.append(Formula.read(text, key, node.place(self.path)))
        except InputError as error:
            self.problems += error.problems
            return None
        return self.formulas[-1]

    def _range(self, name: str, key: str, node: Node) -> list[Node]:
        content, problems = check_model(Range, node, self.path, key)
        self.problems += problems
        if content is None:
            return []
        texts = {word: value.text or str(value.value) for word, value in node.entries.items() if word != "scale"}
        try:
            values = self._bounded(key, range_values(texts, content.scale), node)
        except ValueError as error:
            self.note(f"{key!r} {error}", node)
            return []
        if values and content.step is not None and float(values[-1]) != content.to:
            self.warnings.append(f"{node.place(self.path)}: {key!r} ends at {values[-1]}, and not at {content.to:g}")
        return [decimal_node(self.schemas[name], value, node) for value in values]

    def _expanded(self, key: str, node: Node) -> list[Node]:
        """Return the nodes for a node in Cloudmesh's notation."""
        try:
            texts = self._bounded(key, expand_notation(str(node.value)), node)
            return [unquote(replace(node, value=text)) for text in texts]
        except ValueError as error:
            allowed = "a list holds texts with commas or brackets as they are"
            self.problems.append(Problem(f"{key!r} {error}", node.place(self.path), allowed))
            return []

    def _bounded(self, key: str, values: list[T], node: Node) -> list[T]:
        """Return the values; if there are too many, note a mistake and return none."""
        if len(values) > self.most:
            self.note(f"{key!r} has {len(values)} values, of which at most {self.most} are possible", node)
            return []
        return values

    def _choices(self, name: str, key: str, nodes: Sequence[Node]) -> list[Choice]:
        """Read values of one name."""
        choices = (self.choice(name, key, node) for node in nodes)
        return [choice for choice in choices if choice]

    def _check_distinct(self, key: str, choices: Sequence[Choice], node: Node) -> None:
        seen: set[str] = set()
        for index, choice in enumerate(choices):
            if choice.id_text in seen:
                whose = node.members[index] if len(node.members) == len(choices) else node
                self.note(f"{key!r} has the value {choice.value!r} twice", whose)
            seen.add(choice.id_text)

    def choice(self, name: str, key: str, node: Node) -> Choice | None:
        """Read one value."""
        try:
            return Choice.from_value(name, read_value(self.schemas[name], node))
        except ValueError as error:
            self.note(f"{key!r} {error}", node, _meant(self.schemas[name], node))
            return None

    def note(self, message: str, node: Node, near: str = "") -> None:
        """Note a mistake."""
        self.problems.append(Problem(message, node.place(self.path), near=near))


def _meant(schema: Schema, node: Node) -> str:
    """Return a suggestion for a value that is not valid; empty if there is none."""
    text = node.text or str(node.value)
    if "boolean" in declared_types(schema) and text.lower() in _TRUTHS:
        return _TRUTHS[text.lower()]
    span = _SPAN.fullmatch(text) if {"integer", "number"} & {*declared_types(schema)} else None
    return f'"[{span[1]}-{span[2]}]"' if span else nearest(text, map(str, schema.get("enum", ())))


class SpaceReader:
    """Reads spaces: maps whose entries, which are axes, products, zips and unions of spaces, are crossed.

    Parameters
    ----------
    axes : AxisReader
        Reads the axes, and collects the mistakes.
    """

    def __init__(self, axes: AxisReader) -> None:
        self._axes = axes

    def read(self, key: str, node: Node, distinct: bool = True) -> Space:
        """Read a space; parts with mistakes are left out.

        Parameters
        ----------
        key : str
            Its key.
        node : Node
            Its value.
        distinct : bool
            Whether duplicate values of an axis are mistakes, which they are not in a zip.
        """
        if not isinstance(node.value, dict):
            self._axes.note(
                f"{key!r} must be a map of axes, or of product, zip and union, not {describe_value(node)}", node
            )
        members: list[Space] = []
        names: dict[str, str] = {}  # the key of each axis
        for given, value in node.entries.items():
            where = node.key_place(self._axes.path, given)
            member = self._entry(key, given, value, where, distinct)
            if member is not None:
                members.append(member)
                self._distinct(names, f"{key}.{given}", member, where)
        return self._product(key, members, node)

    def _entry(self, key: str, given: str, value: Node, where: str, distinct: bool) -> Space | None:
        if given in ALGEBRA:
            return self._combination(f"{key}.{given}", given, value, distinct and given != "zip")
        name = self._axes.name(given, key, where)
        if name is None:
            return None
        return self._axes.axis(name, f"{key}.{given}", value, distinct)

    def _distinct(self, names: dict[str, str], key: str, member: Space, where: str) -> None:
        """Note a mistake for each axis that two members of a product or zip have in common."""
        for name in sorted(member.names & names.keys()):
            message = f"{key!r} has the axis {name!r}, which {names[name]!r} has already"
            self._axes.problems.append(Problem(message, where))
        names.update(dict.fromkeys(member.names, key))

    def _combination(self, key: str, kind: str, node: Node, distinct: bool) -> Space | None:
        members = self._members(key, kind, node, distinct)
        if kind == "union":
            return Union(members) if members else None
        names: dict[str, str] = {}
        for index, member in enumerate(members):
            self._distinct(names, f"{key}[{index}]", member, node.place(self._axes.path))
        if not members:
            return None
        return self._zip(key, members, node) if kind == "zip" else self._product(key, members, node)

    def _members(self, key: str, kind: str, node: Node, distinct: bool) -> list[Space]:
        """Read the list of spaces; a zip or product may also be one map of axes."""
        if kind != "union" and node.entries:
            singles = [
                Node({name: value}, keys={name: node.keys.get(name, (0, 0))}) for name, value in node.entries.items()
            ]
            return [member for single in singles for member in [self.read(key, single, distinct)] if member.names]
        if not node.members:
            got = "an empty one" if node.value in ([], {}) else describe_value(node)
            wanted = "a list of maps, each a space of its own"
            wanted += "" if kind == "union" else ", or one map of axes"
            self._axes.note(f"{key!r} must be {wanted}, not {got}", node)
        return [self.read(f"{key}[{index}]", member, distinct) for index, member in enumerate(node.members)]

    def _zip(self, key: str, members: list[Space], node: Node) -> Zip:
        where = node.place(self._axes.path)
        space = Zip(members, key, where)
        for member in members:
            beside = member.depends_on & (space.names - member.names)
            if beside:
                message = f"{key!r} pairs {_listed(member.names)} with {_listed(beside)}, from which it is computed"
                self._axes.problems.append(Problem(message, where, "a computed axis stands outside of the zip"))
        problem = space.problem([member.size() for member in members]) if space.is_fixed else None
        self._axes.problems += [problem] if problem else []
        return space

    def _product(self, key: str, members: Sequence[Space], node: Node) -> Space:
        """Cross members, in an order in which each comes after those that it depends on."""
        left, ordered = list(members), list[Space]()
        while left:
            ready = next((member for member in left if not _waits(member, left)), None)
            if ready is None:
                names = _listed(frozenset().union(*(member.names for member in left)))
                other = "each other" if len(left) > 1 else "itself"
                self._axes.note(f"{key!r} computes {names} from {other}", node)
                return Product(members)
            left.remove(ready)
            ordered.append(ready)
        return ordered[0] if len(ordered) == 1 else Product(ordered)


def _waits(space: Space, others: Sequence[Space]) -> bool:
    """Return whether a space depends on axes of others, or a computed axis on itself."""
    return any(space.depends_on & other.names for other in others)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
