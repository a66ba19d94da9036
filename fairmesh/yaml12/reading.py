"""From the text of a YAML file to nodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml

from fairmesh.errors import InputError, Problem, place
from fairmesh.yaml12.nodes import Node
from fairmesh.yaml12.scalars import Scalar, resolve

try:
    from yaml import CSafeLoader as Parser
except ImportError:  # PyYAML without libyaml
    from yaml import SafeLoader as Parser  # type: ignore[assignment]

MAX_DEPTH = 100
MAX_COPIED = 100_000  # nodes that aliases may add to a file


def load(path: Path, problems: list[Problem] | None = None) -> Node:
    """Read a YAML file of one document.

    Parameters
    ----------
    path : Path
        The file.
    problems : list of Problem, optional
        Takes the mistakes that do not hinder further reading (a duplicate key), so that a caller can tell them
        together with its own; without it they are raised.

    Raises
    ------
    InputError
        If there is no such file, it is empty, or it is not YAML; every problem with line and column.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError([Problem(f"cannot be read: {error.strerror}", place(path))]) from error
    except UnicodeDecodeError as error:
        raise InputError([Problem(f"is not UTF-8: byte {error.start + 1}", place(path))]) from error
    except ValueError as error:  # a null byte in the path
        raise InputError([Problem(f"cannot be read: {error}", repr(str(path)))]) from error
    return parse_text(text, path, problems)


def parse_text(text: str, path: Path, problems: list[Problem] | None = None) -> Node:
    """Read a text as `load` reads a file; the path is for the messages."""
    reader = _Reader(text, path)
    node = reader.document()
    if problems is not None:
        problems += reader.problems
    elif reader.problems:
        raise InputError(reader.problems)
    return node


_TAG = "tag:yaml.org,2002:"
_TYPES = {f"{_TAG}{name}": kind for name, kind in (("int", int), ("bool", bool), ("null", type(None)))}


class _Reader:
    """Turns the parser's events into nodes."""

    def __init__(self, text: str, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self._events = self._parse(text)
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._seen = 0
        self._copied = 0

    def document(self) -> Node:
        """Read the only document."""
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                break
        else:
            raise InputError([Problem("is empty", place(self.path))])
        node = self._node(next(self._events), 0)
        next(self._events)
        more = next(self._events)
        if isinstance(more, yaml.DocumentStartEvent):
            self._stop("a second document begins here; only one is read", more)
        return node

    def _parse(self, text: str) -> Iterator[Any]:
        try:
            parser = Parser(text)
            while parser.check_event():
                yield parser.get_event()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = place(self.path, mark.line + 1, mark.column + 1) if mark else place(self.path)
            raise InputError([Problem(f"not YAML: {_explain(error, text)}", where)]) from error
        except yaml.reader.ReaderError as error:
            at = text[: error.position] if isinstance(error.position, int) else ""
            where = place(self.path, at.count("\n") + 1, len(at) - at.rfind("\n"))
            raise InputError([Problem("not YAML: a control character", where)]) from error

    def _node(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if depth > MAX_DEPTH:
            self._stop(f"nested more than {MAX_DEPTH} deep", event)
        before = self._seen + self._copied
        self._seen += 1
        if event.anchor:
            self._anchors[event.anchor] = None
        node = self._plain_node(event, depth)
        if event.anchor:
            self._anchors[event.anchor] = (node, self._seen + self._copied - before)
        return node

    def _plain_node(self, event: Any, depth: int) -> Node:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.ScalarEvent):
            plain = event.implicit[0] and not event.style
            return Node(self._scalar(event), line, column, event.value if plain else None)
        if isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(event, "seq")
            members = [self._node(each, depth + 1) for each in self._until(yaml.SequenceEndEvent)]
            return Node(members, line, column)
        self._check_tag(event, "map")
        node = Node({}, line, column)
        for each in self._until(yaml.MappingEndEvent):
            self._entry(node, each, depth + 1)
        return node

    def _until(self, end: type) -> Iterator[Any]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _entry(self, node: Node, event: Any, depth: int) -> None:
        key = self._node(event, depth)
        value = self._node(next(self._events), depth)
        if not isinstance(key.value, str):
            shown = f"{key.text!r}" if key.text else "this"
            self._note(f"a key must be a text, which {shown} is not: put quotes around it", event)
        elif key.value in node.entries:
            first = node.keys[key.value][0]
            self._note(f"the key {key.value!r} is here twice, first in line {first}", event)
        else:
            node.entries[key.value] = value
            node.keys[key.value] = (event.start_mark.line + 1, event.start_mark.column + 1)

    def _alias(self, event: Any) -> Node:
        if event.anchor not in self._anchors:
            self._stop(f"no anchor &{event.anchor} stands before *{event.anchor}", event)
        known = self._anchors[event.anchor]
        if known is None:
            self._stop(f"the anchor &{event.anchor} contains itself", event)
        self._copied += known[1]
        if self._copied > MAX_COPIED:
            self._stop(f"anchors expand to more than {MAX_COPIED} values", event)
        return known[0]

    def _scalar(self, event: Any) -> Scalar:
        text: str = event.value
        try:
            if event.tag in (None, "!"):
                return resolve(text) if event.implicit[0] else text
            if event.tag == f"{_TAG}str":
                return text
            value = resolve(text)
        except ValueError as error:
            self._note(str(error), event)
            return None
        if event.tag == f"{_TAG}float" and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if type(value) is not _TYPES.get(event.tag):
            self._note(f"the tag {_short(event.tag)} does not go with {text[:40]!r}", event, _CORE_TAGS)
        return value

    def _check_tag(self, event: Any, own: str) -> None:
        if event.tag not in (None, "!", f"{_TAG}{own}"):
            self._note(f"the tag {_short(event.tag)} is not of YAML's core", event, _CORE_TAGS)

    def _note(self, message: str, event: Any, allowed: str = "") -> None:
        where = place(self.path, event.start_mark.line + 1, event.start_mark.column + 1)
        self.problems.append(Problem(message, where, allowed))

    def _stop(self, message: str, event: Any) -> NoReturn:
        self._note(message, event)
        raise InputError(self.problems)


_CORE_TAGS = "!!str, !!int, !!float, !!bool, !!null, !!seq, !!map"


def _short(tag: str) -> str:
    return repr(tag.replace(_TAG, "!!"))


_IN_WORDS = {
    "mapping values are not allowed in this context": "a ': ' inside a plain text, or a wrong indent; quotes help",
    "found character that cannot start any token": "a plain text cannot begin with this character; quotes help",
}


def _explain(error: yaml.MarkedYAMLError, text: str) -> str:
    """Say in words what the parser found."""
    mark = error.problem_mark
    lines = text.split("\n")
    if mark and mark.line < len(lines) and "\t" in lines[mark.line][: mark.column + 1]:
        return "a tab indents this line; use spaces"
    return _IN_WORDS.get(str(error.problem)) or " ".join(filter(None, (error.problem, error.context)))
