"""Show lines and progress: plain lines in a pipe, and a bar below them on a terminal."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol, TextIO

from fairmesh.runner.text import printable_lines

DUMB = ("dumb", "unknown")  # terminals that cannot move the cursor


class Screen(Protocol):
    """Where a run prints."""

    has_bar: bool
    width: int

    def print(self, text: str, style: str = "", *, is_cut: bool = False) -> None:
        """Print lines; ``is_cut`` cuts them at the width of a terminal."""

    def show_bar(self, ended: int, total: int) -> None:
        """Show the progress, or update it."""

    def close(self) -> None:
        """Remove the bar."""


class PlainScreen:
    """Prints lines without codes for terminals.

    Parameters
    ----------
    stream : file
        Where to print.
    """

    has_bar, width = False, 120

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def print(self, text: str, style: str = "", *, is_cut: bool = False) -> None:
        """Print lines."""
        print(printable_lines(text), file=self._stream, flush=True)

    def show_bar(self, ended: int, total: int) -> None:
        """No-op: the lines have the numbers."""

    def close(self) -> None:
        """No-op."""


def make_screen(stream: TextIO, describe: Callable[[], str], *, has_color: bool, has_bar: bool) -> Screen:
    """Return the screen for a stream.

    Parameters
    ----------
    stream : file
        Where to print.
    describe : callable
        Returns the text beside the bar.
    has_color, has_bar : bool
        Whether color and a bar are wanted on a terminal.
    """
    if not has_bar or not stream.isatty() or os.environ.get("TERM") in DUMB:
        return PlainScreen(stream)
    from snakemake_logger_plugin_fairmesh.bar import BarScreen  # noqa: PLC0415  imports rich

    return BarScreen(stream, describe, has_color=has_color)
