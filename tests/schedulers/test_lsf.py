"""LSF: what is asked of its programs, and what is read in answers as the manual of LSF 10.1 shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmesh.schedulers import JobState, Output, SchedulerError
from fairmesh.schedulers.lsf import Lsf, parse_history, parse_jobs
from fairmesh.schedulers.transport import LocalTransport

NAME = "0e2d-1"
HISTORY = """
Job <1043>, Job Name <0e2d-1>, User <me>, Project <default>, Command <#!/usr/bin
                     /env bash>
Mon Nov 30 09:00:00: Submitted from host <n1>, to Queue <normal>, CWD <$HOME>;
Mon Nov 30 09:00:01: Dispatched 1 Task(s) on Host(s) <n1>;
Mon Nov 30 09:01:00: Exited with exit code 140. The CPU time used is 60.0 second
                     s;
Mon Nov 30 09:01:00: Completed <exit>; TERM_RUNLIMIT: job killed after reaching
                     LSF run time limit;

Summary of time in seconds spent in various states by  Mon Nov 30 09:01:00
------------------------------------------------------------------------------

Job <1044>, User <me>, Project <default>, Command <true>
Mon Nov 30 09:02:00: Done successfully. The CPU time used is 0.1 seconds;
------------------------------------------------------------------------------

Job <1045>, User <me>, Project <default>, Command <false>
Mon Nov 30 09:02:00: Exited with exit code 1. The CPU time used is 0.1 seconds;
Mon Nov 30 09:02:00: Completed <exit>;
------------------------------------------------------------------------------

