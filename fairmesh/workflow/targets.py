"""What the rules ask for: of a job, its folder, fingerprint, inputs and resources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Wildcards(Protocol):
    """The wildcards of the rules."""

    study: str
    machine: str
    experiment: str
    stage: str


ResourceFunction = Callable[[Wildcards], Any]


@dataclass(frozen=True, slots=True)
class Target:
    """A job as its rule sees it.

    Parameters
    ----------
    rule, output : str
        The rule, and the file that it declares.
    folder : str
        The job folder.
    fingerprint : str
        What it computes.
    inputs : list of str
        The markers of the stages that it needs.
    resources : mapping
        Under Snakemake's names.
    exclusive : bool
        Whether it has all cores of its machine.
    conda : str or None
        The file of its conda environment.
    """

    rule: str
    output: str
    folder: str
    fingerprint: str
    inputs: list[str]
    resources: Mapping[str, Any]
    exclusive: bool
    conda: str | None

    def threads(self, cores: int) -> int:
        """Give the number of threads on a machine with so many cores."""
        return int(self.resources.get("threads", cores if self.exclusive else 1))


def resource_functions(names: Iterable[str], find: Callable[[Wildcards], Target]) -> dict[str, ResourceFunction]:
    """Give Snakemake's functions of resources; a job that does not name one leaves it to the profile."""

    def function(name: str) -> ResourceFunction:
        return lambda wildcards: find(wildcards).resources.get(name)

    return {name: function(name) for name in names}


def marker_name(stage: str, fingerprint: str) -> str:
    """Give the name of a shared stage's folder and marker.

    >>> marker_name("scenes", "0123456789abcdef")
    'scenes-0123456789ab'
    """
    return f"{stage}-{fingerprint[:12]}"
