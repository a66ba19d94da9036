"""Resources of experiments that ``fairmesh estimate --write`` estimated: ``config/resources/<study>.yaml``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from fairmesh.printing import count_text
from fairmesh.project import MACHINES, RESOURCES, own_or_installed
from fairmesh.schema import load_yaml
from fairmesh.schema.model import Count, Model, SafeName, load_model, meaning
from fairmesh.study.machines import Machine, load_machines
from fairmesh.study.plan import Experiment, Plan
from fairmesh.study.values import GPU

NAMES = ("runtime", "mem_mb")


class Resources(Model):
    """The estimated resources of an experiment."""

    runtime: Annotated[Count | None, meaning("The time after which the job is ended, in minutes.", 20)] = None
    mem_mb: Annotated[Count | None, meaning("Memory of the job on each node, in MB.", 1200)] = None

    @property
    def known(self) -> dict[str, int]:
        """The resources that are set."""
        return {name: value for name in NAMES if (value := getattr(self, name)) is not None}


class EstimatedResources(Model):
    """The estimated resources of a study's experiments."""

    study: Annotated[SafeName, meaning("Name of the study.")]
    lower: Annotated[bool, meaning("Whether the estimate also counts where study and application request more.")] = (
        False
    )
    experiments: Annotated[
        dict[SafeName, dict[str, Resources]], meaning("Resources by machine and by the id of the experiment.")
    ]


@dataclass(frozen=True)
class Changes:
    """How estimated resources differ from the requested ones: the number of experiments by resource.

    Parameters
    ----------
    raised, set, lowered, kept : int
        Resources that are higher than requested, or not requested; lower than requested; and those that stay as
        requested because the estimate is lower.
    """

    raised: int = 0
    set: int = 0
    lowered: int = 0
    kept: int = 0

    @property
    def words(self) -> str:
        """The numbers as text."""
        counts = {"raised": self.raised, "set": self.set, "lowered": self.lowered, "kept as requested": self.kept}
        return ", ".join(f"{word} for {count_text(count, 'experiment')}" for word, count in counts.items() if count)


def resources_file(study: str, root: Path) -> Path:
    """Return the file of a study's estimated resources."""
    return root / RESOURCES / f"{study}.yaml"


def apply_estimates(plan: Plan, root: Path) -> Plan:
    """Return a plan with the estimated resources of its study, and a warning that says so.

    Parameters
    ----------
    plan : Plan
        The plan with all experiments.
    root : Path
        The folder with ``config``.

    Raises
    ------
    InputError
        With all mistakes of the file.
    """
    path = resources_file(plan.study, root)
    if not path.is_file():
        return plan
    content = load_model(EstimatedResources, load_yaml(path), path)
    if content.study != plan.study:
        return plan
    machines = load_machines(own_or_installed(root, MACHINES))
    experiments = [changed(experiment, content, machines) for experiment in plan.experiments]
    by_name = {experiment.name: experiment for experiment in plan.experiments}
    warnings = [
        f"{path}: {name} is {changes.words}, from an estimate"
        for name, changes in count_changes(by_name, content, machines).items()
        if changes.raised or changes.set or changes.lowered
    ]
    return replace(plan, experiments=experiments, selected=experiments, warnings=[*plan.warnings, *warnings])


def changed(experiment: Experiment, content: EstimatedResources, machines: Mapping[str, Machine]) -> Experiment:
    """Return an experiment with its estimated resources."""
    estimated = content.experiments.get(experiment.machine, {}).get(experiment.id)
    if estimated is None:
        return experiment
    machine = machines.get(experiment.machine)
    values = {
        name: value
        for name, value in estimated.known.items()
        if change_of(experiment, machine, name, value, content.lower) in {"raised", "set", "lowered"}
    }
    return replace(experiment, resources={**experiment.resources, **values})


def change_of(experiment: Experiment, machine: Machine | None, name: str, value: int, lower: bool) -> str:
    """Return what an estimated resource changes: ``raised``, ``set``, ``lowered``, ``kept``, or empty for nothing."""
    before = _requested(experiment, machine, name)
    if name in experiment.axes or before == value:
        return ""
    if not isinstance(before, int):
        return "set"
    return "raised" if value > before else "lowered" if lower else "kept"


def _requested(experiment: Experiment, machine: Machine | None, name: str) -> Any:
    """Return what an experiment requests itself, or what its machine or GPU adds."""
    usual: dict[str, Any] = {}
    if machine:
        usual = {**machine.resources, **machine.gpus.get(str(experiment.axes.get(GPU)), {})}
    return experiment.resources.get(name, usual.get(name))


def count_changes(
    experiments: Mapping[tuple[str, str], Experiment], content: EstimatedResources, machines: Mapping[str, Machine]
) -> dict[str, Changes]:
    """Return the changes of each resource.

    Parameters
    ----------
    experiments : mapping of (str, str) to Experiment
        The experiments as the study requests them, by machine and id.
    content : EstimatedResources
        The estimated resources.
    machines : mapping of str to Machine
        The machines by name.
    """
    counts: dict[str, Counter[str]] = {name: Counter() for name in NAMES}
    for machine, by_id in content.experiments.items():
        for identity, resources in by_id.items():
            experiment = experiments.get((machine, identity))
            if experiment is None:
                continue
            for name, value in resources.known.items():
                counts[name][change_of(experiment, machines.get(machine), name, value, content.lower)] += 1
    return {name: Changes(**{kind: number for kind, number in count.items() if kind}) for name, count in counts.items()}
