"""``fairmesh status``: how a study stands, now or until its run ends."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fairmesh.cli import places
from fairmesh.cli.output import count
from fairmesh.cli.status_text import Line, overview, short
from fairmesh.printing import print_json, print_lines, safe_json
from fairmesh.runner.text import printable
from fairmesh.status import Reader, StudyStatus, read_status

if TYPE_CHECKING:
    from rich.console import RenderableType

PERIOD = 2.0  # seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument(
        "study", metavar="STUDY", nargs="?", default="", help="a name, a study file, or results (the configuration's)"
    )
    places.add_results(parser)
    parser.add_argument("--watch", action="store_true", help="go on until the run ends; 1 if something failed")
    parser.add_argument("--json", action="store_true", help="all that is known, as JSON; with --watch, a line a change")
    parser.add_argument("--limit", metavar="N", type=count, default=10, help="lines of a kind in the tables (10)")


def run(arguments: argparse.Namespace) -> int:
    """Show how the study stands."""
    if arguments.watch:
        return _watch(Reader(places.find_study(arguments.study, arguments.results)), arguments)
    gc.disable()  # what is read lives to the end; to look for circles in it would take a fifth of the time
    try:
        studies = places.find_studies(arguments.study, arguments.results)
        found, failed = places.read_each(studies, read_status)
    finally:
        gc.enable()
    if arguments.json:
        print_json(found[0].to_json() if len(studies) == 1 else [each.to_json() for each in found])
    else:
        for at, status in enumerate(found):
            _print([*([Line("")] if at else []), *overview(status, arguments.limit)])
    return failed | places.warn_of_problems([line for each in found for line in each.problems])


def _print(lines: list[Line]) -> None:
    """Print lines, in colour on a terminal."""
    if not sys.stdout.isatty():
        print_lines("\n".join(line.text for line in lines))
        return
    from rich.console import Console  # noqa: PLC0415  only where a terminal is there

    Console(highlight=False).print(_styled(lines))


def _styled(lines: list[Line]) -> RenderableType:
    """Return lines as rich's text, each cut at the terminal's edge."""
    from rich.console import Group  # noqa: PLC0415  as above
    from rich.text import Text  # noqa: PLC0415

    return Group(*(Text(printable(line.text), line.style, no_wrap=True, overflow="ellipsis") for line in lines))


def _watch(reader: Reader, arguments: argparse.Namespace) -> int:
    if arguments.json:
        status = _follow(reader, _print_when_changed(lambda each: safe_json(each.to_json())))
    elif sys.stdout.isatty():
        status = _follow_on_terminal(reader, arguments.limit)
    else:
        status = _follow(reader, _print_when_changed(short))
        _print(overview(status, arguments.limit))
    has_ended_badly = status.run is not None and status.run.exit_code != 0
    return int(status.has_failed or has_ended_badly) | places.warn_of_problems(status.problems)


def _follow(reader: Reader, show: Callable[[StudyStatus], None]) -> StudyStatus:
    """Show how the study stands, again and again, until nothing goes on any more."""
    while True:
        status = reader.read()
        show(status)
        if not status.is_active:
            return status
        time.sleep(PERIOD)


def _print_when_changed(text: Callable[[StudyStatus], str]) -> Callable[[StudyStatus], None]:
    before: list[tuple[object, ...]] = [()]

    def show(status: StudyStatus) -> None:
        now = tuple((each.state, each.progress, each.attempt) for each in status.jobs)
        if now != before[0]:
            print_lines(text(status), flush=True)
        before[0] = now

    return show


def _follow_on_terminal(reader: Reader, limit: int) -> StudyStatus:
    from rich.live import Live  # noqa: PLC0415  only where a terminal is there

    with Live(auto_refresh=False, vertical_overflow="ellipsis") as screen:
        return _follow(reader, lambda status: screen.update(_styled(overview(status, limit)), refresh=True))
