"""The options of batch scripts, ``#SBATCH`` and ``#BSUB``, and the resources that they request."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil

LINE = re.compile(r"#(SBATCH|BSUB)\s+(\S.*)")
OURS = ("--job-name", "--output", "--error", "--chdir", "--exclusive", "-J", "-o", "-e", "-oo", "-eo", "-cwd", "-x")
"""Options that fairmesh sets itself: names of jobs and logs, folders, and whether a node is shared."""
EXCLUSIVE = ("--exclusive", "-x")

_SHORT = {
    "-A": "--account",
    "-c": "--cpus-per-task",
    "-C": "--constraint",
    "-D": "--chdir",
    "-e": "--error",
    "-G": "--gpus",
    "-J": "--job-name",
    "-M": "--clusters",
    "-n": "--ntasks",
    "-N": "--nodes",
    "-o": "--output",
    "-p": "--partition",
    "-q": "--qos",
    "-t": "--time",
}
_FLAGS = ("--exclusive", "--requeue", "--no-requeue", "--overcommit")
_SLURM = {
    "--account": "slurm_account",
    "--clusters": "clusters",
    "--constraint": "constraint",
    "--cpus-per-gpu": "cpus_per_gpu",
    "--cpus-per-task": "cpus_per_task",
    "--gres": "gres",
    "--gpus": "gres",
    "--mem": "mem_mb",
    "--mem-per-cpu": "mem_mb_per_cpu",
    "--nodes": "nodes",
    "--ntasks": "tasks",
    "--ntasks-per-gpu": "tasks_per_gpu",
    "--partition": "slurm_partition",
    "--qos": "qos",
    "--reservation": "reservation",
    "--time": "runtime",
    "--tmp": "disk_mb",
}
_LSF = {
    "-P": "lsf_project",
    "-q": "lsf_queue",
    "-W": "runtime",
    "-n": "tasks",
    "-M": "mem_mb",
    "-U": "reservation",
    "-gpu": "gres",
}


@dataclass(frozen=True)
class Option:
    """One option of a batch script.

    Parameters
    ----------
    scheduler : str
        ``SBATCH`` or ``BSUB``.
    name, value : str
        As for sbatch or bsub; names of sbatch in their long form.
    line : int
        The line of the script, from 1.
    """

    scheduler: str
    name: str
    value: str
    line: int

    @property
    def head(self) -> str:
        """The beginning of the line, up to the value."""
        joint = "=" if self.name.startswith("--") else " "
        return f"#{self.scheduler} {self.name}{joint if self.value else ''}"

    @property
    def resource(self) -> str:
        """The resource that it requests; empty if there is none."""
        return (_SLURM if self.scheduler == "SBATCH" else _LSF).get(self.name, "")


def read_options(text: str, line: int) -> Iterator[Option]:
    """Yield the options of one line.

    >>> [option.head + option.value for option in read_options("#SBATCH -c 4 --mem 64GB", 1)]
    ['#SBATCH --cpus-per-task=4', '#SBATCH --mem=64GB']
    """
    match = LINE.match(text)
    if not match:
        return
    try:
        words = shlex.split(match[2], comments=True)
    except ValueError:  # an unbalanced quote
        words = match[2].split()
    while words:
        yield _take_option(match[1], words, line)


def _take_option(scheduler: str, words: list[str], line: int) -> Option:
    """Remove an option with its value from the beginning of the words."""
    is_slurm = scheduler == "SBATCH"
    word = words.pop(0)
    name, equals, value = word.partition("=")
    if is_slurm and re.fullmatch(r"-[A-Za-z].+", word):
        name, value = word[:2], word[2:]
    elif not equals and words and not words[0].startswith("-") and not (is_slurm and name in _FLAGS):
        value = words.pop(0)
    return Option(scheduler, _SHORT.get(name, name) if is_slurm else name, value, line)


def convert(option: Option, value: str) -> int | str:
    """Return the value of an option, converted for its resource.

    Raises
    ------
    ValueError
        If the option cannot have that value.
    """
    if option.name in {"--gpus", "-gpu"}:
        return _gpus(value)
    if option.resource == "runtime":
        return minutes(value) if option.scheduler == "SBATCH" else lsf_minutes(value)
    return _CONVERT.get(option.resource, str)(value)


def minutes(text: str) -> int:
    """Return the minutes of Slurm's time limit, rounded up.

    Raises
    ------
    ValueError
        If the text is not a time limit.

    Examples
    --------
    >>> [minutes(text) for text in ("30", "1:30", "10:00:00", "2-12", "1-00:30")]
    [30, 2, 600, 3600, 1470]
    """
    match = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", text, re.ASCII)
    if not match or len(text) > 20:
        raise ValueError(f"is no time limit: {text!r}")
    days = match[1]
    numbers = [int(part) for part in match.groups()[1:] if part is not None]
    if days is not None:
        hours, mins, seconds = (*numbers, 0, 0)[:3]
    elif len(numbers) == 3:
        hours, mins, seconds = numbers
    else:
        hours, mins, seconds = 0, numbers[0], (*numbers, 0)[1]
    return (int(days or 0) * 24 + hours) * 60 + mins + ceil(seconds / 60)


def lsf_minutes(text: str) -> int:
    """Return the minutes of LSF's time limit, ``[hours:]minutes[/host]``.

    >>> lsf_minutes("2:30"), lsf_minutes("45")
    (150, 45)
    """
    match = re.fullmatch(r"(?:(\d{1,6}):)?(\d{1,6})", text.partition("/")[0], re.ASCII)
    if not match:
        raise ValueError(f"is no time limit: {text!r}")
    return int(match[1] or 0) * 60 + int(match[2])


def megabytes(text: str) -> int:
    """Return the megabytes, rounded up, of an amount of memory as Slurm writes it.

    >>> [megabytes(text) for text in ("64GB", "500", "2T", "100K")]
    [65536, 500, 2097152, 1]
    """
    match = re.fullmatch(r"(\d{1,15})([KMGT]?)B?", text.upper(), re.ASCII)
    if not match:
        raise ValueError(f"is no amount of memory: {text!r}")
    return ceil(int(match[1]) * {"K": 1 / 1024, "": 1, "M": 1, "G": 1024, "T": 1024**2}[match[2]])


def _gpus(text: str) -> str:
    """Return the value of Slurm's ``--gpus`` or LSF's ``-gpu`` in the form of ``gres``.

    >>> _gpus("2"), _gpus("a100:2"), _gpus("num=1:gmodel=v100")
    ('gpu:2', 'gpu:a100:2', 'gpu:v100:1')
    """
    if "=" not in text:
        return f"gpu:{text}"
    parts = dict(part.partition("=")[::2] for part in text.split(":"))
    return ":".join(filter(None, ("gpu", parts.get("gmodel", ""), parts.get("num", "1"))))


def _count(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise ValueError(f"is no number: {text!r}")
    return int(text)


_CONVERT: dict[str, Callable[[str], int | str]] = {
    **dict.fromkeys(("cpus_per_task", "cpus_per_gpu", "nodes", "tasks", "tasks_per_gpu"), _count),
    **dict.fromkeys(("mem_mb", "mem_mb_per_cpu", "disk_mb"), megabytes),
}
