"""What the scheduler knows of its jobs: one call of Slurm's ``squeue`` for many, and its word as a witness of claims.

No answer is never proof of anything. A number alone says nothing either: another cluster deals out the same ones.
"""

import os
import re
import shutil
import subprocess
import time
from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple

from . import allocation, protocol

PATIENCE = 10.0  # seconds for an answer
BRIEFLY = 3.0  # the same, where a person waits for it
FRESH = 5.0  # seconds that an answer counts, so that who waits does not flood the controller
REST = 30.0  # seconds until a scheduler that gave no answer is asked again
SILENCE = 900.0  # seconds without an answer after which nobody waits for one any more
ENDED = frozenset(
    [
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "LAUNCH_FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "TIMEOUT",
    ]
)
ENDS = {  # what its ends that are bad mean for what ran there
    "CANCELLED": protocol.CANCELLED,
    "TIMEOUT": protocol.TIMEOUT,
    "DEADLINE": protocol.TIMEOUT,
    "NODE_FAIL": protocol.LOST,
    "BOOT_FAIL": protocol.LOST,
    "PREEMPTED": protocol.LOST,
    "REVOKED": protocol.LOST,
    "FAILED": protocol.FAILED,
    "OUT_OF_MEMORY": protocol.FAILED,
}
_FIELDS = (
    ("JobID", 20),
    ("State", 24),
    ("RestartCnt", 8),
    ("TimeLimit", 16),
    ("Cluster", 64),
    ("Reason", 64),
    ("NodeList", 64),
    ("Name", 128),
    ("Comment", 512),
)
_FORMAT = ",".join(f"{name}:{width}" for name, width in _FIELDS)


