"""What a Slurm has to offer: its partitions, the accounts of this user, and whether all of its nodes are up."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fairmesh.errors import FairmeshError
from fairmesh.user import user

ANSWER = 30.0  # seconds
_NODES = "%R %T %n %G"
_NOT_UP = ("down", "drain", "fail", "maint", "unk", "inval", "reboot", "no_respond", "*")


@dataclass(frozen=True)
class SlurmSite:
    """A Slurm as this user sees it.

    Parameters
    ----------
    partitions : list of str
        By name.
    accounts : list of str or None
        That this user may charge; None where Slurm keeps no accounts.
    all_up : bool
        Whether every node could take a job.
    hosts : frozenset of str
        The computers that its nodes are.
    gres : frozenset of str
        The kinds of generic resources that they have: ``gpu``, ``gpu:a100``.
    """

    partitions: list[str]
    accounts: list[str] | None
    all_up: bool
    hosts: frozenset[str] = frozenset()
    gres: frozenset[str] = frozenset()


def look(patience: float = ANSWER) -> SlurmSite:
    """Ask Slurm what it has to offer.

    Parameters
    ----------
    patience : float
        Seconds for each of two answers.

    Raises
    ------
    FairmeshError
        If its controller does not answer.
    """
    lines = [line.split() for line in ask(patience, "sinfo", "--noheader", "--Node", f"--format={_NODES}").splitlines()]
    partitions = list(dict.fromkeys(line[0] for line in lines))
    all_up = not any(mark in line[1] for line in lines for mark in _NOT_UP)
    gres = {kind for line in lines for kind in _kinds(line[3])}
    return SlurmSite(partitions, _accounts(patience), all_up, frozenset(line[2] for line in lines), frozenset(gres))


def _kinds(gres: str) -> Iterator[str]:
    """Yield the kinds of generic resources of a node, a kind with a type also without it.

    >>> list(_kinds("gpu:a100:4(S:0-1),shard:8"))
    ['gpu:a100', 'gpu', 'shard']
    """
    for each in filter(None, re.sub(r"\([^()]*\)", "", gres).split(",")):
        name, *more = each.split(":")
        if more and not more[0].isdigit():
            yield f"{name}:{more[0]}"
        yield name


def is_on_local_disk(folder: Path) -> bool:
    """Return whether a folder is on a disk of this computer; False where nobody can tell."""
    return file_system(folder) in _LOCAL


def file_system(folder: Path) -> str:
    """Return the kind of file system that a folder is on; empty where nobody can tell."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    kinds = {fields[2]: fields[fields.index("-") + 1] for fields in map(str.split, lines)}
    device = folder.resolve().stat().st_dev
    return kinds.get(f"{os.major(device)}:{os.minor(device)}", "")


_LOCAL = ("ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "overlay")


def _accounts(patience: float) -> list[str] | None:
    query = ("show", "associations", f"user={user()}", "format=account")
    try:
        text = ask(patience, "sacctmgr", "--noheader", "--parsable2", *query)
    except FairmeshError:
        return None
    return sorted(set(text.split()))


def ask(patience: float, *command: str) -> str:
    """Return what one of Slurm's programs says.

    Raises
    ------
    FairmeshError
        If it says nothing within so many seconds, or only complains.
    """
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace", timeout=patience)
    except OSError as error:
        raise FairmeshError(f"{command[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired:
        raise FairmeshError(f"Slurm's controller does not answer, not within {patience:.0f} s") from None
    if done.returncode:
        words = "; ".join(line.strip() for line in done.stderr.splitlines()) or f"status {done.returncode}"
        raise FairmeshError(f"Slurm's controller does not answer: {words}")
    return done.stdout
