"""Slurm's limits on the number of a user's jobs in the queue, from its accounting."""

import getpass
import re
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from .base import QueueLimit, Scheduler
from .transport import SchedulerError

_ASSOCIATION = ("account", "partition", "maxsubmit", "grpsubmit", "defaultqos", "qos")
_QOS = ("name", "maxsubmitjobsperuser", "maxsubmitjobsperaccount", "grpsubmit")
_ENFORCED = re.compile(r"^AccountingStorageEnforce\s*=.*\b(?:limits|safe|all)\b", re.MULTILINE)
_ALL_USERS = re.compile(r"^MaxJobCount\s*= (\d+)", re.MULTILINE)
_SETTINGS = {
    "maxsubmit": "MaxSubmitJobs",
    "grpsubmit": "GrpSubmitJobs",
    "maxsubmitjobsperuser": "MaxSubmitJobsPerUser",
    "maxsubmitjobsperaccount": "MaxSubmitJobsPerAccount",
}
_Row = Mapping[str, str]


class Limits(NamedTuple):
    """The limits that may apply to a user.

    Parameters
    ----------
    associations, qos : sequence of mapping
        Rows of the accounting on the user's associations, and on each QOS, under Slurm's names.
    all_users : int
        The largest number of jobs in the queue; 0 if it is not known.
    """

    associations: Sequence[_Row] = ()
    qos: Sequence[_Row] = ()
    all_users: int = 0

    def lowest(self, jobs: Iterable[Mapping[str, Any]]) -> Optional[QueueLimit]:
        """Return the lowest limit that applies to jobs with these resources, None if there is none."""
        places = {tuple(str(job.get(key) or "") for key in ("slurm_account", "slurm_partition", "qos")) for job in jobs}
        limits = [limit for place in places for limit in self._of_place(*place)]
        if self.all_users:
            limits.append(QueueLimit(self.all_users, "MaxJobCount, of all users together"))
        return min(limits, default=None)

    def _of_place(self, account: str, partition: str, qos: str) -> Iterator[QueueLimit]:
        """Yield the limits for account, partition and QOS; without a name, only if Slurm's default is unambiguous."""
        rows = [row for row in self.associations if account in {"", row["account"]}]
        rows = [row for row in rows if row["partition"] in {"", *partition.split(",")}]
        for row in rows if len({row["account"] for row in rows}) == 1 else ():
            yield from _limits(row, f"account {row['account']}", ("maxsubmit", "grpsubmit"))
        names = {qos} if qos else {row["defaultqos"] or row["qos"] for row in rows}
        for row in self.qos if len(names) == 1 else ():
            if row["name"] in names:
                yield from _limits(row, f"QOS {row['name']}", _QOS[1:])


def _limits(row: _Row, place: str, names: Iterable[str]) -> Iterator[QueueLimit]:
    for name in names:
        if row[name].isdecimal():
            yield QueueLimit(int(row[name]), f"{_SETTINGS[name]} of {place}")


def load_limits(slurm: Scheduler, timeout: float) -> Limits:
    """Return the limits; none if Slurm has no accounting, or does not enforce limits."""
    try:
        settings = slurm.ask("scontrol", "show", "config", timeout=timeout)
        queue = _ALL_USERS.search(settings)
        all_users = int(queue.group(1)) if queue else 0
        if not _ENFORCED.search(settings):
            return Limits(all_users=all_users)
        associations = _rows(slurm, timeout, _ASSOCIATION, "associations", f"user={getpass.getuser()}")
        return Limits(associations, _rows(slurm, timeout, _QOS, "qos"), all_users)
    except (SchedulerError, KeyError):  # no such user, or no answer of the database: limits are not known
        return Limits()


def _rows(slurm: Scheduler, timeout: float, fields: Sequence[str], *query: str) -> List[Dict[str, str]]:
    command = ("sacctmgr", "--noheader", "--parsable2", "show", *query, f"format={','.join(fields)}")
    rows = (line.split("|") for line in slurm.ask(*command, timeout=timeout).splitlines())
    return [dict(zip(fields, row)) for row in rows if len(row) == len(fields)]
