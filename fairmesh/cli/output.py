"""Output of the commands: tables, CSV, warnings and progress."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from fairmesh.errors import FairmeshError, InputError
from fairmesh.printing import escape_cell, list_unreadable, print_lines

if TYPE_CHECKING:
    from fairmesh.study import Plan

Given = TypeVar("Given")
Read = TypeVar("Read")
Report = Callable[[int, int], None]


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows below heads, in aligned columns.

    >>> print(table(("id", "key"), [("epochs=1", "abc")]))
    id        key
    epochs=1  abc
    """
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in (heads, *rows))
    return "\n".join(lines)


def csv_text(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as CSV; cells that a spreadsheet would read as formulas are escaped.

    >>> print(csv_text(("id", "why"), [("a", "=1+1")]))
    id,why
    a,'=1+1
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([list(map(escape_cell, row)) for row in (heads, *rows)])
    return text.getvalue().rstrip("\n")


def read_each(studies: Sequence[Given], read: Callable[[Given], Read]) -> tuple[list[Read], int]:
    """Read several studies; print an error for each one that cannot be read, and continue.

    Returns
    -------
    list, int
        The results, and 1 if a study could not be read.

    Raises
    ------
    FairmeshError
        If no study can be read.
    """
    results, failures = [], list[FairmeshError]()
    for study in studies:
        try:
            results.append(read(study))
        except InputError:
            raise
        except FairmeshError as error:
            failures.append(error)
    if failures and not results:
        raise failures[0]
    for failure in failures:
        print_lines(failure, file=sys.stderr)
    return results, int(bool(failures))


def warn_of_unreadable(problems: Sequence[str]) -> int:
    """Print the files that cannot be read on standard error; return 1 if there are any."""
    for line in list_unreadable(problems):
        print_lines(line, file=sys.stderr)
    return int(bool(problems))


def warn_of_plan(plan: Plan) -> None:
    """Print the warnings of a plan on standard error."""
    for warning in plan.warnings:
        print_lines(f"warning: {warning}", file=sys.stderr)


def is_interactive() -> bool:
    """Return whether a person at a terminal can answer a question."""
    return sys.stdin.isatty() and sys.stdout.isatty()


@contextmanager
def progress(task: str) -> Iterator[Report]:
    """Show a progress bar on a terminal, and nothing elsewhere.

    Parameters
    ----------
    task : str
        The name of the task, in a word or two.

    Yields
    ------
    callable
        A function to call with the work done so far and the total.
    """
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console  # noqa: PLC0415  only on a terminal
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task_id = bar.add_task(task, total=None)
        yield lambda done, total: bar.update(task_id, completed=done, total=total)
