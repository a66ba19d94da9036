"""Find and destroy instances that no run uses any more."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fairmesh.errors import FairmeshError
from fairmesh.jobs.lock import RunLock
from fairmesh.jobs.paths import StudyPaths
from fairmesh.machines.home import HOME_FILE, home_name
from fairmesh.machines.providers import Instance, Provider, ProviderError, make_provider
from fairmesh.machines.providers.base import HOME, MACHINE, STUDY
from fairmesh.machines.rentals import GONE, Journal
from fairmesh.study.machines import Machine

PATIENCE = 120.0  # seconds until the provider's list shows that instances are gone
PAUSE = 2.0  # seconds between two lists


@dataclass
class Survey:
    """What a machine's provider has.

    Parameters
    ----------
    name : str
        The machine's name.
    machine : Machine
        Its settings.
    unused : list of Instance
        Instances of this results folder that no run uses.
    used : list of Instance
        Those of studies that run now.
    others : list of Instance
        Instances that were made for other results folders.
    pending : list of str
        Tokens of requests that may still lead to an instance.
    is_list_proven : bool
        Whether the list has ever shown an instance that fairmesh created.
    problem : str
        Why the provider does not answer.
    """

    name: str
    machine: Machine
    unused: list[Instance] = field(default_factory=list)
    used: list[Instance] = field(default_factory=list)
    others: list[Instance] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    is_list_proven: bool = False
    problem: str = ""


class Leaks:
    """The rented machines of a project.

    Parameters
    ----------
    machines : mapping
        The machines by name; those that are not rented are left out.
    results : Path
        The results folder.
    project : Path
        The project folder.
    provider : callable
        Returns the provider of a machine.
    """

    def __init__(
        self,
        machines: Mapping[str, Machine],
        results: Path,
        project: Path,
        provider: Callable[[Machine, Path], Provider] | None = None,
    ) -> None:
        self._results, self._project = results, project
        self._machines = {name: machine for name, machine in machines.items() if machine.kind == "cloud"}
        self._make = provider or _provider
        self._home = home_name(results) if (results / HOME_FILE).exists() else ""

    @property
    def names(self) -> list[str]:
        """The names of the rented machines."""
        return list(self._machines)

    def survey(self, name: str) -> Survey:
        """Return what the provider of a machine has."""
        survey = Survey(name, self._machines[name])
        try:
            listed = self._make(survey.machine, self._project).instances({})
        except FairmeshError as error:
            survey.problem = str(error)
            return survey
        self._sort(survey, [instance for instance in listed if HOME in instance.tags])
        return survey

    def destroy(
        self, survey: Survey, instances: Iterable[Instance], patience: float = PATIENCE, pause: float = PAUSE
    ) -> list[Instance]:
        """Destroy instances, and wait until the provider's list shows them no more.

        Returns
        -------
        list of Instance
            Those that are still there.

        Raises
        ------
        ProviderError
            If the provider does not answer.
        """
        provider = self._make(survey.machine, self._project)
        instances = list(instances)
        left = instances
        deadline = time.monotonic() + patience
        while left:
            for instance in left:
                provider.destroy(instance.id)
            there = {instance.id for instance in provider.instances({}) if not instance.is_gone}
            left = [instance for instance in left if instance.id in there]
            if time.monotonic() > deadline:
                break
            if left:
                time.sleep(pause)
        self._note(survey, {instance.token for instance in left})
        return left

    def studies_in_use(self) -> set[str]:
        """Return the studies that are being run."""
        return {paths.study for paths in self._studies() if RunLock(paths.lock).is_held()}

    def _sort(self, survey: Survey, listed: list[Instance]) -> None:
        in_use = self.studies_in_use()
        survey.is_list_proven = bool(listed)
        for instance in listed:
            if instance.is_gone or instance.tags.get(MACHINE) != survey.name:
                continue
            if instance.tags[HOME] != self._home:
                survey.others.append(instance)
            elif instance.tags.get(STUDY, "") in in_use:
                survey.used.append(instance)
            else:
                survey.unused.append(instance)
        known = {instance.token for instance in listed}
        for journal in self._journals(survey.name):
            survey.is_list_proven |= journal.is_list_proven
            if journal.study not in in_use:
                survey.pending += [
                    rental.token for rental in journal.open() if rental.token not in known and not rental.is_seen
                ]

    def _studies(self) -> list[StudyPaths]:
        folders = self._results.glob("*/machines") if self._results.is_dir() else ()
        return [StudyPaths(self._results, folder.parent.name) for folder in sorted(folders)]

    def _journals(self, machine: str) -> list[Journal]:
        return [Journal(paths, machine) for paths in self._studies()]

    def _note(self, survey: Survey, left: set[str]) -> None:
        """Write into the journals what is gone: what the list has shown, and shows no more."""
        kept = left | {instance.token for instance in survey.used} | set(survey.pending)
        in_use = self.studies_in_use()
        for journal in self._journals(survey.name):
            for rental in journal.open():
                if journal.study not in in_use and rental.token not in kept:
                    journal.write(rental, state=GONE, ended=time.time(), reason="fairmesh machines down")


def _provider(machine: Machine, project: Path) -> Provider:
    if machine.provider is None:
        raise ProviderError("it has no provider")
    return make_provider(machine.provider, project)
