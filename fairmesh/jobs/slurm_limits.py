"""How many jobs Slurm lets a user have in its queue, as its accounting says; beyond that it refuses every one."""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from fairmesh.errors import FairmeshError
from fairmesh.jobs.slurm_site import ANSWER, ask

_ASSOCIATION = ("account", "partition", "maxsubmit", "grpsubmit", "defaultqos", "qos")
_QOS = ("name", "maxsubmitjobsperuser", "maxsubmitjobsperaccount", "grpsubmit")
_ENFORCED = re.compile(r"^AccountingStorageEnforce\s*=.*\b(?:limits|safe|all)\b", re.MULTILINE)
_ALL_USERS = re.compile(r"^MaxJobCount\s*= (\d+)", re.MULTILINE)


class QueueLimit(NamedTuple):
    """A number of jobs that may be in the queue, and what sets it."""

    jobs: int
    setting: str


@dataclass(frozen=True)
class QueueLimits:
    """The limits that may concern a user.

    Parameters
    ----------
    associations, qos : tuple of mapping
        What the accounting says of the user's associations, and of each QOS, under its own names.
    all_users : int
        How many jobs the queue has place for; 0 if that is not known.
    """

    associations: tuple[Mapping[str, str], ...] = ()
    qos: tuple[Mapping[str, str], ...] = ()
    all_users: int = 0

    def lowest(self, jobs: Iterable[Mapping[str, object]]) -> QueueLimit | None:
        """Return the lowest limit that concerns jobs with these resources; None if there is none."""
        places = {tuple(str(job.get(key) or "") for key in ("slurm_account", "slurm_partition", "qos")) for job in jobs}
        found = [limit for place in places for limit in self._of(*place)]
        if self.all_users:
            found.append(QueueLimit(self.all_users, "MaxJobCount, of all users together"))
        return min(found, default=None)

    def _of(self, account: str, partition: str, qos: str) -> Iterator[QueueLimit]:
        """Return the limits of one place; where a name is left out, what Slurm would take must be clear."""
        rows = [row for row in self.associations if account in {"", row["account"]}]
        rows = [row for row in rows if row["partition"] in {"", *partition.split(",")}]
        for row in rows if len({row["account"] for row in rows}) == 1 else ():
            yield from _limits(row, f"account {row['account']}", ("maxsubmit", "grpsubmit"))
        names = {qos} if qos else {row["defaultqos"] or row["qos"] for row in rows}
        for row in self.qos if len(names) == 1 else ():
            if row["name"] in names:
                yield from _limits(row, f"QOS {row['name']}", _QOS[1:])


_SETTINGS = {
    "maxsubmit": "MaxSubmitJobs",
    "grpsubmit": "GrpSubmitJobs",
    "maxsubmitjobsperuser": "MaxSubmitJobsPerUser",
    "maxsubmitjobsperaccount": "MaxSubmitJobsPerAccount",
}


def _limits(row: Mapping[str, str], place: str, names: Iterable[str]) -> Iterator[QueueLimit]:
    for name in names:
        if row[name].isdecimal():
            yield QueueLimit(int(row[name]), f"{_SETTINGS[name]} of {place}")


def look(patience: float = ANSWER) -> QueueLimits:
    """Ask Slurm for the limits; there are none where it keeps no accounts, or does not heed their limits."""
    try:
        settings = ask(patience, "scontrol", "show", "config")
        queue = _ALL_USERS.search(settings)
        all_users = int(queue[1]) if queue else 0
        if not _ENFORCED.search(settings):
            return QueueLimits(all_users=all_users)
        associations = _rows(patience, _ASSOCIATION, "associations", f"user={getpass.getuser()}")
        return QueueLimits(associations, _rows(patience, _QOS, "qos"), all_users)
    except (FairmeshError, KeyError):  # no such user, or its database is silent: then only a refusal tells
        return QueueLimits()


def _rows(patience: float, fields: tuple[str, ...], *query: str) -> tuple[Mapping[str, str], ...]:
    command = ("sacctmgr", "--noheader", "--parsable2", "show", *query, f"format={','.join(fields)}")
    lines = ask(patience, *command).splitlines()
    return tuple(
        dict(zip(fields, values, strict=True)) for line in lines if len(values := line.split("|")) == len(fields)
    )
