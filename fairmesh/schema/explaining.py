"""What a person did, where the parser says only what it found."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from fairmesh.errors import Problem, place
from fairmesh.schema import lookalikes

_IN_WORDS = {
    "mapping values are not allowed in this context": "a ': ' inside a plain text, or a wrong indent; quotes help",
    "found character that cannot start any token": "a plain text cannot begin with this character; quotes help",
    "found unknown escape character": "in double quotes a backslash begins an escape; single quotes keep it",
    "did not find expected alphabetic or numeric character": "a text that begins with * or & needs quotes",
}
LINE_END = re.compile(r"\r\n?|\n")
_NO_SPACE = re.compile(r"[ -]*([A-Za-z_][\w.-]*:)(?!//)[^\s]", re.ASCII)


def mistake(error: yaml.MarkedYAMLError, text: str, path: Path) -> Problem:
    """Return the problem of a text that is not YAML, at the place of its cause if that can be seen."""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Problem(f"not YAML: {_words(error)}", place(path))
    lines = LINE_END.split(text)[: mark.line + 1]
    if mark.line < len(lines) and "\t" in lines[mark.line][: mark.column + 1]:
        return Problem("not YAML: a tab indents this line; use spaces", place(path, mark.line + 1, mark.column + 1))
    return _cause(lines, path) or Problem(f"not YAML: {_words(error)}", place(path, mark.line + 1, mark.column + 1))


def _cause(lines: list[str], path: Path) -> Problem | None:
    """Find what made the parser stumble in the line that it names, or in the one before."""
    before = max((index for index, line in enumerate(lines[:-1]) if line.strip()), default=0)
    for index in range(before, len(lines)):
        column = lookalikes.in_line(lines[index])
        if column >= 0:
            words = lookalikes.described(lines[index][column])
            return Problem(f"not YAML: {words}", place(path, index + 1, column + 1))
    joined = _NO_SPACE.match(lines[before]) if lines else None
    if joined:
        words = f"no space after {joined[1]!r}: the next line cannot follow"
        return Problem(f"not YAML: {words}", place(path, before + 1, joined.end(1) + 1))
    return None


def _words(error: yaml.MarkedYAMLError) -> str:
    """Return what the parser found, in words for people where there are some."""
    return _IN_WORDS.get(str(error.problem)) or " ".join(filter(None, (error.problem, error.context)))
