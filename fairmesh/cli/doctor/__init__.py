"""``fairmesh doctor``: check installation, profile, cluster and disk, and suggest fixes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from fairmesh.cli import options
from fairmesh.cli.doctor import computer, installation, machines, rented, scheduler, storage
from fairmesh.cli.doctor.base import FAIL, OK, WARN, CheckedProject, Finding, fail, side_by_side, warn
from fairmesh.cli.doctor.report import lines
from fairmesh.printing import print_json

Check = Callable[[CheckedProject], Iterator[Finding]]

GROUPS: dict[str, Check] = {
    "installation": installation.checks,
    "settings": installation.settings_checks,
    "storage": storage.checks,
    "leftovers": storage.leftover_checks,
    "scheduler": scheduler.checks,
    "rented machines": rented.checks,
    "machines": machines.checks,
    "hardware": computer.hardware_checks,
    "service": computer.service_checks,
    "browser": computer.browser_checks,
}
PATIENCE, DEEP = 10.0, 300.0  # seconds in all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_profile(parser)
    parser.add_argument("--deep", action="store_true", help="also start TensorFlow and Chromium, which takes a minute")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print all findings; return 1 if a check fails."""
    folder = options.optional_project(arguments) or Path.cwd()
    project = CheckedProject.of(folder, arguments.profile, arguments.deep)
    findings = examine(project, GROUPS, DEEP if arguments.deep else PATIENCE)
    failures = sum(finding.level == FAIL for finding in findings)
    if arguments.json:
        counts = {level: sum(finding.level == level for finding in findings) for level in (OK, WARN, FAIL)}
        print_json(
            {"profile": str(project.profile), "counts": counts, "findings": [finding._asdict() for finding in findings]}
        )
    else:
        print("\n".join(lines(findings, sys.stdout.isatty())))
    return 1 if failures else 0


def examine(project: CheckedProject, groups: dict[str, Check], patience: float) -> list[Finding]:
    """Run all checks at the same time, each with a limit of ``patience`` seconds."""
    results: dict[str, list[Finding]] = {name: [] for name in groups}
    calls = {name: partial(_fill, results[name], name, check, project) for name, check in groups.items()}
    for name, has_ended in side_by_side(calls, patience).items():
        if not has_ended:
            advice = "a file system or a scheduler does not answer; try its programs by hand"
            results[name] = [*results[name], warn(name, f"not done within {patience:.0f} s", advice)]
    return [finding for name in groups for finding in results[name]]


def _fill(findings: list[Finding], name: str, check: Check, project: CheckedProject) -> None:
    try:
        findings.extend(check(project))
    except Exception as error:  # noqa: BLE001  a failing check must not hide the findings of others
        findings.append(fail(name, f"the check itself failed: {type(error).__name__}: {error}", "please report this"))
