"""Find out from the files in its folder why a job failed, or whether it waits."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from fairmesh.runner import jsonfiles
from fairmesh.runner.claims import Claims
from fairmesh.runner.protocol import DONE, ENDS, LOG, QUEUED, RUN, STATUS
from fairmesh.runner.text import last_lines

BAD_ENDS = {*ENDS} - {DONE}
NO_START = "its job ended before its program began"
NO_REASON = "its log says why"
SAID = "fairmesh: "


class Failure(NamedTuple):
    """The end of a job without a result.

    Parameters
    ----------
    state : str
        The state of its last attempt; empty if there was none.
    reason, log : str
        The reason, and the path of the log that says more.
    """

    state: str
    reason: str
    log: str

    @classmethod
    def of(cls, folder: str, rule_log: str, said: str) -> Failure:
        """Return the failure of a job.

        Parameters
        ----------
        folder : str
            The folder of an experiment or a stage; empty for other jobs.
        rule_log : str
            The log of its rule.
        said : str
            What Snakemake or the scheduler said; may be empty.
        """
        attempt, status = _last_attempt(folder)
        is_current = not said or status.get("run") == os.environ.get(RUN)
        if is_current and status.get("state") in BAD_ENDS:
            log = os.path.join(attempt, LOG)  # noqa: PTH118  start-up time of every run
            return cls(str(status["state"]), str(status.get("reason") or said), log)
        return cls("", said or _answer(rule_log) or (NO_START if folder else NO_REASON), rule_log)


def _answer(rule_log: str) -> str:
    """Return what the runner or the dispatcher said last in the log of a rule; empty if it said nothing."""
    lines = [line for line in last_lines(rule_log, 3) if line.startswith(SAID)]
    return lines[-1].removeprefix(SAID) if lines else ""


def is_waiting(folder: str) -> bool:
    """Return whether the last attempt of a job waits for the machine."""
    status = _last_attempt(folder)[1]
    return status.get("state") == QUEUED and bool(status.get("message"))


def _last_attempt(folder: str) -> tuple[str, dict[str, Any]]:
    """Return the folder of a job's last attempt, and the content of its status file."""
    claims = Claims(folder)
    attempt = claims.attempt_folder(claims.highest()) if folder else ""
    return attempt, jsonfiles.read_map(os.path.join(attempt, STATUS)) or {}  # noqa: PTH118  as above
