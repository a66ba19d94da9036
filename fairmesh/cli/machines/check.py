"""``fairmesh machines check``: connect to machines, show what they have, and suggest fixes."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fairmesh.cli import options
from fairmesh.cli.doctor import rented
from fairmesh.cli.doctor.base import FAIL, Finding, fail, ok, side_by_side
from fairmesh.cli.doctor.report import lines
from fairmesh.cli.machines import findings
from fairmesh.cli.machines.choice import choose
from fairmesh.cli.machines.facts import Facts
from fairmesh.cli.machines.findings import ClockOffset
from fairmesh.errors import FairmeshError
from fairmesh.jobs.paths import StudyPaths
from fairmesh.machines.leaks import Leaks
from fairmesh.machines.process import ProcessTransport
from fairmesh.machines.registry import computers
from fairmesh.machines.ssh import SshTransport
from fairmesh.machines.ssh_keys import try_login
from fairmesh.machines.transport import Transport
from fairmesh.printing import count_text, print_json, print_lines
from fairmesh.project import results_folder
from fairmesh.study.machines import Machine

PATIENCE = 120.0  # seconds for all machines
CALLS = 5  # calls that measure the way there and back


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("names", metavar="MACHINE", nargs="*", help="machines in config/machines.yaml (all)")
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print what the machines have; return 1 if something cannot work."""
    project = options.project(arguments)
    machines = choose(project, arguments.names)
    reports = {name: Report(name, machine, project) for name, machine in machines.items()}
    finished = side_by_side({name: report.fill for name, report in reports.items()}, PATIENCE)
    for name, is_finished in finished.items():
        if not is_finished:
            reports[name].findings.append(fail("connection", f"not done within {PATIENCE:.0f} s", "try it with ssh"))
    if arguments.json:
        print_json([report.as_map() for report in reports.values()])
    else:
        print_lines("\n\n".join(report.as_text(sys.stdout.isatty()) for report in reports.values()))
    return 1 if any(report.is_bad for report in reports.values()) else 0


class Report:
    """What a check of a machine finds.

    Parameters
    ----------
    name : str
        The name of the machine.
    machine : Machine
        Its settings.
    project : Path
        The project folder.
    """

    def __init__(self, name: str, machine: Machine, project: Path) -> None:
        self.name, self.machine, self.project = name, machine, project
        self.findings: list[Finding] = []
        self.facts: Mapping[str, Any] = {}

    @property
    def is_bad(self) -> bool:
        """Whether something cannot work."""
        return any(finding.level == FAIL for finding in self.findings)

    def fill(self) -> None:
        """Connect to the computers of the machine, and check each."""
        try:
            self.findings.extend(self._of_kind())
        except FairmeshError as error:
            self.findings.append(fail("connection", str(error), ""))
        except Exception as error:  # noqa: BLE001  a failing check must not hide those of other machines
            text = f"the check itself failed: {type(error).__name__}: {error}"
            self.findings.append(fail("connection", text, "please report this"))

    def _of_kind(self) -> Iterator[Finding]:
        if self.machine.kind == "profile":
            yield ok("executor", "Snakemake runs its jobs; `fairmesh doctor --profile PROFILE` checks its scheduler")
        elif self.machine.kind == "ssh":
            yield from self._of_computers()
        elif self.machine.is_remote:
            leaks = Leaks({self.name: self.machine}, results_folder(self.project), self.project)
            yield from rented.findings(leaks.survey(self.name))
        else:
            yield from self._of_computer(ProcessTransport(results_folder(self.project)))

    def _of_computers(self) -> Iterator[Finding]:
        paths = StudyPaths(results_folder(self.project), "check")
        machine = computers(self.name, self.machine, paths, self.project)
        try:
            for computer in machine.ready(0):
                yield from self._of_computer(computer.transport)
        finally:
            machine.close()

    def _of_computer(self, transport: Transport) -> Iterator[Finding]:
        begun = time.monotonic()
        self.facts = transport.call({"verb": "hello"})
        first = time.monotonic() - begun
        offset, fastest = measure_clock(transport)
        if isinstance(transport, SshTransport):
            yield ok("connection", f"first answer after {first:.2f} s, then {fastest:.3f} s a call")
            yield from host_key(transport)
        yield from findings.checks(self.machine, Facts(self.facts))
        if isinstance(transport, SshTransport):
            yield findings.clock(offset)

    def as_map(self) -> dict[str, Any]:
        """Return the report as JSON."""
        found = [finding._asdict() for finding in self.findings]
        return {"machine": self.name, "kind": self.machine.kind, "facts": dict(self.facts), "findings": found}

    def as_text(self, color: bool) -> str:
        """Return the report as lines below the name of the machine."""
        return "\n".join([f"{self.name} ({self.machine.host or self.machine.kind})", *lines(self.findings, color)])


def host_key(transport: SshTransport) -> Iterator[Finding]:
    """Show the host key and the text of the login shell, as a new connection finds them."""
    try:
        login = try_login(transport.ssh, transport.target)
    except FairmeshError:  # the connection that is open was made by hand
        yield ok("host key", "accepted by the connection that is open; a new one is not possible without you")
        return
    yield ok("host key", login.key)
    if printed := len(login.printed.splitlines()):
        yield ok("login shell", f"prints {count_text(printed, 'line')}, which fairmesh skips")


def measure_clock(transport: Transport) -> tuple[ClockOffset, float]:
    """Return the difference of the clocks by the fastest of some calls, and its time in seconds."""
    samples = sorted((_sample(transport) for _ in range(CALLS)), key=lambda sample: sample[1])
    offset, fastest = samples[0]
    return ClockOffset(offset, fastest / 2), fastest


def _sample(transport: Transport) -> tuple[float, float]:
    begun, clock = time.monotonic(), time.time()
    answer = Facts(transport.call({"verb": "clock"}))
    passed = time.monotonic() - begun
    return answer.number("clock") - (clock + passed / 2), passed
