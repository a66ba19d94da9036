"""``fairmesh logs``: what experiments wrote to their logs, harmless on a terminal."""

from __future__ import annotations

import argparse
import time

from fairmesh.cli import places
from fairmesh.cli.output import count
from fairmesh.errors import InputError, Problem
from fairmesh.jobs import logs
from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.printing import print_json, print_lines
from fairmesh.runner.protocol import ENDS
from fairmesh.runner.text import last_lines
from fairmesh.status import JobStatus, Reader, log_path

PERIOD = 1.0  # seconds
SEVERAL = 20  # lines of each, if nobody says how many


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    places.add_jobs(parser, "whose logs (all that ended badly)")
    parser.add_argument("--attempt", metavar="N", type=count, help="of this attempt (the last one)")
    parser.add_argument("--lines", metavar="N", type=count, help="the last N lines (all of one, 20 of several)")
    parser.add_argument("--follow", action="store_true", help="go on until it ends")
    parser.add_argument("--json", action="store_true", help="print the lines as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print logs."""
    reader = Reader(places.find_study(arguments.study, arguments.results))
    selection = places.selection(arguments)
    found = selection.of(reader.read())
    if selection.is_everything:
        found = [each for each in found if each.state in BAD_ENDS]
    if arguments.follow:
        return _follow(reader, found, arguments)
    if len(found) == 1 and not (arguments.lines or arguments.json):
        for line in logs.Growing(log_path(found[0], arguments.attempt)).read(last=True):
            print_lines(line)
        return 0
    texts = {each.name: last_lines(log_path(each, arguments.attempt), arguments.lines or SEVERAL) for each in found}
    if arguments.json:
        print_json(texts)
        return 0
    for name, text in texts.items():
        if len(texts) > 1:
            print_lines(f"==> {name} <==")
        print_lines("\n".join(text) if text else "(nothing yet)")
    return 0


def _follow(reader: Reader, found: list[JobStatus], arguments: argparse.Namespace) -> int:
    """Print a log as it grows, until its attempt has ended."""
    if len(found) != 1:
        raise InputError([Problem(f"{len(found)} logs cannot be followed at once; name one", "--follow")])
    growing = logs.Growing(log_path(found[0], arguments.attempt))
    growing.skip_to(arguments.lines or SEVERAL)
    while True:
        status = reader.read()
        job = next(each for each in status.jobs if each.folder == found[0].folder)
        growing.path = log_path(job, arguments.attempt)
        has_ended = job.state in ENDS or not status.is_active
        for line in growing.read(last=has_ended):
            print_lines(line, flush=True)
        if has_ended:
            return 0
        time.sleep(PERIOD)
