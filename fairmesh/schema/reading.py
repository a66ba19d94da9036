"""Parse YAML files to nodes."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import yaml

from fairmesh.errors import InputError, Problem, place
from fairmesh.schema import mistakes
from fairmesh.schema.mistakes import LINE_END, explain_error
from fairmesh.schema.nodes import Node, Scalar, resolve_scalar

try:
    from yaml import CSafeLoader as Parser
except ImportError:  # PyYAML without libyaml
    from yaml import SafeLoader as Parser  # type: ignore[assignment]

MAX_DEPTH = 100
MAX_COPIED = 100_000  # nodes that aliases may add to a file


def load_yaml(path: Path, problems: list[Problem] | None = None) -> Node:
    """Read a YAML file of one document.

    Parameters
    ----------
    path : Path
        The file.
    problems : list of Problem, optional
        Mistakes after which reading can continue, such as a duplicate key, are added to it; by default they are
        raised.

    Raises
    ------
    InputError
        If there is no such file, it is empty, or it is not YAML; every problem with line and column.
    """
    try:
        text = _decoded(path.read_bytes(), path)
    except OSError as error:
        raise InputError([Problem(f"cannot be read: {error.strerror}", place(path))]) from error
    except ValueError as error:  # a null byte in the path
        raise InputError([Problem(f"cannot be read: {error}", repr(str(path)))]) from error
    return parse_yaml(text, path, problems)


_WIDE = {  # the longer marks first: that of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig")
        wide = next((name for mark, name in _WIDE.items() if content.startswith(mark)), "")
        message = f"is {wide}, not UTF-8" if wide else f"is not UTF-8: byte 0x{content[error.start]:02x}"
        where = place(path) if wide else place(path, *_line_and_column(before))
        raise InputError([Problem(f"{message}; save the file as UTF-8", where)]) from error


def unquote(node: Node) -> Node:
    """Return a quoted text as if it were not quoted; it stays a text if that is not valid.

    >>> unquote(Node("3")).value, unquote(Node("1e999")).value
    (3, '1e999')
    """
    text = str(node.value).strip()
    try:
        return replace(node, value=resolve_scalar(text), text=text)
    except ValueError:
        return replace(node, text=text)


def _line_and_column(before: str) -> tuple[int, int]:
    """Return line and column of the end of a text, from 1."""
    lines = LINE_END.split(before)
    return len(lines), len(lines[-1]) + 1


def parse_yaml(text: str, path: Path, problems: list[Problem] | None = None) -> Node:
    """Parse a text like `load_yaml`; the path is for messages."""
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
    """Converts the parser's events to nodes."""

    def __init__(self, text: str, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self._text = text
        self._lines = [] if text.isascii() else LINE_END.split(text)
        self._events = self._parse(text)
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._seen = 0
        self._copied = 0

    def document(self) -> Node:
        """Read the only document."""
        index = mistakes.find_line_break(self._text)
        if index >= 0:
            where = place(self.path, *_line_and_column(self._text[:index]))
            raise InputError([Problem(f"not YAML: {mistakes.describe_character(self._text[index])}", where)])
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
            cause = explain_error(error, text, self.path)
            known = any(problem.where == cause.where for problem in self.problems)
            raise InputError(self.problems if known else [*self.problems, cause]) from error
        except yaml.reader.ReaderError as error:
            before = text[: error.position] if isinstance(error.position, int) else ""
            where = place(self.path, *_line_and_column(before))
            what = "a null character; is it UTF-16?" if text[len(before) :][:1] == "\0" else "a control character"
            raise InputError([Problem(f"not YAML: {what}", where)]) from error

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
            if plain and event.value and self._lines:
                self._check_characters(event)
            return Node(self._scalar(event), line, column, event.value if plain else None)
        if isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(event, "seq")
            members = [self._node(item, depth + 1) for item in self._until(yaml.SequenceEndEvent)]
            return Node(members, line, column)
        self._check_tag(event, "map")
        node = Node({}, line, column)
        for key in self._until(yaml.MappingEndEvent):
            self._entry(node, key, depth + 1)
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
            shown = f"{key.text!r}" if key.text else "a text with braces" if key.value else "this"
            self._note(f"a key must be a text, not {shown}: put quotes around it", event)
        elif key.text == "<<" and isinstance(value.value, dict | list):
            self._note("'<<' merges maps in YAML 1.1 only; this is YAML 1.2: write the entries out", event)
        elif key.value in node.entries:
            first = node.keys[key.value][0]
            self._note(f"the key {key.value!r} appears twice, first in line {first}", event)
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
                return resolve_scalar(text) if event.implicit[0] else text
            if event.tag == f"{_TAG}str":
                return text
            value = resolve_scalar(text)
        except ValueError as error:
            self._note(str(error), event)
            return None
        if event.tag == f"{_TAG}float" and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if type(value) is not _TYPES.get(event.tag):
            self._note(f"the tag {_short(event.tag)} does not fit {text[:40]!r}", event, _CORE_TAGS)
        return value

    def _check_characters(self, event: Any) -> None:
        """Report the first misleading character of a plain scalar."""
        start = event.start_mark
        index = mistakes.find_in_plain(event.value, not self._lines[start.line][: start.column].strip(" -"))
        if index < 0:
            return
        line, column = start.line, start.column + index
        while line < event.end_mark.line and self._lines[line][column : column + 1] != event.value[index]:
            line, column = line + 1, self._lines[line + 1].find(event.value[index])  # continued on the next line
        words = f"{mistakes.describe_character(event.value[index])}, or put quotes around the text"
        self.problems.append(Problem(words, place(self.path, line + 1, column + 1)))

    def _check_tag(self, event: Any, kind: str) -> None:
        if event.tag not in (None, "!", f"{_TAG}{kind}"):
            self._note(f"the tag {_short(event.tag)} is not a tag of YAML's core schema", event, _CORE_TAGS)

    def _note(self, message: str, event: Any, allowed: str = "") -> None:
        where = place(self.path, event.start_mark.line + 1, event.start_mark.column + 1)
        self.problems.append(Problem(message, where, allowed))

    def _stop(self, message: str, event: Any) -> NoReturn:
        self._note(message, event)
        raise InputError(self.problems)


_CORE_TAGS = "!!str, !!int, !!float, !!bool, !!null, !!seq, !!map"


def _short(tag: str) -> str:
    return repr(tag.replace(_TAG, "!!"))
