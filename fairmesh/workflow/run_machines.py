"""The machines of a run: which way the experiments of each one are started."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from fairmesh.errors import InputError, Problem
from fairmesh.study import Plan
from fairmesh.study.machines import Machine


class Way(Enum):
    """How the jobs of a machine are started."""

    EXECUTOR = "by the executor of the profile"
    HERE = "on this computer, beside the executor of the profile"
    DISPATCHER = "by the dispatcher, on another computer"


@dataclass(frozen=True)
class RunMachines:
    """The machines of a run.

    Parameters
    ----------
    file : Path
        The file of machines.
    by_name : mapping of str to Machine
        All machines.
    own : str
        The machine of the profile.
    """

    file: Path
    by_name: Mapping[str, Machine]
    own: str

    def __getitem__(self, name: str) -> Machine:
        return self.by_name[name]

    def way(self, name: str) -> Way:
        """Return how the jobs of a machine are started."""
        machine = self.by_name[name]
        if machine.is_remote:
            return Way.DISPATCHER
        is_elsewhere = name != self.own and self.by_name[self.own].kind == "profile"
        return Way.HERE if is_elsewhere else Way.EXECUTOR

    def is_remote(self, name: str) -> bool:
        """Return whether the dispatcher starts the jobs of a machine."""
        return self.way(name) is Way.DISPATCHER

    def check(self, plan: Plan, profiles: Mapping[str, str]) -> None:
        """Check that this run can start jobs on all machines of a plan.

        Parameters
        ----------
        plan : Plan
            The plan, of which the selected experiments count.
        profiles : mapping of str to str
            The machine of each profile.

        Raises
        ------
        InputError
            If only another profile can.
        """
        used = {experiment.machine for experiment in plan.selected}
        used |= {plan.machine_of(stage) for stage in plan.needed_stages(plan.selected)}
        others = sorted(name for name in used if name != self.own and self.by_name[name].kind == "profile")
        if others:
            raise InputError(self._problem(name, plan.source, profiles) for name in others)

    def _problem(self, name: str, source: Path, profiles: Mapping[str, str]) -> Problem:
        fitting = [profile for profile, machine in profiles.items() if machine == name]
        way = f"use --profile profiles/{fitting[0]}" if fitting else "no profile is for it"
        message = f"'machines': the profile of this run, for {self.own}, cannot start jobs on {name}; {way}"
        return Problem(message, str(source), f"--where 'machine != \"{name}\"' leaves them out")


def slot_resources(names: Iterable[str]) -> dict[str, str]:
    """Return the resource of Snakemake that counts the used slots of each machine.

    >>> slot_resources(["dgx", "a-b", "a.b"])
    {'dgx': 'machine_dgx', 'a-b': 'machine_a_b', 'a.b': 'machine_a_b_2'}
    """
    resources: dict[str, str] = {}
    for name in names:
        plain = f"machine_{re.sub(r'[^A-Za-z0-9]', '_', name)}"
        candidates = itertools.chain([plain], (f"{plain}_{number}" for number in itertools.count(2)))
        resources[name] = next(candidate for candidate in candidates if candidate not in resources.values())
    return resources
