"""``fairmesh doctor``: what is wrong with the installation, the profile, the cluster, the disk, and how to mend it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from fairmesh.cli.doctor import browser, hardware, installation, leftovers, lsf, service, settings, slurm, storage
from fairmesh.cli.doctor.asking import side_by_side
from fairmesh.cli.doctor.finding import FAIL, OK, WARN, Finding, fail, warn
from fairmesh.cli.doctor.here import Here
from fairmesh.printing import one_line, print_json
from fairmesh.status.launch import PROFILE

Check = Callable[[Here], Iterator[Finding]]

GROUPS: dict[str, Check] = {
    "installation": installation.checks,
    "settings": settings.checks,
    "storage": storage.checks,
    "leftovers": leftovers.checks,
    "slurm": slurm.checks,
    "lsf": lsf.checks,
    "hardware": hardware.checks,
    "service": service.checks,
    "browser": browser.checks,
}
PATIENCE, DEEP = 10.0, 300.0  # seconds in all
_COLOURS = {OK: "32", WARN: "33", FAIL: "31"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument("--profile", metavar="DIR", default=PROFILE, help=f"where runs are to go ({PROFILE})")
    parser.add_argument("--deep", action="store_true", help="start TensorFlow and Chromium, too; takes a minute")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Look, and say what to mend."""
    here = Here.of(Path(), arguments.profile, arguments.deep)
    found = examine(here, GROUPS, DEEP if arguments.deep else PATIENCE)
    bad = sum(each.level == FAIL for each in found)
    if arguments.json:
        counts = {level: sum(each.level == level for each in found) for level in (OK, WARN, FAIL)}
        print_json({"profile": str(here.profile), "counts": counts, "findings": [each._asdict() for each in found]})
    else:
        print("\n".join(lines(found, sys.stdout.isatty())))
    return 1 if bad else 0


def examine(here: Here, groups: dict[str, Check], patience: float) -> list[Finding]:
    """Make all checks at the same time, and wait for none longer than so many seconds."""
    results: dict[str, list[Finding]] = {name: [] for name in groups}
    calls = {name: partial(_fill, results[name], name, check, here) for name, check in groups.items()}
    for name, came_back in side_by_side(calls, patience).items():
        if not came_back:
            advice = "a file system or a scheduler does not answer: try its programs by hand"
            results[name] = [*results[name], warn(name, f"not done within {patience:.0f} s", advice)]
    return [finding for name in groups for finding in results[name]]


def _fill(found: list[Finding], name: str, check: Check, here: Here) -> None:
    try:
        found.extend(check(here))
    except Exception as error:  # noqa: BLE001  one check that breaks must not hide what the others found
        found.append(fail(name, f"the check itself failed: {type(error).__name__}: {error}", "please report this"))


def lines(found: Sequence[Finding], colour: bool = False) -> Iterator[str]:
    """Yield a line a finding: how bad, what, how it is, and what to do."""
    width = max(len(each.what) for each in found)
    for each in found:
        level = f"{each.level:<5}"
        shown = f"\x1b[{_COLOURS[each.level]}m{level}\x1b[0m" if colour else level
        advice = f"  -> {each.advice}" if each.advice else ""
        yield f"{shown} {one_line(f'{each.what:<{width}}  {each.found}{advice}')}"
