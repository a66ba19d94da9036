"""Slurm's partitions, accounts and resources for this user, and the settings that runs depend on."""

import getpass
import re
from typing import List, Optional

from .base import Note, Scheduler, Site, parse_gres
from .transport import SchedulerError

_NOT_UP = ("down", "drain", "fail", "maint", "unk", "inval", "reboot", "no_respond", "*")
_DATABASE = re.compile(r"^AccountingStorageType\s*= \S*/slurmdbd", re.MULTILINE)
MEMORY = 60  # seconds for which Slurm should keep ended jobs, since it is queried every 30 s


def site(slurm: Scheduler, timeout: float) -> Site:
    """Return the partitions, accounts and generic resources of a Slurm."""
    output = slurm.ask("sinfo", "--noheader", "--Node", "--format=%R %T %n %G", timeout=timeout)
    nodes = [line.split() for line in output.splitlines()]
    values = {
        "slurm_partition": list(dict.fromkeys(node[0] for node in nodes)),
        "gres": sorted({name for node in nodes for name in gres_names(node[3])}),
    }
    accounts = load_accounts(slurm, timeout)
    if accounts:
        values["slurm_account"] = accounts
    reason = "this Slurm keeps no accounts, and the executor checks slurm_account before it submits: leave it out"
    return Site(
        values,
        frozenset(node[2] for node in nodes),
        not any(mark in node[1] for node in nodes for mark in _NOT_UP),
        {"slurm_account": reason} if accounts is None else {},
    )


def gres_names(text: str) -> List[str]:
    """Return the names of a node's generic resources, with and without their type.

    >>> gres_names("gpu:a100:4(S:0-1),shard:8")
    ['gpu:a100', 'gpu', 'shard']
    """
    names: List[str] = []
    for kind, model, _ in parse_gres("" if text == "(null)" else text):
        names += [f"{kind}:{model}", kind] if model else [kind]
    return names


def load_accounts(slurm: Scheduler, timeout: float) -> Optional[List[str]]:
    """Return the accounts that this user may charge, None if Slurm has no accounting."""
    query = ("show", "associations", f"user={getpass.getuser()}", "format=account")
    try:
        return sorted(set(slurm.ask("sacctmgr", "--noheader", "--parsable2", *query, timeout=timeout).split()))
    except SchedulerError:
        return None


def notes(slurm: Scheduler, timeout: float) -> List[Note]:
    """Return notes on settings that runs depend on: accounting, and how long Slurm keeps ended jobs."""
    try:
        settings = slurm.ask("scontrol", "show", "config", timeout=timeout)
    except SchedulerError as error:
        return [Note("warn", "slurm settings", f"cannot be read: {error}", "nothing, if runs go well")]
    return [accounting_note(load_accounts(slurm, timeout), settings), *settings_notes(settings)]


def accounting_note(accounts: Optional[List[str]], settings: str) -> Note:
    """Return a note on Slurm's accounting."""
    topic = "slurm accounting"
    if accounts is None and _DATABASE.search(settings):
        advice = "jobs run all the same; ask who runs the cluster for slurmdbd"
        return Note("warn", topic, "on, and its database does not answer", advice)
    if accounts is None:
        return Note("ok", topic, "off: jobs are looked up by squeue; leave out slurm_account")
    if not accounts:
        advice = "ask for an account, and name it: resources: {slurm_account: ...} in machines.yaml"
        return Note("warn", topic, "on, and you have no account", advice)
    return Note("ok", topic, f"on, your accounts: {', '.join(accounts)}")


def settings_notes(settings: str) -> List[Note]:
    """Return notes on how long Slurm keeps ended jobs, and how many jobs it accepts."""
    values = dict(re.findall(r"^(\w+)\s*= (\d+)", settings, re.MULTILINE))
    age, queue, array = (int(values.get(name, 0)) for name in ("MinJobAge", "MaxJobCount", "MaxArraySize"))
    if 0 < age < MEMORY:
        text = f"MinJobAge is {age} s: a job's end may be forgotten before it is seen"
        return [
            Note("warn", "slurm settings", text, f"ask for MinJobAge={MEMORY} or more; its record counts all the same")
        ]
    return [Note("ok", "slurm settings", f"MinJobAge {age} s, MaxJobCount {queue}, MaxArraySize {array}")]
