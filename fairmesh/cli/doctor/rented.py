"""Checks of rented machines: instances that no run uses cost money."""

from __future__ import annotations

from collections.abc import Iterator

from fairmesh.cli.doctor.base import CheckedProject, Finding, fail, ok, warn
from fairmesh.errors import InputError
from fairmesh.machines.leaks import Leaks, Survey
from fairmesh.printing import count_text
from fairmesh.project import MACHINES, own_or_installed
from fairmesh.study.machines import load_machines


def checks(project: CheckedProject) -> Iterator[Finding]:
    """Ask the provider of each rented machine what it has."""
    try:
        machines = load_machines(own_or_installed(project.folder, MACHINES))
    except (InputError, OSError):  # reported by another check
        return
    leaks = Leaks(machines, project.results, project.folder)
    for name in leaks.names:
        yield from findings(leaks.survey(name))


def findings(survey: Survey) -> Iterator[Finding]:
    """Yield what is to be said about one machine."""
    topic = f"rented {survey.name}"
    down = f"fairmesh machines down {survey.name}"
    if survey.problem:
        yield fail(topic, f"the provider does not answer: {survey.problem}", "check its console by hand")
        return
    if survey.unused:
        names = ", ".join(instance.id for instance in survey.unused)
        yield fail(topic, f"{count_text(len(survey.unused), 'instance')} that no run uses: {names}", down)
    if survey.pending:
        state = f"{count_text(len(survey.pending), 'request')} without an answer: an instance may still come up"
        yield warn(topic, state, f"in two minutes: {down}")
    for home in sorted({instance.tags["fairmesh-home"] for instance in survey.others}):
        names = ", ".join(instance.id for instance in survey.others if instance.tags["fairmesh-home"] == home)
        yield warn(topic, f"of another results folder: {names}", f"if it is yours: {down} --of {home}")
    if not survey.unused and not survey.pending:
        used = f"{count_text(len(survey.used), 'instance')} in use"
        yield ok(topic, used if survey.used else f"no instance in the list; {list_proof(survey)}")


def list_proof(survey: Survey) -> str:
    """Return whether an empty list of the provider can be trusted, in words."""
    if survey.is_list_proven:
        return "it has shown earlier ones, so it works"
    return "it has not shown one yet, which would prove that the list works"
