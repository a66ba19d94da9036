"""Where the experiments of a study run: on each of several machines, on any of them, or on that of the profile."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from fairmesh.errors import InputError, Problem, nearest, place
from fairmesh.names import experiment_key
from fairmesh.project import MACHINES, own_or_installed
from fairmesh.schema import Node
from fairmesh.study.application import Application
from fairmesh.study.machines import Machine, load_machines
from fairmesh.study.plan import Experiment
from fairmesh.study.studyfile import Machines

HasResult = Callable[[str, str, str, str], bool]
"""Returns whether a machine has the result of an experiment, or is at it: study, machine, id, fingerprint."""


KEY = "machines"


@dataclass(frozen=True)
class Placement:
    """The machines of a study's experiments.

    Parameters
    ----------
    machines : dict of str to float
        The machines, each with its share.
    is_each : bool
        Whether every experiment runs on all of them, or each on one.
    stages : dict of str to str
        The machine of each shared stage that has its own.
    """

    machines: Mapping[str, float]
    is_each: bool = True
    stages: Mapping[str, str] = field(default_factory=dict)

    @property
    def copies(self) -> int:
        """How often each point is an experiment."""
        return len(self.machines) if self.is_each else 1

    def used(self, experiments: Iterable[Experiment]) -> list[str]:
        """Return the machines that experiments are on, in the order of the study."""
        used = {experiment.machine for experiment in experiments}
        return [machine for machine in self.machines if machine in used]

    def place(self, experiment: Experiment, has_result: HasResult | None = None) -> Iterator[Experiment]:
        """Yield an experiment on its machines.

        Parameters
        ----------
        experiment : Experiment
            The experiment on any machine.
        has_result : callable, optional
            An experiment that can choose stays where it has a result.
        """
        names = list(self.machines) if self.is_each else [self._choose(experiment, has_result)]
        yield from (_on(name, experiment) for name in names)

    def _choose(self, experiment: Experiment, has_result: HasResult | None) -> str:
        if has_result:
            study, identity, fingerprint = experiment.study, experiment.id, experiment.fingerprint
            for machine in self.machines:
                if has_result(study, machine, identity, fingerprint):
                    return machine
        return choose_machine(f"{experiment.study}/{experiment.id}", self.machines)


def _on(machine: str, experiment: Experiment) -> Experiment:
    if experiment.machine == machine:
        return experiment
    return replace(experiment, machine=machine, key=experiment_key(experiment.study, machine, experiment.id))


def choose_machine(name: str, shares: Mapping[str, float]) -> str:
    """Return the machine of an experiment by weighted rendezvous hashing.

    Only the name matters. A machine that is added takes its share from the others, and nothing else moves.

    >>> choose_machine("quick/epochs=1", {"local": 1, "dgx": 4})
    'dgx'
    """
    return max(shares, key=lambda machine: (shares[machine] / -math.log(_uniform(f"{name} {machine}")), machine))


def _uniform(text: str) -> float:
    """Return a number between 0 and 1, both excluded, that only the text determines."""
    digits = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
    return (digits + 0.5) / (1 << 48)


class PlacementReader:
    """Reads the machines of a study file.

    Parameters
    ----------
    path, root : Path
        The study file, and the folder of ``config/machines.yaml``.
    application : Application
        The application, with its stages.
    """

    def __init__(self, path: Path, root: Path, application: Application) -> None:
        self._path, self._root, self._application = path, root, application

    def read(self, content: Machines, node: Node, machine: str) -> Placement:
        """Return the machines; that of the profile if the study names none.

        Raises
        ------
        InputError
            With all mistakes.
        """
        known = load_machines(self._file)
        problems = [*self._key_problems(content, node), *self._problems(node, known)]
        if problems:
            raise InputError(problems)
        names = content.each or content.any
        shares = {name: known[name].capacity for name in names} if names else {machine: 1}
        return Placement(shares, content.any is None, content.stages)

    @property
    def _file(self) -> Path:
        return own_or_installed(self._root, MACHINES)

    def _key_problems(self, content: Machines, node: Node) -> Iterator[Problem]:
        if content.each and content.any:
            message = f"'{KEY}' has both 'each' and 'any'; write one of them"
            yield Problem(message, node.key_place(self._path, "any"))
        if not (content.each or content.any or content.stages):
            message = f"'{KEY}' names no machine; leave it out to run on the machine of the profile"
            yield Problem(message, node.place(self._path), ", ".join(Machines.model_fields))

    def _problems(self, node: Node, known: Mapping[str, Machine]) -> Iterator[Problem]:
        """Yield the unknown machines and stages."""
        for key in ("each", "any"):
            for index, member in enumerate(node.entries.get(key, Node([])).members):
                yield from self._machine_problem(f"{KEY}.{key}[{index}]", member, known)
        stages = node.entries.get("stages", Node({}))
        shared = self._application.shared_stages
        for stage, member in stages.entries.items():
            yield from self._machine_problem(f"{KEY}.stages.{stage}", member, known)
            if stage not in shared:
                message = f"'{KEY}.stages': {self._application.name} has no shared stage {stage!r}"
                where = stages.key_place(self._path, stage)
                yield Problem(message, where, ", ".join(shared), nearest(stage, shared))

    def _machine_problem(self, key: str, node: Node, known: Mapping[str, Machine]) -> Iterator[Problem]:
        name = node.text or str(node.value)
        if name not in known:
            message = f"{key!r}: {place(self._file)} names no machine {name!r}"
            yield Problem(message, node.place(self._path), ", ".join(known), nearest(name, known))
