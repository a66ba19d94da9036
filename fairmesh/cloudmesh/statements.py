"""A batch script, taken apart: options for the scheduler, lines that set up, and the program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from fairmesh.cloudmesh.options import LINE, Option, read_options
from fairmesh.cloudmesh.shell import BLOT, scan

TABLE = "{slurm.sbatch}"

SETS_UP = frozenset(
    ["module", "ml", "source", ".", "export", "conda", "mamba", "micromamba", "spack", "ulimit", "umask", "unset", "cd"]
)
_HARMLESS = frozenset(
    [
        *("echo", "printf", ":", "true", "date", "hostname", "pwd", "ls", "which", "type", "nvidia-smi", "nproc"),
        *("lscpu", "free", "uname", "whoami", "id", "env", "mkdir", "sleep", "set", "shopt", "read", "local"),
        *("declare", "return", "test", "[", "[["),
    ]
)
_OPENS = frozenset(["if", "for", "while", "until", "case", "select", "{"])
_CLOSES = frozenset(["fi", "done", "esac", "}"])
_GOES_ON = frozenset(["then", "do", "else", "elif", "!", "time", "(", ")", "()", ";", "&", "|", "&&", "||", ";;"])
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\+?=\S*", re.ASCII)
_SUBSTITUTED = re.compile(rf"\$[({{]+{BLOT}*[)}}]+|\(\({BLOT}*\)\)")
_REDIRECTION = re.compile(r"(?<!\d)\d*(&>>?|>>?&?|<&?)\s*[\w./-]*")
_TOKEN = re.compile(r"\(\)|;;|&&|\|\||[;&|()]|[^\s;&|()]+")
_USED = re.compile(r"\$\{?([A-Za-z_]\w*)", re.ASCII)
_OWN_PROCESS = re.compile(r"\$\{?[0-9@*#?!$-]|BASH_SOURCE")


@dataclass(frozen=True)
class Statement:
    """Whole lines of a script.

    Parameters
    ----------
    text : str
        The lines.
    line : int
        The number of the first, from 1.
    """

    text: str
    line: int


@dataclass
class Script:
    """A batch script, taken apart.

    Parameters
    ----------
    options : list of Option
        What its scheduler reads.
    setup : list of Statement
        Whole commands that prepare what the program runs in.
    program : list of Statement
        All other lines, in order.
    has_table : bool
        Whether Cloudmesh would put its own options for the scheduler somewhere.
    """

    options: list[Option] = field(default_factory=list)
    setup: list[Statement] = field(default_factory=list)
    program: list[Statement] = field(default_factory=list)
    has_table: bool = False


def take_apart(text: str) -> Script:
    r"""Take a script apart.

    A line sets up if it is a whole command of that kind that needs nothing of the program, and comes before it.

    >>> script = take_apart("#!/bin/bash\n#SBATCH -c 2\nmodule load gcc\npython train.py\nexit 0\n")
    >>> [each.text for each in script.setup], [each.text for each in script.program]
    (['module load gcc\n'], ['python train.py\n', 'exit 0\n'])
    """
    script, sorter = Script(), _Sorter()
    begun = False  # a scheduler reads no option after the first command
    for number, line, mask in _lines(text):
        if not begun and LINE.match(line):
            script.options += read_options(line.strip(), number)
        elif TABLE in line:
            script.has_table = True
        elif not (number == 1 and line.startswith("#!")):
            begun = begun or bool(mask.strip())
            kind = sorter.kind(mask, line)
            script.setup += [Statement(line, number)] if kind != "program" else []
            script.program += [Statement(line, number)] if kind != "setup" else []
    return script


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the whole lines of a script: number, text, and the text with all but plain code blotted out."""
    found = scan(text)
    start, number = 0, 1
    for end in [*found.breaks, len(text)]:
        if start < end:
            yield number, text[start:end], found.mask[start:end]
        number += text.count("\n", start, end)
        start = end


class _Sorter:
    """Decides of line after line whether it sets up."""

    def __init__(self) -> None:
        self._depth = 0
        self._started = False
        self._functions: set[str] = set()
        self._of_program: set[str] = set()  # variables

    def kind(self, mask: str, line: str) -> str:
        """Tell where a line goes: setup, program, or both."""
        was_inside = self._depth > 0
        commands = list(self._commands(_REDIRECTION.sub(" ", _SUBSTITUTED.sub(BLOT, mask))))
        if not commands:
            return "program"
        if not was_inside and not self._depth and not self._started and self._sets_up(commands, line):
            return "both" if commands[0][0] == "cd" else "setup"
        self._of_program |= {name for words in commands for name in _assigned(words)}
        if not was_inside and not self._depth:
            known = _HARMLESS | SETS_UP | self._functions
            self._started |= any(_program(words) not in {*known, ""} for words in commands)
        return "program"

    def _sets_up(self, commands: list[list[str]], line: str) -> bool:
        names = set(_USED.findall(line))
        return (
            all(words[0] in SETS_UP or not _program(words) for words in commands)
            and not names & self._of_program
            and not _OWN_PROCESS.search(line)
        )

    def _commands(self, mask: str) -> Iterator[list[str]]:
        """Yield the commands of a line as words, and count what they open and close."""
        words: list[str] = []
        for part in _TOKEN.findall(re.sub(r"\bfunction\s+(\w+)(\s*\(\))?", r"\1 ()", mask)):
            if part == "()" and len(words) == 1:
                self._functions.add(words.pop())
            elif part in _GOES_ON or (not words and part in _OPENS | _CLOSES):
                self._depth += (part in _OPENS) - (part in _CLOSES)
                if words:
                    yield words
                words = []
            else:
                words.append(part)
        if words:
            yield words


def _program(words: list[str]) -> str:
    """Return what a command starts; nothing if it only sets variables."""
    return next((word for word in words if not _ASSIGNMENT.fullmatch(word)), "")


def _assigned(words: list[str]) -> Iterator[str]:
    """Yield the variables that a command sets, as far as that is plain to see."""
    for word in words:
        found = _ASSIGNMENT.fullmatch(word)
        if found:
            yield found[1]
    if words[0] in {"read", "for", "declare", "local"}:
        yield from (word for word in words[1:] if word.isidentifier())
