"""The exceptions of this package, as one tree; people see clear lines, never a traceback.

::

    FairmeshError            the work failed                          exit status 1
    ├── InputError           the input has mistakes                   exit status 2
    └── BusyError            another process does the same right now  exit status 1

To handle whatever this package raises:

>>> try:
...     raise InputError([Problem("unknown key 'epoch'", "study.yaml:3:5", near="epochs")])
... except FairmeshError as error:
...     print(error)
study.yaml:3:5: unknown key 'epoch'; did you mean 'epochs'?
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


class FairmeshError(Exception):
    """Base of all errors of this package: the work failed."""

    exit_code = 1


class BusyError(FairmeshError):
    """Another process holds what this call needs."""


@dataclass(frozen=True)
class Problem:
    """One mistake in the input.

    Parameters
    ----------
    message : str
        What is wrong, in words that name the key and the value.
    where : str
        ``file:line:column``, a file, or the option of the command line.
    allowed : str
        What would be right, if that can be said in a line.
    near : str
        The nearest known name, if one is near.
    """

    message: str
    where: str = ""
    allowed: str = ""
    near: str = ""

    def line(self) -> tuple[int, int]:
        """Return line and column of the place, by which the problems of a file are sorted; 0 where there is none."""
        numbers = self.where.rsplit(":", 2)[1:]
        return (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 and all(map(str.isdigit, numbers)) else (0, 0)

    def __str__(self) -> str:
        """Return the problem as one line."""
        text = f"{self.where}: {self.message}" if self.where else self.message
        if self.near:
            text += f"; did you mean {self.near!r}?"
        return text + (f" (allowed: {self.allowed})" if self.allowed else "")


class InputError(FairmeshError):
    """The input has mistakes: all of them at once, one line each.

    Parameters
    ----------
    problems : iterable of Problem
        At least one.
    """

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=Problem.line)
        super().__init__("\n".join(map(str, self.problems)))


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that was probably meant, or an empty string.

    >>> nearest("epoch", ["epochs", "batch"])
    'epochs'
    """
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), "")


def place(file: Path | str, line: int = 0, column: int = 0) -> str:
    """Return ``file:line:column``, the file as seen from the current folder; without a line, the file alone.

    >>> place("study.yaml", 3, 5)
    'study.yaml:3:5'
    """
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f"{path}:{line}:{column}" if line else str(path)
