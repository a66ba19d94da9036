"""Find out why a job failed, from the files in its folder."""

from __future__ import annotations

import os
from typing import NamedTuple

from fairmesh.runner import jsonfiles
from fairmesh.runner.claims import Claims
from fairmesh.runner.protocol import DONE, ENDS, LOG, RUN, STATUS

BAD_ENDS = {*ENDS} - {DONE}
NO_START = "its job ended before its program began"
NO_REASON = "its log says why"


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
        claims = Claims(folder)
        attempt = claims.attempt_folder(claims.highest()) if folder else ""
        status = jsonfiles.read_map(os.path.join(attempt, STATUS)) or {}  # noqa: PTH118  start-up time of every run
        is_current = not said or status.get("run") == os.environ.get(RUN)
        if is_current and status.get("state") in BAD_ENDS:
            log = os.path.join(attempt, LOG)  # noqa: PTH118  as above
            return cls(str(status["state"]), str(status.get("reason") or said), log)
        return cls("", said or (NO_START if folder else NO_REASON), rule_log)
