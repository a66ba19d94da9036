"""Lines on a terminal, with a progress bar below them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID
from rich.text import Text

from fairmesh.runner.text import printable_lines

REFRESH = 2  # times a second
WIDEST, BESIDE = 40, 40  # characters of the bar, and of the text beside it


class BarScreen:
    """Prints lines above a progress bar, which appears with the first progress.

    Parameters
    ----------
    stream : file
        The terminal.
    describe : callable
        Returns the text beside the bar.
    has_color : bool
        Whether to use color; the variable NO_COLOR switches it off as well.
    """

    has_bar = True

    def __init__(self, stream: TextIO, describe: Callable[[], str], *, has_color: bool) -> None:
        self._console = Console(file=stream, no_color=None if has_color else True, highlight=False)
        self.width = self._console.width
        bar = BarColumn(bar_width=min(WIDEST, max(5, self.width - BESIDE)))
        self._progress = Progress(
            bar,
            MofNCompleteColumn(),
            _Description(describe),
            console=self._console,
            transient=True,
            refresh_per_second=REFRESH,
            redirect_stdout=sys.stdout.isatty(),
        )
        self._task: TaskID | None = None

    def print(self, text: str, style: str = "", *, is_cut: bool = False) -> None:
        """Print lines above the bar."""
        shown = Text(printable_lines(text), style)
        if is_cut:
            self._console.print(shown, no_wrap=True, overflow="ellipsis")
        else:
            self._console.print(shown, soft_wrap=True)

    def show_bar(self, ended: int, total: int) -> None:
        """Show the progress, or update it."""
        if self._task is None:
            self._task = self._progress.add_task("", total=total)
            self._progress.start()
        self._progress.update(self._task, completed=ended, total=total)

    def close(self) -> None:
        """Remove the bar."""
        self._progress.stop()


class _Description(ProgressColumn):
    """The text beside the bar, computed anew at each refresh."""

    def __init__(self, describe: Callable[[], str]) -> None:
        super().__init__()
        self._describe = describe

    def render(self, task: Task) -> Text:
        """Return the text."""
        return Text(self._describe(), no_wrap=True, overflow="ellipsis")
