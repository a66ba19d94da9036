"""What a batch script asks of its scheduler becomes resources: of the application, axes of the study, or derived."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh.cloudmesh.draft import Draft
from fairmesh.cloudmesh.experiment import DIRECTIVE, Block, Key, parameter_of
from fairmesh.cloudmesh.inference import text_of
from fairmesh.cloudmesh.options import EXCLUSIVE, OURS, Option, convert
from fairmesh.cloudmesh.variables import CARD_NAME
from fairmesh.errors import Problem, nearest, place
from fairmesh.expressions import MAX_TEXT
from fairmesh.schema import Node
from fairmesh.study.references import EXPERIMENT, OS, OWN, REFERENCE, References
from fairmesh.study.values import GPU, RESOURCES, read_value

MOST_COMBINATIONS = 1000  # of values, for which an option is tried out


@dataclass(frozen=True)
class Part:
    """A part of an option's value that comes from a key of the experiment.

    Parameters
    ----------
    key : Key
        The key.
    is_card : bool
        Whether only what stands before the first hyphen counts, as in Cloudmesh's ``card_name``.
    """

    key: Key
    is_card: bool = False

    def text(self, value: str) -> str:
        """Return the text for a value of the key."""
        return value.partition("-")[0] if self.is_card else value


class Requests:
    """Carries the options of a template over.

    Parameters
    ----------
    draft : Draft
        Gets the resources.
    block, references
        What the options refer to.
    used : set of str
        The keys of the experiment that the program uses itself.
    path : Path
        The template, for the messages.
    problems : list of Problem
        Takes the mistakes.
    """

    def __init__(
        self, draft: Draft, block: Block, references: References, used: set[str], path: Path, problems: list[Problem]
    ) -> None:
        self._draft, self._block, self._references = draft, block, references
        self._used, self._path, self._problems = used, path, problems
        self.header: list[str] = []

    def carry(self, options: Iterable[Option]) -> None:
        """Carry options over; of one that is given twice the later counts, as for the scheduler."""
        options = list(options)
        if options and not any(each.name in EXCLUSIVE for each in options):
            self._draft.measure = "shared"
        ours = sorted({each.name for each in options if each.name in OURS})
        if ours:
            self._draft.notes.append(f"{place(self._path)}: {', '.join(ours)}: fairmesh decides on these itself")
        asked = []
        for each in {each.resource or each.text: each for each in options if each.name not in OURS}.values():
            where = place(self._path, each.line)
            parts = self._parts(each.value, Node(None, source=where), ())
            if parts is None:
                self._draft.notes.append(f"{where}: #{each.scheduler} {each.text} is not carried over")
            else:
                asked.append((each, parts))
        # First those that may turn a key into a resource: the others then refer to what is left of it.
        asked.sort(key=lambda of: not _is_key(of[1]))
        unmet = [of for of in asked if not self._request(*of)]
        for each, parts in unmet:
            self._keep(each, parts)

    def _parts(self, text: str, node: Node, chain: tuple[str, ...]) -> list[str | Part] | None:
        """Return the constants and keys that a value is made of; None if only Cloudmesh knows one of them."""
        parts: list[str | Part] = []
        at = 0
        for found in REFERENCE.finditer(text):
            of_name = self._of_name(found[1], node, chain)
            if of_name is None:
                return None
            parts += [text[at : found.start()], *of_name]
            at = found.end()
        return [part for part in [*parts, text[at:]] if part]

    def _of_name(self, name: str, node: Node, chain: tuple[str, ...]) -> list[str | Part] | None:
        key = name.removeprefix(f"{EXPERIMENT}.")
        if name != key and key in self._block.keys:
            return [Part(self._block.keys[key])]
        if name == CARD_NAME and DIRECTIVE in self._block.keys:
            return [Part(self._block.keys[DIRECTIVE], is_card=True)]
        if name in self._references.values:
            return self._of_value(name, node, chain)
        head, _, rest = name.partition(".")
        if head == OS and rest:
            return [self._references.variable(rest, node)]
        if head not in OWN and name != CARD_NAME:
            near = nearest(name, [*self._references.values, *(f"{EXPERIMENT}.{each}" for each in self._block.keys)])
            self._problems.append(Problem(f"'{{{name}}}': there is no key {name!r}", node.source, near=near))
        return None

    def _of_value(self, name: str, node: Node, chain: tuple[str, ...]) -> list[str | Part] | None:
        target = self._references.values[name]
        if isinstance(target.value, dict | list) or name in chain:
            self._references.filled(Node(f"{{{name}}}", source=node.source))
            return None
        return self._parts(text_of(target), node, (*chain, name))

    def _request(self, option: Option, parts: list[str | Part]) -> bool:
        """Make a resource of an option; tell whether that was possible."""
        keys = _keys(parts)
        results = _results(option, parts, keys) if option.resource else None
        if results is None:
            return False
        if _is_key(parts):
            return self._whole(option, keys[0], results)
        if any(_varies(key) for key in keys):
            return self._derive(option, parts, results)
        self._draft.resources[option.resource] = results[0]
        return True

    def _whole(self, option: Option, key: Key, results: list[Any]) -> bool:
        """Make a resource of an option that is just one key of the experiment."""
        resource = option.resource
        if key.axis == resource:
            return True
        if key.name in self._used or key.axis:
            return self._beside(option, key, results)
        if len(set(results)) < len(results) or resource in self._draft.axes:
            return self._derive(option, [Part(key)], results)
        self._draft.notes.append(f"'{EXPERIMENT}.{key.name}' is the resource {resource!r} here")
        self._draft.parameters.pop(key.parameter)
        if len(results) == 1:
            self._draft.resources[resource] = results[0]
        else:
            axes = self._draft.axes.items()
            self._draft.axes = {
                (resource if name == key.parameter else name): (results if name == key.parameter else values)
                for name, values in axes
            }
        key.axis, key.parameter = resource, ""
        return True

    def _beside(self, option: Option, key: Key, results: list[Any]) -> bool:
        """Make a resource of a key that stays what it is, because the program needs it too."""
        parameter = self._draft.parameters.get(key.parameter)
        is_same = parameter is not None and results == self._draft.axes.get(key.parameter, [parameter.default])
        if is_same and RESOURCES[option.resource]["type"] == "integer":
            self._draft.resources[option.resource] = key.parameter
        elif _varies(key):
            return self._derive(option, [Part(key)], results)
        else:
            self._draft.resources[option.resource] = results[0]
        return True

    def _derive(self, option: Option, parts: list[str | Part], results: list[Any]) -> bool:
        """Let the study compute a resource from its axes."""
        keys = _keys(parts)
        texts = [_joined(parts, dict(zip(map(id, keys), each, strict=True))) for each in _combinations(keys)]
        if texts == results:
            expression = " ~ ".join(_quoted(part) if isinstance(part, str) else self._named(part) for part in parts)
        elif len(keys) == 1:
            table = dict(zip(keys[0].texts, results, strict=True))
            expression = f"{json.dumps(table, ensure_ascii=False)}[str({self._named(Part(keys[0]))})]"
        else:
            return False
        if len(expression) > MAX_TEXT or option.resource in self._draft.axes:
            return False
        self._draft.derive[option.resource] = expression
        return True

    def _named(self, part: Part) -> str:
        """Return the expression for a part."""
        name = GPU if part.key.axis == GPU else parameter_of(part.key, self._draft)
        return f"first(split({name}, '-'))" if part.is_card else name

    def _keep(self, option: Option, parts: list[str | Part]) -> None:
        """Keep an option that is no resource as a line of the template."""
        joint = "=" if option.name.startswith("--") else " "
        head = f"#{option.scheduler} {option.name}"
        if _keys(parts):
            value = " ~ ".join(_quoted(part) if isinstance(part, str) else self._in_template(part) for part in parts)
            self.header.append(f"{head}{joint}{{{{ ({value}) | string | replace('\\n', ' ') | q }}}}")
        else:
            text = " ".join("".join(part for part in parts if isinstance(part, str)).splitlines())
            self.header.append(literal(f"{head}{joint if text else ''}{text}"))

    def _in_template(self, part: Part) -> str:
        name = f"experiment.parameters[{_quoted(parameter_of(part.key, self._draft))}] | default('')"
        return f"(({name}) | string).split('-')[0]" if part.is_card else f"({name})"


def _is_key(parts: list[str | Part]) -> bool:
    """Return whether a value is just one key of the experiment."""
    return len(parts) == 1 and isinstance(parts[0], Part) and not parts[0].is_card


def _keys(parts: Iterable[str | Part]) -> list[Key]:
    """Return the keys that parts depend on, each once."""
    return list({id(part.key): part.key for part in parts if isinstance(part, Part)}.values())


def _varies(key: Key) -> bool:
    """Return whether a resource must follow a key: it has several values, or it is the GPU."""
    return len(key.nodes) > 1 or key.axis == GPU


def _combinations(keys: list[Key]) -> Iterable[tuple[str, ...]]:
    return itertools.product(*(key.texts for key in keys))


def _joined(parts: Iterable[str | Part], values: dict[int, str]) -> str:
    return "".join(part if isinstance(part, str) else part.text(values[id(part.key)]) for part in parts)


def _results(option: Option, parts: list[str | Part], keys: list[Key]) -> list[Any] | None:
    """Return the resource for each combination of values; None if it is none for one of them."""
    if math.prod(len(key.nodes) for key in keys) > MOST_COMBINATIONS:
        return None
    try:
        values = [
            convert(option, _joined(parts, dict(zip(map(id, keys), each, strict=True)))) for each in _combinations(keys)
        ]
        return [read_value(RESOURCES[option.resource], Node.from_value(value)) for value in values]
    except ValueError:
        return None


def _quoted(text: str) -> str:
    """Write a text for an expression."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ") + "'"


def literal(text: str) -> str:
    """Write a text so that a template gives it as it is.

    >>> print(literal("echo ${#list[@]} {{"))
    echo ${{ '{#' }}list[@]} {{ '{{' }}
    """
    return re.sub(r"\{[{%#]", lambda found: f"{{{{ '{found[0]}' }}}}", text)
