"""Explain syntax errors of YAML, and find characters that only look like its special characters."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import yaml

from fairmesh.errors import Problem, place

_IN_WORDS = {
    "mapping values are not allowed in this context": "a ': ' inside a plain text, or a wrong indent; quotes help",
    "found character that cannot start any token": "a plain text cannot begin with this character; quotes help",
    "found unknown escape character": "in double quotes a backslash begins an escape; single quotes keep it",
    "did not find expected alphabetic or numeric character": "a text that begins with * or & needs quotes",
}
LINE_END = re.compile(r"\r\n?|\n")
_NO_SPACE = re.compile(r"[ -]*([A-Za-z_][\w.-]*:)(?!//)[^\s]", re.ASCII)


def explain_error(error: yaml.MarkedYAMLError, text: str, path: Path) -> Problem:
    """Return the problem for a syntax error, at the position of its cause if it can be found."""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Problem(f"not YAML: {_words(error)}", place(path))
    lines = LINE_END.split(text)[: mark.line + 1]
    if mark.line < len(lines) and "\t" in lines[mark.line][: mark.column + 1]:
        return Problem("not YAML: a tab indents this line; use spaces", place(path, mark.line + 1, mark.column + 1))
    return _cause(lines, path) or Problem(f"not YAML: {_words(error)}", place(path, mark.line + 1, mark.column + 1))


def _cause(lines: list[str], path: Path) -> Problem | None:
    """Return the cause of a parser error, in the line that it names or the one before."""
    before = max((index for index, line in enumerate(lines[:-1]) if line.strip()), default=0)
    for index in range(before, len(lines)):
        column = find_in_line(lines[index])
        if column >= 0:
            words = describe_character(lines[index][column])
            return Problem(f"not YAML: {words}", place(path, index + 1, column + 1))
    joined = _NO_SPACE.match(lines[before]) if lines else None
    if joined:
        words = f"no space after {joined[1]!r}: the next line cannot follow"
        return Problem(f"not YAML: {words}", place(path, before + 1, joined.end(1) + 1))
    return None


def _words(error: yaml.MarkedYAMLError) -> str:
    """Return the parser's message, in plain words where there are some."""
    message = " ".join(filter(None, (error.problem, error.context)))
    return _IN_WORDS.get(str(error.problem)) or f"{message}; a bracket or quote may be open, or the indentation wrong"


# Line ends of YAML 1.1, and of libyaml, that YAML 1.2 does not have.
_OTHER_BREAKS = "\x85\u2028\u2029"
_SPACES = "\xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_JOINERS = "\u200c\u200d"  # parts of words in some scripts, and of emoji
_INVISIBLE = "\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_QUOTES = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\uff02\uff07"
_DASHES = "\u2010-\u2015\u2212\ufe63\uff0d"
_COLONS = "\ufe55\uff1a"
_DIGITS = "0-9\uff10-\uff19"

_IN_PLAIN = re.compile(
    rf"^[{_SPACES}{_JOINERS}]|[{_SPACES}{_JOINERS}]$"  # at the ends
    rf"|[{_INVISIBLE}]"
    rf"|(?<=^-)[{_SPACES}]|(?<=:)[{_SPACES}]|[{_SPACES}](?=\#)"  # beside a sign of YAML's
    rf"|^[{_QUOTES}]"
)
_IN_NUMBER = re.compile(rf"[{_DASHES}\uff0b]?[{_DIGITS}]*[.\uff0e]?[{_DIGITS}]+([eE][-+{_DASHES}]?[{_DIGITS}]+)?")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_BEGINS_LINE = re.compile(rf"[\w.-]+([{_COLONS}])|([{_DASHES}\u2022\u00b7\u25aa\u2023])[ {_SPACES}]", re.ASCII)
_QUOTED = re.compile(r"""(?<![^\s\[{:,-])("[^"]*"|'[^']*')|(^|\s)\#.*""")
_IN_LINE = re.compile(
    rf"^ *(?:- *)?([{_SPACES}{_JOINERS}]|[{_DASHES}\u2022\u00b7][ {_SPACES}])|([{_INVISIBLE}])|(?<=[:-])([{_SPACES}])"
    rf"|^[ -]*[\w.-]+([{_COLONS}])|(?:[:,\[{{-] *)([{_QUOTES}])|(?<=[\w\]])(\uff0c)"
)
_BREAK = re.compile(f"[{_OTHER_BREAKS}]")
_INSTEAD = (
    (_SPACES, "use a plain space"),
    (f"{_JOINERS}{_INVISIBLE}", "it is invisible: delete it"),
    (_QUOTES, "use straight quotes"),
    (f"{_DASHES}\u2022\u00b7\u25aa\u2023", "use '-'"),
    (_COLONS, "use ':'"),
    ("\uff0c", "use ','"),
    (_OTHER_BREAKS, "end the line in the usual way"),
)


def find_in_plain(text: str, begins_line: bool) -> int:
    r"""Return the index of a misleading character in a plain scalar; -1 if there is none.

    Parameters
    ----------
    text : str
        The scalar.
    begins_line : bool
        Whether only indentation comes before it in its line.

    Examples
    --------
    >>> find_in_plain("\u201cbase\u201d", False), find_in_plain("\u2212" "1", False), find_in_plain("5\xa0kg", False)
    (0, 0, -1)
    """
    if text.isascii():
        return -1
    number = _IN_NUMBER.fullmatch(text) and _NOT_ASCII.search(text)
    start = _BEGINS_LINE.match(text) if begins_line else None
    if start and not number:
        return start.start(start.lastindex or 0)
    match = number or _IN_PLAIN.search(text)
    return match.start() if match else -1


def find_line_break(text: str) -> int:
    """Return the index of a line end that YAML 1.1 and 1.2 read differently; -1 if there is none."""
    match = _BREAK.search(text)
    return match.start() if match else -1


def find_in_line(line: str) -> int:
    """Return the index of a character that may prevent parsing a line; -1 if there is none."""
    if line.isascii():
        return -1
    match = _IN_LINE.search(_QUOTED.sub(lambda quoted: "x" * len(quoted[0]), line))
    return match.start(match.lastindex or 0) if match else -1


def describe_character(character: str) -> str:
    r"""Return the name of a character, and its replacement.

    >>> describe_character("\xa0")
    'NO-BREAK SPACE (U+00A0): use a plain space'
    """
    name = unicodedata.name(character, "")
    name = {"\ufeff": "BYTE ORDER MARK", "\x85": "NEXT LINE"}.get(character, name)
    instead = next((words for signs, words in _INSTEAD if re.match(f"[{signs}]", character)), "use the ASCII character")
    return f"{name} (U+{ord(character):04X}): {instead}"