class Job(NamedTuple):
    """A job as the scheduler describes it; ``restart`` counts how often it was put back into the queue."""

    id: str
    state: str
    reason: str
    node: str
    restart: int
    name: str
    comment: str
    cluster: str
    time_limit: Optional[float] = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it runs any more, and nothing will."""
        return self.state in ENDED


def is_here() -> bool:
    """Return whether there is a scheduler that can be asked from here."""
    return bool(shutil.which("squeue"))


def jobs(
    ids: Optional[Iterable[str]] = None, name: Optional[str] = None, patience: Optional[float] = None
) -> Optional[Dict[str, Job]]:
    """Ask for jobs by number, those that ended lately too.

    Parameters
    ----------
    ids : iterable of str, optional
        Only these, whoever's they are; without, all of this user.
    name : str, optional
        Only those of this name.
    patience : float, optional
        Seconds for the answer.

    Returns
    -------
    dict or None
        Job by number; None if there is no scheduler here, or it does not answer.
    """
    options = [f"--user={os.getuid()}"] if ids is None else []
    if ids is not None:
        ids = sorted(each for each in set(ids) if re.match(r"\d+$", each))
        if not ids:
            return {}
        options.append("--jobs=" + ",".join(ids))
    if name is not None:
        options.append("--name=" + name)
    found = _squeue(options, PATIENCE if patience is None else patience)
    _unanswered[:] = [time.monotonic()] if found is None else []
    if found is not None:
        asked = ids if ids and name is None else []
        _remember(asked, found)
    return found


def is_over(job_id: str, cluster: str, restart: int) -> Optional[bool]:
    """Return whether a start of a job is over: the job has ended, was started again since, or is not known any more.

    Parameters
    ----------
    job_id, cluster : str
        The job's number, and the cluster that gave it.
    restart : int
        How often the job had been put back into the queue before this start.

    Returns
    -------
    bool or None
        None where nobody can tell.
    """
    if not cluster or not re.match(r"\d+$", job_id):
        return None
    if _is_ours(job_id, cluster) and allocation.restart() > restart:
        return True
    answered, job = _look(job_id)
    if not answered or (job.cluster if job else _cluster()) != cluster:
        return None
    return job is None or job.has_ended or job.restart > restart


def _is_ours(job_id: str, cluster: str) -> bool:
    """Return whether this process runs in a job."""
    return (job_id, cluster) == (allocation.job(), allocation.cluster())


def ended(job_id: str, cluster: str) -> Optional[Job]:
    """Return a job that has ended, if the scheduler still knows it."""
    answered, job = _look(job_id) if cluster and re.match(r"\d+$", job_id) else (False, None)
    return job if answered and job and job.cluster == cluster and job.has_ended else None


def may_start(job_id: str) -> bool:
    """Return whether a job is queued or runs; a scheduler that is silent for long is taken for gone."""
    if not re.match(r"\d+$", job_id):
        return False
    answered, job = _look(job_id)
    if answered:
        _silence.clear()
        return job is not None and not job.has_ended
    _silence.append(time.monotonic())
    return time.monotonic() - _silence[0] < SILENCE


_silence = []  # type: List[float]


_unanswered = []  # type: List[float]


_Known = Tuple[float, bool, Optional[Job]]
_known = {}  # type: Dict[str, _Known]


def _look(job_id: str) -> Tuple[bool, Optional[Job]]:
    """Return whether the scheduler answered, and the job if it knows it."""
    asked, answered, job = _known.get(job_id, (float("-inf"), False, None))
    if time.monotonic() - asked < (FRESH if answered else REST):
        return answered, job
    if _unanswered and time.monotonic() - _unanswered[0] < REST:  # of a thousand jobs one is asked for, not each
        return False, None
    found = jobs([job_id])
    _known[job_id] = (time.monotonic(), found is not None, (found or {}).get(job_id))
    return _known[job_id][1:]


def _remember(asked: Iterable[str], found: Dict[str, Job]) -> None:
    now = time.monotonic()
    _known.update((each, (now, True, None)) for each in asked)
    _known.update((each, (now, True, job)) for each, job in found.items())


def _squeue(options: List[str], patience: float) -> Optional[Dict[str, Job]]:
    command = ["squeue", "--noheader", "--array", "--states=all", "--Format=" + _FORMAT, *options]
    output, error = _answer(command, patience)
    if output is None:
        return {} if "Invalid job id specified" in error else None
    read = (_read(line) for line in output.split("\n") if line.strip())
    return {job.id: job for job in read}


def _read(line: str) -> Job:
    values, begin = {}, 0
    for name, width in _FIELDS:
        value = line.encode()[begin : begin + width].decode(errors="replace").strip()
        values[name] = "" if value in ("(null)", "None", "N/A") else value
        begin += width
    return Job(
        values["JobID"],
        values["State"],
        values["Reason"],
        values["NodeList"],
        int(values["RestartCnt"] or 0),
        values["Name"],
        values["Comment"],
        values["Cluster"],
        _seconds(values["TimeLimit"]),
    )


def _seconds(text: str) -> Optional[float]:
    """Read a time as Slurm writes it: ``4:57``, ``1:02:03``, ``2-01:02:03``; words such as UNLIMITED are none."""
    found = re.match(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)$", text)
    if not found:
        return None
    days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _cluster() -> str:
    """Return the name of the cluster whose controller answers here, or an empty text."""
    if not _clusters:
        output, _ = _answer(["scontrol", "show", "config"], PATIENCE)
        found = re.search(r"^ClusterName\s*= *(\S+)", output or "", re.MULTILINE)
        if found:
            _clusters.append(found.group(1))
    return _clusters[0] if _clusters else ""


_clusters = []  # type: List[str]


def _answer(command: List[str], patience: float) -> Tuple[Optional[str], str]:
    """Return the output of a program of the scheduler's, None if it failed, and what it complained of."""
    if not shutil.which(command[0]):
        return None, ""
    # Not what a person set for the eye, or to look at another cluster.
    kept = {key: value for key, value in os.environ.items() if not re.match("SQUEUE_|SLURM_CLUSTERS$", key)}
    try:
        done = subprocess.run(  # noqa: UP022  Python 3.6
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=patience,
            env=dict(kept, LC_ALL="C"),
        )
    except (OSError, subprocess.SubprocessError):
        return None, ""
    output, error = (each.decode(errors="replace") for each in (done.stdout, done.stderr))
    return (None if done.returncode else output), error
