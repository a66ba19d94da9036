"""Convert the options of a template to resources, expressions of the study, or lines of job.sh.jinja."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh.cloudmesh.draft import Draft, literal
from fairmesh.cloudmesh.experiment import CARD, DIRECTIVE, Block, Key, parameter_of, text_of
from fairmesh.cloudmesh.options import EXCLUSIVE, OURS, Option, convert
from fairmesh.errors import Problem, nearest, place
from fairmesh.expressions import MAX_TEXT
from fairmesh.schema import Node
from fairmesh.study.references import EXPERIMENT, OS, OWN, REFERENCE, References
from fairmesh.study.values import GPU, RESOURCES, read_value

CARD_NAME = f"{EXPERIMENT}.{CARD}"
MAX_COMBINATIONS = 1000  # of values for one option


@dataclass(frozen=True)
class KeyPart:
    """A part of an option's value that comes from a key of the experiment.

    Parameters
    ----------
    key : Key
        The key.
    is_card : bool
        Whether only the part before the first hyphen counts, as in Cloudmesh's ``card_name``.
    """

    key: Key
    is_card: bool = False

    def text(self, value: str) -> str:
        """Return the text for a value of the key."""
        return value.partition("-")[0] if self.is_card else value


Parts = Sequence[str | KeyPart]


class OptionReader:
    """Adds the options of a template to a draft.

    Parameters
    ----------
    draft : Draft
        Gets the resources.
    block, references
        The values that the options refer to.
    path : Path
        The template, for messages.
    problems : list of Problem
        Mistakes are added to it.

    Attributes
    ----------
    header : list of str
        The options that are not resources, as lines of job.sh.jinja.
    """

    def __init__(self, draft: Draft, block: Block, references: References, path: Path, problems: list[Problem]) -> None:
        self._draft, self._block, self._references = draft, block, references
        self._path, self._problems = path, problems
        self._constant: dict[str, tuple[Key, str]] = {}  # keys with one value that becomes a resource
        self._used: set[str] = set()  # keys that need parameters
        self.header: list[str] = []

    def read(self, options: Sequence[Option], used: Iterable[str]) -> None:
        """Add options; of duplicates the last one counts, as for the scheduler.

        Parameters
        ----------
        options : sequence of Option
            The options.
        used : iterable of str
            The keys of the experiment that the program uses.
        """
        self._used.update(used)
        if options and not any(option.name in EXCLUSIVE for option in options):
            self._draft.measure = "shared"
        ours = sorted({option.name for option in options if option.name in OURS})
        if ours:
            self._draft.notes.append(f"{place(self._path)}: {', '.join(ours)}: fairmesh sets these itself")
        others = [option for option in options if option.name not in OURS]
        for option in {option.resource or (option.head, option.value): option for option in others}.values():
            self._add(option)
        for name, (key, resource) in self._constant.items():
            if name not in self._used and key.parameter:
                self._draft.parameters.pop(key.parameter)
                self._draft.notes.append(f"{key.origin!r} is the resource {resource!r} here")

    def _add(self, option: Option) -> None:
        where = place(self._path, option.line)
        parts = self._split(option.value, Node(None, source=where), ())
        if parts is None:
            self._draft.notes.append(f"{where}: {option.head}{option.value} is not imported")
        elif not self._add_resource(option, parts):
            self._add_header(option, parts)

    def _split(self, text: str, node: Node, chain: tuple[str, ...]) -> list[str | KeyPart] | None:
        """Return the constants and keys of which a value consists; None if only Cloudmesh knows one of them."""
        parts: list[str | KeyPart] = []
        start = 0
        for match in REFERENCE.finditer(text):
            value = self._look_up(match[1], node, chain)
            if value is None:
                return None
            parts += [text[start : match.start()], *value]
            start = match.end()
        return [part for part in [*parts, text[start:]] if part]

    def _look_up(self, name: str, node: Node, chain: tuple[str, ...]) -> list[str | KeyPart] | None:
        key = name.removeprefix(f"{EXPERIMENT}.")
        values = self._references.values
        if name != key and key in self._block.keys:
            return [KeyPart(self._block.keys[key])]
        if name == CARD_NAME and DIRECTIVE in self._block.keys:
            return [KeyPart(self._block.keys[DIRECTIVE], is_card=True)]
        if name in values:
            if isinstance(values[name].value, dict | list) or name in chain:
                self._references.filled(Node(f"{{{name}}}", source=node.source))  # reports the mistake
                return None
            return self._split(text_of(values[name]), node, (*chain, name))
        head, _, rest = name.partition(".")
        if head == OS and rest:
            return [self._references.variable(rest, node)]
        if head not in OWN and name != CARD_NAME:
            near = nearest(name, [*values, *(key.origin for key in self._block.keys.values())])
            self._problems.append(Problem(f"'{{{name}}}': there is no key {name!r}", node.source, near=near))
        return None

    def _add_resource(self, option: Option, parts: Parts) -> bool:
        """Convert an option to a resource; return whether that is possible."""
        keys = _keys(parts)
        resource = option.resource
        results = _convert_all(option, parts, keys) if resource else None
        if results is None:
            return False
        if len(parts) == 1 and keys and keys[0].axis == resource:
            return True
        if any(len(key.nodes) > 1 or key.axis == GPU for key in keys):
            return self._derive(resource, parts, keys, results)
        self._draft.resources[resource] = results[0]
        self._constant.update({key.name: (key, resource) for key in keys})
        return True

    def _derive(self, resource: str, parts: Parts, keys: list[Key], results: list[Any]) -> bool:
        """Compute a resource from axes in the study; return whether that is possible."""
        if resource in self._draft.axes:
            return False
        if [_join(parts, keys, texts) for texts in _combinations(keys)] == results:
            expression = " ~ ".join(_quote(part) if isinstance(part, str) else self._name(part) for part in parts)
        elif len(keys) == 1:
            (key,) = keys
            is_same = not key.axis and results == self._draft.axes.get(key.parameter)
            table = json.dumps(dict(zip(key.texts, results, strict=True)), ensure_ascii=False)
            name = self._name(KeyPart(key))
            expression = name if is_same else f"{table}[str({name})]"
        else:
            return False
        if len(expression) > MAX_TEXT:
            return False
        self._draft.derive[resource] = expression
        self._used.update(key.name for key in keys)
        return True

    def _name(self, part: KeyPart) -> str:
        """Return the expression for a part."""
        name = GPU if part.key.axis == GPU else parameter_of(part.key, self._draft)
        return f"first(split({name}, '-'))" if part.is_card else name

    def _add_header(self, option: Option, parts: Parts) -> None:
        """Keep an option as a line of the template."""
        keys = _keys(parts)
        self._used.update(key.name for key in keys)
        if keys:
            value = " ~ ".join(_quote(part) if isinstance(part, str) else self._in_template(part) for part in parts)
            self.header.append(f"{option.head}{{{{ ({value}) | string | replace('\\n', ' ') | q }}}}")
        else:
            text = " ".join("".join(part for part in parts if isinstance(part, str)).splitlines())
            self.header.append(literal(f"{option.head}{text}"))

    def _in_template(self, part: KeyPart) -> str:
        name = f"experiment.parameters[{_quote(parameter_of(part.key, self._draft))}] | default('')"
        return f"(({name}) | string).split('-')[0]" if part.is_card else f"({name})"


def _keys(parts: Parts) -> list[Key]:
    """Return the keys that parts depend on, each once."""
    return list({part.key.name: part.key for part in parts if isinstance(part, KeyPart)}.values())


def _combinations(keys: Sequence[Key]) -> Iterable[tuple[str, ...]]:
    return itertools.product(*(key.texts for key in keys))


def _join(parts: Parts, keys: Sequence[Key], texts: Sequence[str]) -> str:
    """Return an option's value for one text of each key."""
    values = {key.name: text for key, text in zip(keys, texts, strict=True)}
    return "".join(part if isinstance(part, str) else part.text(values[part.key.name]) for part in parts)


def _convert_all(option: Option, parts: Parts, keys: list[Key]) -> list[Any] | None:
    """Return the resource for each combination of values; None if one of them cannot be converted."""
    if math.prod(len(key.nodes) for key in keys) > MAX_COMBINATIONS:
        return None
    try:
        values = [convert(option, _join(parts, keys, texts)) for texts in _combinations(keys)]
        return [read_value(RESOURCES[option.resource], Node.from_value(value)) for value in values]
    except ValueError:
        return None


def _quote(text: str) -> str:
    """Return a text as an expression."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ") + "'"
