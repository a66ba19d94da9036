"""Which experiments and stages a person means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.expressions.conditions import Condition
from fairmesh.runner.protocol import STATES
from fairmesh.status.model import JobStatus, StudyStatus

SHOWN = 5  # names in a message


@dataclass(frozen=True)
class JobSelection:
    """What is meant: what is named, and of that what is in a state and fulfils an expression; all if nothing is said.

    Parameters
    ----------
    names : sequence of str
        Ids, keys, or beginnings of one that fit one experiment or stage alone. An id means it on every machine.
    where : str
        An expression over parameters, axes and resources, as in a study's ``exclude``; also over ``state``, ``host``,
        ``machine``, ``attempt`` and ``progress``.
    states : sequence of str
        States.
    """

    names: Sequence[str] = ()
    where: str = ""
    states: Sequence[str] = ()

    @property
    def is_everything(self) -> bool:
        """Whether nothing was said, so that all are meant."""
        return not (self.names or self.where or self.states)

    def of(self, status: StudyStatus) -> list[JobStatus]:
        """Return what is meant, in the order of the plan; stages only where they are named.

        Raises
        ------
        InputError
            With all names that are not known or fit several, or if the expression is none.
        """
        found = _named(self.names, status) if self.names else list(status.experiments)
        unknown = [each for each in self.states if each not in STATES]
        if unknown:
            raise InputError(
                Problem(f"unknown state {each!r}", "", ", ".join(STATES), nearest(each, STATES)) for each in unknown
            )
        test = _test(self.where, status) if self.where else lambda _: True
        return [each for each in found if (not self.states or each.state in self.states) and test(each)]


def _named(names: Iterable[str], status: StudyStatus) -> list[JobStatus]:
    jobs = status.jobs
    wanted: set[int] = set()
    problems = []
    for name in dict.fromkeys(names):
        fitting = [at for at, each in enumerate(jobs) if name in {each.id, each.key, each.name}]
        fitting = fitting or _beginning(name, jobs)
        if len({jobs[at].id for at in fitting}) == 1:
            wanted.update(fitting)
        elif fitting:
            several = ", ".join(jobs[at].id for at in fitting[:SHOWN]) + (", ..." if len(fitting) > SHOWN else "")
            problems.append(Problem(f"{name!r} fits {len(fitting)}: {several}"))
        else:
            problems.append(_unknown(name, status))
    if problems:
        raise InputError(problems)
    return [each for at, each in enumerate(jobs) if at in wanted]


def _beginning(name: str, jobs: Sequence[JobStatus]) -> list[int]:
    return [at for at, each in enumerate(jobs) if name and (each.id.startswith(name) or each.key.startswith(name))]


def _unknown(name: str, status: StudyStatus) -> Problem:
    near = nearest(name, [each.id for each in status.jobs])
    return Problem(f"study {status.study} has no experiment or stage {name!r}", near=near)


def _test(where: str, status: StudyStatus) -> Callable[[JobStatus], bool]:
    """Make the test that an expression is; a name that an experiment lacks has no value there."""
    condition = Condition.parse(where, (name for each in status.experiments for name in each.values), status.study)
    return lambda job: condition(job.values)
