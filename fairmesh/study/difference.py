"""Compare the experiments of two plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairmesh.names import value_text
from fairmesh.study.plan import Experiment, Plan


@dataclass(frozen=True)
class PlanDifference:
    """The difference between two plans.

    Parameters
    ----------
    added, removed : list of str
        Ids of experiments, with their machines if there are several.
    changed : dict of str to str
        By id, the values that differ.
    same : int
        The number of experiments that are equal in both.
    """

    added: list[str]
    removed: list[str]
    changed: dict[str, str]
    same: int

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return dict(vars(self))


def compare_plans(old: Plan, new: Plan) -> PlanDifference:
    """Compare two plans by the ids and machines of their experiments."""
    has_machines = len({*old.machines, *new.machines}) > 1
    before, after = (
        {f"{entry.id} on {entry.machine}" if has_machines else entry.id: entry for entry in plan.experiments}
        for plan in (old, new)
    )
    both = [name for name in after if name in before]
    versions = (old.application.version, new.application.version)
    changed = {name: _change(before[name], after[name], versions) for name in both}
    changed = {name: what for name, what in changed.items() if what}
    return PlanDifference(
        added=[name for name in after if name not in before],
        removed=[name for name in before if name not in after],
        changed=changed,
        same=len(both) - len(changed),
    )


def _change(old: Experiment, new: Experiment, versions: tuple[str, str]) -> str:
    words = changed_values(old.parameters, new.parameters) + changed_values(old.resources, new.resources)
    if old.fingerprint != new.fingerprint:
        words += [f"version {versions[0]} → {versions[1]}"] if versions[0] != versions[1] else []
        words = words or ["a command, or a stage that it needs"]
    return ", ".join(words)


def changed_values(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the values that differ, as texts.

    >>> changed_values({"epochs": 1, "gpu": "a100"}, {"epochs": 2, "gpu": "a100", "lr": 0.1})
    ['epochs 1 → 2', 'lr (none) → 0.1']
    """
    return [
        f"{name} {_shown(old, name)} → {_shown(new, name)}"
        for name in dict.fromkeys([*old, *new])
        if name not in old or name not in new or value_text(old[name]) != value_text(new[name])
    ]


def _shown(values: Mapping[str, Any], name: str) -> str:
    return value_text(values[name]) if name in values else "(none)"
