"""Shell scripts with ``{a.b}`` in them: where each stands between quotes, and which lines are whole commands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

from fairmesh.study.references import REFERENCE


class Context(Enum):
    """What a place in a script is."""

    CODE = "code"
    DOUBLE = "double quotes"
    SINGLE = "single quotes"
    COMMENT = "a comment"
    NUMBER = "arithmetic"
    HERE = "a here-document"
    VERBATIM = "a here-document with a quoted end"
    COMMAND = "a text that another shell reads as a command"


@dataclass(frozen=True)
class Reference:
    """A reference in a script.

    Parameters
    ----------
    name : str
        What it names.
    start, end : int
        Its place in the text.
    context : Context
        What surrounds it.
    """

    name: str
    start: int
    end: int
    context: Context


@dataclass
class Scan:
    """What was found in a script.

    Parameters
    ----------
    references : list of Reference
        In order.
    breaks : list of int
        The ends of lines that are whole: no quote, bracket, here-document or backslash goes on.
    mask : str
        The text with everything that is not plain code blotted out, character by character.
    """

    references: list[Reference] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    mask: str = ""


BLOT = "\x01"
LONGEST = 2000  # characters before a quote in which a command is looked for
_HERE = re.compile(r"<<(-?)[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|\\?([A-Za-z_][\w]*))")
_TO_SHELL = re.compile(r"(\b(ba|z|k|da)?sh(\s+-\w+)*\s+-\w*c|\beval|\bssh\s[^|;&]*)\s*$")


def scan(text: str) -> Scan:
    """Find the references of a script, and its whole lines.

    >>> [(each.name, each.context.value) for each in scan('run {a.b} "{c}" # {d}').references]
    [('a.b', 'code'), ('c', 'double quotes'), ('d', 'a comment')]
    """
    return _Scanner(text).run()


class _Scanner:
    """Goes through a script once; the stack holds the ends that are waited for, the innermost last."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.stack: list[str] = []
        self.found = Scan()
        self.mask: list[str] = []
        self.here: list[tuple[str, bool, bool]] = []  # end, quoted, tabs may precede it

    def run(self) -> Scan:
        while self.at < len(self.text):
            self._step()
        self.found.mask = "".join(self.mask)
        return self.found

    def _step(self) -> None:
        sign, top = self.text[self.at], self.stack[-1] if self.stack else ""
        reference = REFERENCE.match(self.text, self.at) if sign == "{" else None
        if reference:
            self._refer(reference, self._context(top))
        elif sign == "\\" and top != "'":
            self._skip(2)
        elif sign == "\n":
            self._newline()
        elif top == "'":
            self._leave_at(sign, "'")
        elif top == '"':
            self._in_double(sign)
        else:
            self._in_code(sign, top)

    def _in_double(self, sign: str) -> None:
        if sign == "$" and self._opens():
            return
        if sign == "`":
            self._enter("`", 1)
        else:
            self._leave_at(sign, '"')

    def _in_code(self, sign: str, top: str) -> None:
        if sign == top[:1] and self.text.startswith(top, self.at):
            self.stack.pop()
            self._skip(len(top))
        elif sign == "#" and self._begins_word():
            self._comment()
        elif sign in "'\"`":
            self._enter(sign, 1)
        elif sign == "$" and self._opens():
            return
        elif sign == "(":
            self._enter("))", 2) if self.text.startswith("((", self.at) else self._enter(")", 1)
        elif sign == "<" and self.text.startswith("<<", self.at) and not self.text.startswith("<<<", self.at):
            self._promise()
        else:
            self._skip(3 if self.text.startswith("<<<", self.at) else 1)

    def _opens(self) -> bool:
        """Enter what a dollar opens."""
        for start, end in (("$((", "))"), ("$(", ")"), ("${", "}")):
            if self.text.startswith(start, self.at):
                self._enter(end, len(start))
                return True
        return False

    def _enter(self, end: str, length: int) -> None:
        self._skip(length)
        self.stack.append(end)

    def _leave_at(self, sign: str, end: str) -> None:
        if sign == end:
            self.stack.pop()
        self._skip(1)

    def _skip(self, length: int) -> None:
        """Go on; plain code at the top is kept in the mask."""
        part = self.text[self.at : self.at + length]
        is_plain = not self.stack and "\\" not in part and part not in {"'", '"', "`"}
        self.mask.append(part if is_plain else BLOT * len(part))
        self.at += len(part)

    def _begins_word(self) -> bool:
        return self.at == 0 or self.text[self.at - 1] in " \t\n;&|()"

    def _comment(self) -> None:
        end = self.text.find("\n", self.at)
        end = len(self.text) if end < 0 else end
        for each in REFERENCE.finditer(self.text, self.at, end):
            self.found.references.append(Reference(each[1], each.start(), each.end(), Context.COMMENT))
        self.mask.append(" " * (end - self.at))
        self.at = end

    def _promise(self) -> None:
        found = _HERE.match(self.text, self.at)
        if found:
            self.here.append((found[2] or found[3] or found[4], "\\" in found[0] or not found[4], bool(found[1])))
        self._skip(len(found[0]) if found else 2)

    def _newline(self) -> None:
        is_whole = not self.stack
        self.mask.append("\n" if is_whole else BLOT)
        self.at += 1
        for end, quoted, tabs in self.here if is_whole else ():
            self._body(end, Context.VERBATIM if quoted else Context.HERE, tabs)
        if is_whole:
            self.here.clear()
            self.found.breaks.append(self.at)

    def _body(self, end: str, context: Context, tabs: bool) -> None:
        while self.at < len(self.text):
            stop = self.text.find("\n", self.at)
            stop = len(self.text) if stop < 0 else stop + 1
            line = self.text[self.at : stop]
            for each in REFERENCE.finditer(self.text, self.at, stop):
                self.found.references.append(Reference(each[1], each.start(), each.end(), context))
            self.mask.append(BLOT * len(line))
            self.at = stop
            if (line.lstrip("\t") if tabs else line).rstrip("\n") == end:
                return

    def _context(self, top: str) -> Context:
        if top == "'":
            return Context.SINGLE
        if "))" in self.stack:
            return Context.NUMBER
        if top == '"' or (top == "}" and '"' in self.stack):
            return Context.COMMAND if self._is_command() else Context.DOUBLE
        return Context.CODE

    def _is_command(self) -> bool:
        """Return whether the quoted text that we are in is one that another shell reads as a command."""
        opened = self.text.rfind('"', 0, self.at)
        while opened > 0 and self.text[opened - 1] == "\\":
            opened = self.text.rfind('"', 0, opened)
        line = self.text.rfind("\n", 0, opened) + 1
        return bool(_TO_SHELL.search(self.text, max(line, opened - LONGEST), opened))

    def _refer(self, found: re.Match[str], context: Context) -> None:
        self.found.references.append(Reference(found[1], found.start(), found.end(), context))
        self.mask.append(found[0] if not self.stack else BLOT * len(found[0]))
        self.at = found.end()