Job <1046>, User <me>, Project <default>, Command <sleep>
Mon Nov 30 09:02:00: Submitted from host <n1>, to Queue <normal>, CWD <$HOME>;
"""


class Answering(LocalTransport):
    """Answers each program with a text, and keeps what it was asked."""

    def __init__(self, answers: Mapping[str, Output | str]) -> None:
        self.answers = dict(answers)
        self.calls: list[list[str]] = []
        self.texts: list[str] = []

    def run(self, command: Sequence[str], text: str = "", *_: Any, **__: Any) -> Output:
        self.calls.append(list(command))
        self.texts.append(text)
        answer = self.answers.get(command[0], "")
        return answer if isinstance(answer, Output) else Output(0, answer, "")


def cluster(**answers: Output | str) -> tuple[Lsf, Answering]:
    """Return a scheduler whose programs answer with texts."""
    transport = Answering({"lsid": "LSF 10.1.0.12\nMy cluster name is c1\nMy master name is n0\n"} | answers)
    return Lsf(transport), transport


def listing(*records: Mapping[str, str]) -> str:
    """Return what ``bjobs -json`` writes."""
    return json.dumps({"COMMAND": "bjobs", "JOBS": len(records), "RECORDS": list(records)}, indent=2)


def record(**fields: str) -> dict[str, str]:
    """Return a job as bjobs shows it."""
    usual = {"JOBID": "101", "STAT": "RUN", "JOB_NAME": NAME, "JOB_DESCRIPTION": "bundle-1", "EXEC_HOST": "4*n1:4*n2"}
    return usual | {"RUNTIMELIMIT": "5.0 min", "EXIT_CODE": "", "EXIT_REASON": "", "PEND_REASON": ""} | fields


@pytest.mark.parametrize(
    ("fields", "state", "word", "reason"),
    [
        ({}, JobState.RUNNING, "RUN", ""),
        ({"STAT": "UNKWN"}, JobState.RUNNING, "UNKWN", ""),
        ({"STAT": "USUSP"}, JobState.RUNNING, "USUSP", ""),
        (
            {"STAT": "PEND", "PEND_REASON": "Job slot limit reached;"},
            JobState.PENDING,
            "PEND",
            "Job slot limit reached",
        ),
        ({"STAT": "DONE"}, JobState.DONE, "DONE", ""),
        ({"STAT": "EXIT", "EXIT_CODE": "3", "EXIT_REASON": "-"}, JobState.FAILED, "EXIT", "exit status 3"),
        (
            {"STAT": "EXIT", "EXIT_CODE": "130", "EXIT_REASON": "TERM_OWNER: job killed by owner"},
            JobState.CANCELLED,
            "TERM_OWNER",
            "job killed by owner",
        ),
        (
            {"STAT": "EXIT", "EXIT_REASON": "TERM_RUNLIMIT: job killed after reaching LSF run time limit"},
            JobState.TIMEOUT,
            "TERM_RUNLIMIT",
            "job killed after reaching LSF run time limit",
        ),
    ],
)
def test_a_job_is_described(fields: dict[str, str], state: JobState, word: str, reason: str) -> None:
    lsf, _ = cluster(bjobs=listing(record(**fields)))
    job = lsf.jobs(name=NAME)["101"]
    assert (job.state, job.word, job.reason) == (state, word, reason)
    assert (job.node, job.time_limit, job.comment, job.cluster) == ("n1", 300.0, "bundle-1", "c1")


def test_a_dependency_that_cannot_be_met_is_hopeless() -> None:
    text = "Job's dependency condition is invalid or never satisfied;"
    lsf, _ = cluster(bjobs=listing(record(STAT="PEND", PEND_REASON=text), record(JOBID="102", STAT="PEND")))
    jobs = lsf.jobs(name=NAME)
    assert (jobs["101"].is_hopeless, jobs["102"].is_hopeless) == (True, False)


def test_what_bjobs_has_forgotten_is_looked_up_in_the_history() -> None:
    missing = listing({"JOBID": "1043", "ERROR": "Job <1043> is not found"})
    lsf, transport = cluster(bjobs=Output(255, missing, ""), bhist=HISTORY)
    jobs = lsf.jobs(["1043", "1044", "1045", "1046", "x"])
    assert {number: (job.state, job.word, job.reason) for number, job in jobs.items()} == {
        "1043": (JobState.TIMEOUT, "TERM_RUNLIMIT", ""),
        "1044": (JobState.DONE, "DONE", ""),
        "1045": (JobState.FAILED, "EXIT", "exit status 1"),
    }
    assert transport.calls[-1] == ["bhist", "-l", "-n", "2", "1043", "1044", "1045", "1046"]


def test_an_empty_queue_is_no_error() -> None:
    lsf, _ = cluster(bjobs=Output(255, "", "No job found\n"))
    assert lsf.jobs(name=NAME) == {}


def test_silence_is_an_error() -> None:
    lsf, _ = cluster(bjobs=Output(255, "", "LSF is down. Please wait ...\n"))
    with pytest.raises(SchedulerError, match="LSF is down") as error:
        lsf.jobs(name=NAME)
    assert error.value.is_unanswered


def test_a_script_writes_its_own_log_and_carries_name_and_comment() -> None:
    lsf, transport = cluster(bsub="Job <12> is submitted to default queue <normal>.\n")
    assert (
        lsf.submit("#!/usr/bin/env bash\ntrue\n", {"runtime": 5, "threads": 2}, NAME, "bundle-1", "/a %J/log") == "12"
    )
    assert transport.texts[-1] == "#!/usr/bin/env bash\nexec >> '/a %J/log' 2>&1\ntrue\n"
    words = "bsub -J 0e2d-1 -Jd bundle-1 -o /dev/null -r -W 5 -n 2 -R span[hosts=1]"
    assert " ".join(transport.calls[-1]) == words


@pytest.mark.parametrize(
    ("answer", "reason", "is_transient", "is_unanswered"),
    [
        ("nosuch: No such queue. Job not submitted.\n", "nosuch: No such queue. Job not submitted.", False, False),
        (
            "User <me>: Pending job threshold reached. Job not submitted.\n",
            "User <me>: Pending job threshold reached. Job not submitted.",
            True,
            False,
        ),
        (
            "batch daemon not responding ... still trying\n",
            "batch daemon not responding ... still trying",
            True,
            True,
        ),
    ],
)
def test_a_refusal_is_understood(answer: str, reason: str, is_transient: bool, is_unanswered: bool) -> None:
    lsf, _ = cluster(bsub=Output(255, "", answer))
    with pytest.raises(SchedulerError) as error:
        lsf.submit("#!/bin/sh\n", {}, NAME, "bundle-1", "/logs/1")
    assert (error.value.reason, error.value.is_transient, error.value.is_unanswered) == (
        reason,
        is_transient,
        is_unanswered,
    )


def test_jobs_that_are_gone_are_cancelled_without_error() -> None:
    gone = "Job <9>: No matching job found\nJob <8>: Job has already finished\nJob <7> is being terminated\n"
    lsf, transport = cluster(bkill=Output(255, "", gone))
    lsf.cancel(["9", "8", "7"])
    assert transport.calls[-1] == ["bkill", "7", "8", "9"]
    lsf, _ = cluster(bkill=Output(255, "", "Job <7>: User permission denied\n"))
    with pytest.raises(SchedulerError, match="User permission denied"):
        lsf.cancel(["7"])


def test_a_job_knows_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    lsf, _ = cluster()
    monkeypatch.delenv("LSB_JOBID", raising=False)
    assert lsf.current_job() is None
    for name, value in {"LSB_JOBID": "17", "LSB_RESTART": "Y", "LSB_MCPU_HOSTS": "n1 4 n2 4"}.items():
        monkeypatch.setenv(name, value)
    job = lsf.current_job()
    assert job
    assert (job.id, job.cluster, job.restarts, job.nodes, job.node) == ("17", "c1", 1, 2, "n1")


@given(st.text(max_size=50), st.integers(0, 900), st.integers(0, 900))
def test_a_damaged_answer_is_read_or_refused(text: str, begin: int, length: int) -> None:
    recording = listing(record(), record(JOBID="102", STAT="EXIT"))
    damaged = recording[:begin] + text + recording[begin + length :]
    try:
        jobs = list(parse_jobs(damaged, Lsf.words))
    except SchedulerError:
        jobs = []
    assert all(job.id.isdecimal() for job in jobs)
    assert all(job.has_ended for job in parse_history(HISTORY[:begin] + text + HISTORY[begin:], Lsf.words))
