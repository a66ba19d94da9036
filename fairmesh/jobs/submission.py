"""What Slurm is asked to run, and what it answers."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from fairmesh.errors import FairmeshError

EVENTS_OF_EXECUTOR = "fairmesh_events"  # the attribute of a log record with what our executor says of its jobs
ANSWER = 60.0  # seconds that Slurm may take to answer
# A queue that is full for this user or for all; a controller that is away for a while.
_FULL = re.compile(r"max\w*submit|grp\w*submit|submit limit|job limit|max\w*job|temporarily", re.IGNORECASE)
_SILENT = re.compile(r"try again|unable to contact|timed out|connect|not responding", re.IGNORECASE)
_PREFIX = re.compile(r"^(?:sbatch: )?(?:error: )?(?:Batch job submission failed: |allocation failure: )?")


class RefusedError(FairmeshError):
    """Slurm did not take a job.

    Parameters
    ----------
    reason : str
        Its words.

    Attributes
    ----------
    is_full : bool
        Whether the queue takes no more jobs for now.
    is_silent : bool
        Whether that is no answer of the controller's, so that it may have taken the job all the same.
    passes : bool
        Whether it can go away by itself.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"Slurm does not take the job: {reason}")
        self.reason = reason
        self.is_full = bool(_FULL.search(reason))
        self.is_silent = bool(_SILENT.search(reason)) and not self.is_full
        self.passes = self.is_full or self.is_silent


def submit(script: str, options: Sequence[str], name: str, log: Path) -> str:
    """Return a batch script to Slurm, to be run in the working folder, and give its number.

    Parameters
    ----------
    script : str
        The text.
    options : sequence of str
        What it asks for.
    name : str
        By which the jobs of a run are found.
    log : Path
        What gets the output of the script itself.

    Raises
    ------
    RefusedError
        If it is not in the queue.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    # Slurm's own: it replaces %j and the like in the name of an output.
    output = str(log.resolve()).replace("%", "%%")
    answer = _sbatch(["--parsable", f"--job-name={name}", f"--output={output}", *options], script)
    return answer.partition(";")[0].strip()


def check(options: Sequence[str]) -> None:
    """Ask Slurm whether it would take such a job; nothing is submitted.

    Raises
    ------
    RefusedError
        If it would not.
    """
    _sbatch(["--test-only", *options], "#!/bin/sh\n")


def cancel(job_ids: Iterable[str]) -> None:
    """Take jobs out of the queue, or end them; Slurm knows best whether they are still there."""
    ids = sorted(job_ids)
    if ids:
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(["scancel", *ids], check=False, capture_output=True, timeout=ANSWER)


def _sbatch(arguments: Sequence[str], script: str) -> str:
    try:
        done = subprocess.run(
            ["sbatch", *arguments],
            input=script,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=ANSWER,
            env=_environment(),
        )
    except FileNotFoundError:
        raise RefusedError("there is no sbatch here") from None
    except subprocess.TimeoutExpired:
        raise RefusedError(f"its controller is not responding, not within {ANSWER:.0f} s") from None
    if done.returncode:
        raise RefusedError(words(done.stderr) or f"sbatch ended with status {done.returncode}")
    return done.stdout


def words(text: str) -> str:
    r"""Return what sbatch says, without saying who says it.

    >>> words("sbatch: error: invalid partition: x\nsbatch: error: Batch job submission failed: Invalid name")
    'invalid partition: x; Invalid name'
    """
    return "; ".join(dict.fromkeys(filter(None, (_PREFIX.sub("", line).strip() for line in text.splitlines()))))


def _environment() -> dict[str, str]:
    """Return what a job inherits; not what describes the job of Slurm's that Snakemake itself may run in."""
    inside = "SLURM_JOB_ID" in os.environ
    return {
        name: value
        for name, value in os.environ.items()
        if not inside or name == "SLURM_CONF" or not name.startswith("SLURM_")
    }
