"""The target of a job for its rule, with folder, inputs and resources; and the handling of errors."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from fairmesh.errors import FairmeshError
from fairmesh.printing import print_lines


@contextmanager
def clear_errors() -> Iterator[None]:
    """End the process with an error's own message and exit status."""
    try:
        yield
    except FairmeshError as error:
        print_lines(error, file=sys.stderr, flush=True)
        sys.exit(error.exit_code)
    except OSError as error:  # a full disk, a folder without permission
        hint = "; `df -h` and `df -i` say whether bytes or files ran out" if error.errno == errno.ENOSPC else ""
        print_lines(": ".join(filter(None, (error.filename, error.strerror))) + hint, file=sys.stderr, flush=True)
        sys.exit(FairmeshError.exit_code)


class Wildcards(Protocol):
    """The wildcards of the rules."""

    study: str
    machine: str
    experiment: str
    stage: str


ResourceFunction = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a job for its rule.

    Parameters
    ----------
    kind, machine : str
        ``experiments`` or ``stages``, and the machine of the job.
    output : str
        The file that the rule declares.
    folder : str
        The job folder.
    fingerprint : str
        The fingerprint of the job.
    inputs : list of str
        The markers of the stages that it needs.
    resources : mapping
        The resources, under Snakemake's names.
    exclusive : bool
        Whether it has all cores of its machine.
    conda : str or None
        The file of its conda environment.
    """

    kind: str
    machine: str
    output: str
    folder: str
    fingerprint: str
    inputs: list[str]
    resources: Mapping[str, Any]
    exclusive: bool
    conda: str | None

    def threads(self, exclusive: int) -> int:
        """Return the requested number of threads; ``exclusive`` is the default of an exclusive job."""
        return int(self.resources.get("threads", exclusive if self.exclusive else 1))


def resource_functions(
    names: Iterable[str], find: Callable[[Wildcards], Target], usual: Mapping[str, Any]
) -> dict[str, ResourceFunction]:
    """Return Snakemake's functions of resources.

    Parameters
    ----------
    names : iterable of str
        The resources that any job names.
    find : callable
        Returns the target for a job's wildcards.
    usual : mapping
        The default resources of profile and command line, which Snakemake ignores if there is a function.
    """

    def function(name: str) -> ResourceFunction:
        default = usual.get(name)
        if default is not None and default.is_evaluable():
            return _or_computed(name, find, default)
        value = None if default is None else default.value
        return lambda wildcards: find(wildcards).resources.get(name, value)

    return {_unsized(name): function(name) for name in names}


def _or_computed(name: str, find: Callable[[Wildcards], Target], default: Any) -> ResourceFunction:
    # Snakemake passes these arguments by name.
    def function(wildcards: Wildcards, input: Any, attempt: int, threads: int, rulename: str) -> Any:  # noqa: A002
        resources = find(wildcards).resources
        if name in resources:
            return resources[name]
        return default.evaluate(wildcards, input=input, attempt=attempt, threads=threads, rulename=rulename).value

    return function


def _unsized(name: str) -> str:
    """Return the name under which Snakemake accepts None from a function: ``mem`` for ``mem_mb``.

    Numbers mean MB under both names. A function for ``mem_mb`` must return a number.
    """
    return name.removesuffix("_mb") if name in {"mem_mb", "disk_mb"} else name
