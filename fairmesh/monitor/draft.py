"""A study between its text and a form: fields are read from the text, and what is changed in them is written back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh.api.uploads import FILE
from fairmesh.errors import InputError
from fairmesh.monitor import notation
from fairmesh.schema import Node, dump_yaml, parse_yaml
from fairmesh.study.application import Application
from fairmesh.study.validation import ALGEBRA
from fairmesh.study.values import FRAMEWORK_AXES, Schema

TOP = ("study", "title", "application", "parameters", "repeat", "exclude", "measure")
NOTHING = Node({})


@dataclass(frozen=True)
class Draft:
    """A study that is being written.

    Parameters
    ----------
    node : Node
        Its content; of what is no map, nothing.
    """

    node: Node

    @classmethod
    def of(cls, text: str) -> Draft:
        """Read a text.

        Raises
        ------
        InputError
            If it is no YAML.
        """
        found = parse_yaml(text, FILE) if text.strip() else NOTHING
        return cls(found if isinstance(found.value, dict) else NOTHING)

    def text_of(self, key: str) -> str:
        """Return a key's text; empty if it is not there, or no text."""
        found = self.node.entries.get(key)
        return "" if found is None or isinstance(found.value, dict | list | None) else found.text or str(found.value)

    @property
    def repeat(self) -> int:
        """How often each point runs."""
        found = self.node.entries.get("repeat", NOTHING).value
        return found if type(found) is int and found > 0 else 1

    @property
    def axes(self) -> dict[str, Node]:
        """The axes that stand in the study's parameters themselves, by the names that it uses."""
        found = self.node.entries.get("parameters", NOTHING).entries
        return {name: each for name, each in found.items() if name not in ALGEBRA}

    @property
    def unseen(self) -> list[str]:
        """The keys that a form does not show; they stay as they are."""
        below = self.node.entries.get("parameters", NOTHING).entries
        return [*(name for name in self.node.entries if name not in TOP), *(name for name in below if name in ALGEBRA)]

    @property
    def excluded(self) -> str | None:
        """What is excluded, a line each; None if lines cannot say it."""
        lines = [_line(each) for each in self.node.entries.get("exclude", NOTHING).members]
        return None if None in lines else "\n".join(map(str, lines))

    def written(self, keys: Mapping[str, Any], axes: Mapping[str, Any]) -> str:
        """Return the text with other values.

        Parameters
        ----------
        keys, axes : mapping
            Values of the study and of its parameters; those that are None, or empty texts or lists, are left out.
        """
        content = self.node.plain()
        below = content.get("parameters")
        below = _put(below if isinstance(below, dict) else {}, axes) if axes else below
        found = _put(content, {**keys, **({"parameters": below} if axes else {})})
        first = [name for name in TOP if name in found]
        ordered = {name: found[name] for name in [*first, *(name for name in found if name not in TOP)]}
        return dump_yaml(ordered) if ordered else ""


def _put(content: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    found = {**content, **values}
    return {name: value for name, value in found.items() if name not in values or value not in (None, "", [], {})}


def schemas(application: Application) -> dict[str, Schema]:
    """Return what each value may be that a study can name."""
    own: dict[str, Schema] = {
        name: {**each.json_schema, "description": each.description, "unit": each.unit}
        for name, each in application.parameters.items()
    }
    return own | FRAMEWORK_AXES


def lines_of(text: str) -> list[Any]:
    r"""Return what lines exclude: maps, of which every value matches, and expressions.

    >>> lines_of("{gpu: v100, epochs: 60}\n\nepochs > 3")
    [{'gpu': 'v100', 'epochs': 60}, 'epochs > 3']
    """
    return [_member(line.strip()) for line in text.splitlines() if line.strip()]


def _member(line: str) -> Any:
    if line.startswith("{"):
        try:
            return parse_yaml(line, Path("exclude")).plain()
        except InputError:
            pass  # the study's own check tells what is wrong
    return line


def _line(node: Node) -> str | None:
    if isinstance(node.value, str):
        return node.value if lines_of(node.value) == [node.value] else None
    text = notation.to_text(node, {"type": "object"})
    return text if text and lines_of(text) == [node.plain()] else None


def is_same(one: str, other: str) -> bool:
    """Return whether two texts say the same study."""
    try:
        return one.strip() == other.strip() or Draft.of(one).node.plain() == Draft.of(other).node.plain()
    except InputError:
        return False


def without_strangers(draft: Draft, application: Application) -> Draft:
    """Return a draft without the axes that another application had."""
    known: Sequence[str] = [*application.known_names, *FRAMEWORK_AXES, *ALGEBRA]
    below = draft.node.entries.get("parameters", NOTHING).entries
    kept = Node({name: each for name, each in below.items() if name in known})
    return Draft(Node({**draft.node.entries, "parameters": kept}))
