"""References in Cloudmesh's files: ``{a.b}`` stands for the value of another key, ``{os.X}`` for a variable."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from fairmesh.errors import Problem, nearest
from fairmesh.schema import Node, resolve_scalar
from fairmesh.study.notation import expand_notation, is_notation
from fairmesh.user import home_folder, user_name

# ${a} belongs to a shell.
REFERENCE = re.compile(r"(?<!\$)\{([A-Za-z_][\w-]*(?:\.[\w-]+)*)\}", re.ASCII)
VARIABLES = ("HOME", "USER", "LOGNAME", "HOSTNAME", "TMPDIR", "SCRATCH", "PWD")
"""The environment variables that may be read; others may contain secrets."""

OS = "os"
EXPERIMENT = "experiment"
WORKFLOW = "workflow"
OWN = ("cloudmesh", "cm", "ee", "slurm", f"{EXPERIMENT}.card_name")
"""The first parts of names that Cloudmesh fills in itself."""

MAX_CHAIN = 50
MAX_TEXT = 10_000  # characters of a value with everything filled in


class References:
    """Fills in the references of a Cloudmesh file.

    Parameters
    ----------
    node : Node
        The file's content.
    path : Path
        The file, for the messages.
    problems : list of Problem
        Mistakes are added to it.
    allowed : iterable of str
        Environment variables that may be read besides `VARIABLES`.
    environment : mapping, optional
        The environment; that of the process by default.

    Examples
    --------
    >>> node = Node.from_value({"data": {"scratch": "/scratch/{name}", "model": "{data.scratch}/model"}, "name": "ada"})
    >>> References(node, Path("config.yaml"), []).filled(Node.from_value("{data.model}.h5")).value
    '/scratch/ada/model.h5'
    """

    def __init__(
        self,
        node: Node,
        path: Path,
        problems: list[Problem],
        allowed: Iterable[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._path, self._problems = path, problems
        self.allowed = (*VARIABLES, *allowed)
        self._environment = _environment() if environment is None else environment
        blocks = {key: value for key, value in node.entries.items() if key != WORKFLOW}  # it has a notation of its own
        self.values = dict(_values(replace(node, value=blocks), ""))
        self._known: dict[str, str] = {}
        self._circles: list[set[str]] = []
        self._is_strict = True

    def filled(self, node: Node) -> Node:
        """Return a value with its references filled in."""
        if isinstance(node.value, list):
            return replace(node, value=[self.filled(member) for member in node.members])
        if isinstance(node.value, dict):
            return replace(node, value={key: self.filled(value) for key, value in node.entries.items()})
        if not isinstance(node.value, str) or not REFERENCE.search(node.value):
            return node
        text = self._text(node, ())
        return replace(node, value=text if is_notation(text) or not text else _resolved(text), text=text)

    def check(self) -> None:
        """Report circular references and unknown names anywhere in the file, even in unused values."""
        self._is_strict = False
        for name, node in self.values.items():
            self._value(name, node, ())
            for member in node.members:
                if isinstance(member.value, str):
                    self._text(member, ())
        self._is_strict = True
        self._known.clear()  # mistakes that are allowed here are reported where a value is needed

    def variable(self, name: str, node: Node) -> str:
        """Return the value of an environment variable; report one that is missing or not allowed."""
        if name not in self.allowed:
            message = f"'{{os.{name}}}': the environment variable {name!r} is not read"
            allowed = f"{', '.join(self.allowed)}, and what `fairmesh import --os {name}` names"
            self._note(message, node, allowed, nearest(name, self.allowed))
        elif name not in self._environment:
            self._note(f"'{{os.{name}}}': the environment has no variable {name!r}", node)
        return self._environment[name] if name in self.allowed and name in self._environment else f"{{{OS}.{name}}}"

    def unknown(self, name: str, node: Node) -> None:
        """Report an unknown name."""
        if name.partition(".")[0] in OWN or name in OWN:
            self._note(f"'{{{name}}}' is set by Cloudmesh itself and has no value here", node)
            return
        self._note(f"'{{{name}}}': there is no key {name!r}", node, near=nearest(name, self.values))

    def _text(self, node: Node, chain: tuple[str, ...]) -> str:
        text = REFERENCE.sub(lambda match: self._value(match[1], node, chain), str(node.value))
        if len(text) > MAX_TEXT:
            self._note(f"has more than {MAX_TEXT} characters with its references filled in", node)
            return str(node.value)
        return text

    def _value(self, name: str, node: Node, chain: tuple[str, ...]) -> str:
        """Return the text of a name; a mistake is reported once, and leaves the reference unchanged."""
        if name not in self._known:
            self._known[name] = f"{{{name}}}"
            if name in self.values:
                self._known[name] = self._of_key(name, node, (*chain, name))
            else:
                self._known[name] = self._from_elsewhere(name, node)
        elif name in chain:
            self._circle(chain[chain.index(name) :], node)
        return self._known[name]

    def _circle(self, names: tuple[str, ...], node: Node) -> None:
        """Report a circular reference once."""
        if set(names) not in self._circles:
            self._circles.append(set(names))
            self._note(f"{names[0]!r} refers to itself: {' -> '.join([*names, names[0]])}", node)

    def _of_key(self, name: str, node: Node, chain: tuple[str, ...]) -> str:
        target = self.values[name]
        if len(chain) > MAX_CHAIN:
            self._note(f"more than {MAX_CHAIN} references refer to one another in a chain", node)
            return self._known[name]
        if isinstance(target.value, dict | list):
            if self._is_strict:
                kind = "map: name one of its keys" if isinstance(target.value, dict) else "list: it has no one value"
                self._note(f"'{{{name}}}' is a {kind}", node)
            return self._known[name]
        if isinstance(target.value, str):
            text = self._text(target, chain)
            if self._is_strict and name.startswith(f"{EXPERIMENT}.") and _count(text) > 1:
                self._note(f"'{{{name}}}' has {_count(text)} values: only one can be used here", node)
            return text
        return target.text or str(target.value)

    def _from_elsewhere(self, name: str, node: Node) -> str:
        head, _, rest = name.partition(".")
        if head == OS and rest:
            return self.variable(rest, node) if self._is_strict else self._known[name]
        if self._is_strict or not (head in OWN or name in OWN):
            self.unknown(name, node)
        return self._known[name]

    def _note(self, message: str, node: Node, allowed: str = "", near: str = "") -> None:
        problem = Problem(message, node.place(self._path), allowed, near)
        if problem not in self._problems:
            self._problems.append(problem)


def _environment() -> dict[str, str]:
    """Return the environment, with variables that batch jobs and containers often lack."""
    usual = {"HOSTNAME": platform.node(), "PWD": str(Path.cwd()), "HOME": str(home_folder() or "")}
    usual |= dict.fromkeys(("USER", "LOGNAME"), user_name())
    return {name: value for name, value in usual.items() if value} | dict(os.environ)


def _values(node: Node, name: str) -> Iterator[tuple[str, Node]]:
    """Yield all values of a file by their dotted names."""
    for key, value in node.entries.items():
        full = f"{name}.{key}" if name else key
        yield full, value
        yield from _values(value, full)


def _resolved(text: str) -> str | int | float | bool | None:
    try:
        return resolve_scalar(text)
    except ValueError:  # a number too large to read
        return text


def _count(text: str) -> int:
    try:
        return len(set(expand_notation(text, gaps=True))) if is_notation(text) else 1
    except ValueError:
        return 1
