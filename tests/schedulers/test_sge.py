"""SGE: what is asked of its programs, and what is read in answers that were recorded from SGE 8.1.9."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmesh.schedulers import JobState, Output, SchedulerError
from fairmesh.schedulers._sge_answers import parse_accounting, parse_details, parse_queue, parse_queues
from fairmesh.schedulers.sge import Sge
from fairmesh.schedulers.transport import LocalTransport

DATA = Path(__file__).parent / "data/sge"
QUEUE, DETAILS, ACCOUNTING = ((DATA / name).read_text() for name in ("queue.xml", "details.xml", "accounting.txt"))
NAME = "0e2d-1"


class Recorded(LocalTransport):
    """Answers each program from a recording, and keeps what it was asked."""

    def __init__(self, answers: Mapping[str, Output | str]) -> None:
        self.answers = dict(answers)
        self.calls: list[list[str]] = []
        self.texts: list[str] = []

    def has(self, program: str) -> bool:
        return program in self.answers

    def run(
        self,
        command: Sequence[str],
        text: str = "",
        timeout: float = 0,
        hidden: str = "",
        is_inherited: bool = False,
    ) -> Output:
        self.calls.append(list(command))
        self.texts.append(text)
        answer = self.answers.get(" ".join(command[:2]), self.answers.get(command[0], ""))
        return answer if isinstance(answer, Output) else Output(0, answer, "")


def refusal(text: str, status: int = 1) -> Output:
    """Return what a program answers that refuses."""
    return Output(status, "", text)


def cluster(**answers: Output | str) -> tuple[Sge, Recorded]:
    """Return a scheduler whose programs answer from recordings."""
    usual: dict[str, Output | str] = {"sh": "p6444\n", "qstat -u": QUEUE, "qstat -j": DETAILS, "qacct": ACCOUNTING}
    transport = Recorded(usual | {name.replace("_", " -"): answer for name, answer in answers.items()})
    return Sge(transport), transport


def test_jobs_of_the_queue_are_described() -> None:
    sge, transport = cluster()
    jobs = sge.jobs(name=NAME)
    assert {number: (job.state, job.word) for number, job in jobs.items() if not job.has_ended} == {
        "2": (JobState.RUNNING, "r"),
        "5": (JobState.RUNNING, "Rr"),
        "11": (JobState.PENDING, "qw"),
        "3": (JobState.PENDING, "Eqw"),
        "4": (JobState.PENDING, "hqw"),
    }
    assert (jobs["2"].node, jobs["2"].time_limit, jobs["2"].comment) == ("localhost", 18000.0, "bundle-1")
    assert (jobs["2"].restarts, jobs["5"].restarts, jobs["2"].cluster) == (0, 1, "p6444")
    assert (jobs["3"].is_hopeless, jobs["3"].reason) == (
        True,
        'can\'t open output file "/nowhere/x": No such file or directory',
    )
    assert (jobs["4"].is_hopeless, jobs["4"].reason) == (False, "it is held")
    sge.jobs(name=NAME)
    assert [call for call in transport.calls if call[:2] == ["qstat", "-j"]] == [
        ["qstat", "-j", "11,2,3,4,5", "-xml"]
    ], "what does not change is asked for once"


@pytest.mark.parametrize(
    ("number", "state", "reason"),
    [
        ("9", JobState.DONE, ""),
        ("10", JobState.FAILED, "exit status 1"),
        ("8", JobState.TIMEOUT, "qmaster enforced h_rt, h_cpu, or h_vmem limit"),
        ("6", JobState.CANCELLED, "it was deleted, or killed"),
        ("3", JobState.FAILED, "SGE could not run it: opening input/output file"),
        ("5", JobState.CANCELLED, "it was deleted before it began again"),
        ("12", JobState.LOST, "its host failed, or it was killed without notice: before writing exit_status"),
        ("13", JobState.LOST, "its host failed, or it was killed without notice: assumedly after job"),
    ],
)
def test_the_end_of_a_job_is_in_the_accounting(number: str, state: JobState, reason: str) -> None:
    jobs = {job.id: job for job in parse_accounting(ACCOUNTING)}
    assert (jobs[number].state, jobs[number].reason) == (state, reason)
    assert Sge.words[jobs[number].word] is state
    assert state is not JobState.LOST or jobs[number].node == "localhost"


def test_a_job_that_is_gone_is_looked_up_in_the_accounting() -> None:
    sge, transport = cluster(qsub="9\n")
    assert sge.submit("#!/bin/sh\n", {}, NAME, "bundle-1", "/logs/1") == "9"
    assert sge.jobs(name=NAME)["9"].state is JobState.DONE
    sge.jobs(name=NAME)
    assert transport.calls.count(["qacct", "-j", "fm-0e2d-1"]) == 1
    assert "9" not in sge.jobs(), "without a name, only what is in the queue"


def test_a_job_that_was_deleted_while_it_waited_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    sge, _ = cluster(qsub="99\n", qacct=refusal(""))
    sge.submit("#!/bin/sh\n", {}, NAME, "bundle-1", "/logs/1")
    assert "99" not in sge.jobs(name=NAME)
    monkeypatch.setattr("fairmesh.schedulers.sge.ACCOUNTED", -1)
    job = sge.jobs(name=NAME)["99"]
    assert (job.state, job.node, job.reason) == (JobState.CANCELLED, "", "it was deleted before it began")


def test_an_accounting_that_is_too_slow_is_left_alone() -> None:
    class Slow(Recorded):
        def run(self, command: Sequence[str], *arguments: Any, **options: Any) -> Output:
            output = super().run(command, *arguments, **options)
            if command[0] == "qacct":
                raise SchedulerError("qacct gave no answer within 10 s", is_unanswered=True)
            return output

    transport = Slow({"sh": "p6444", "qstat -u": QUEUE, "qstat -j": DETAILS})
    sge = Sge(transport)
    assert set(sge.jobs(["9", "2"])) == {"2"}
    assert set(sge.jobs(["9", "2"])) == {"2"}
    assert [call[0] for call in transport.calls].count("qacct") == 1


def test_jobs_of_others_are_found_by_number() -> None:
    sge, _ = cluster(qstat_u="<job_info><queue_info/></job_info>")
    jobs = sge.jobs(["2", "3", "11", "no number"])
    assert {number: job.state for number, job in jobs.items()} == {
        "2": JobState.RUNNING,
        "3": JobState.PENDING,
        "11": JobState.PENDING,
    }
    assert jobs["2"].time_limit == 18000.0
    assert jobs["3"].is_hopeless


def test_what_is_no_number_asks_nobody() -> None:
    sge, transport = cluster()
    assert sge.jobs(["", "x", "7.1"]) == {}
    assert not transport.calls


def test_a_script_writes_its_own_log_and_carries_name_and_comment() -> None:
    sge, transport = cluster(qsub="warning of a site\n12\n")
    assert sge.submit("#!/usr/bin/env bash\ntrue\n", {"runtime": 5}, NAME, "bundle-1", "/a b,c:$JOB_ID/log") == "12"
    assert transport.texts[-1] == "#!/usr/bin/env bash\nexec >> '/a b,c:$JOB_ID/log' 2>&1\ntrue\n"
    command = " ".join(transport.calls[-1])
    assert " -N fm-0e2d-1 -o /dev/null " in command
    assert command.endswith(" -ac fairmesh=bundle-1 -l h_rt=300")


@pytest.mark.parametrize(
    ("answer", "reason", "is_transient", "is_unanswered"),
    [
        ('Unable to run job: unknown resource "nosuch"\nExiting.\n', 'unknown resource "nosuch"', False, False),
        (
            'Unable to run job: job rejected: the requested parallel environment "nosuch" does not exist\nExiting.\n',
            'the requested parallel environment "nosuch" does not exist',
            False,
            False,
        ),
        (
            "Unable to run job: Job 7 (-l gpu=3) cannot run at host n1\nverification: no suitable queues\nExiting.\n",
            "(-l gpu=3) cannot run at host n1",
            False,
            False,
        ),
        (
            "Unable to run job: job rejected: only 2 jobs are allowed per user (current job count: 2)\nExiting.\n",
            "only 2 jobs are allowed per user (current job count: 2)",
            True,
            False,
        ),
        (
            "error: commlib error: got select error (Connection refused)\n"  # noqa: ISC004
            "Unable to run job: unable to send message to qmaster using port 28446: got send error\nExiting.\n",
            "unable to send message to qmaster using port 28446: got send error",
            True,
            True,
        ),
        ("", "it ended with status 1", False, False),
    ],
)
def test_a_refusal_is_understood(answer: str, reason: str, is_transient: bool, is_unanswered: bool) -> None:
    sge, _ = cluster(qsub=refusal(answer))
    for ask in (lambda: sge.check({}), lambda: sge.submit("#!/bin/sh\n", {}, NAME, "bundle-1", "/logs/1")):
        with pytest.raises(SchedulerError) as error:
            ask()
        assert error.value.reason == reason
        assert (error.value.is_transient, error.value.is_unanswered) == (is_transient, is_unanswered)


def test_a_number_that_is_not_said_may_be_in_the_queue_all_the_same() -> None:
    sge, _ = cluster(qsub="hello\n")
    with pytest.raises(SchedulerError, match="reports no job number: hello") as error:
        sge.submit("#!/bin/sh\n", {}, NAME, "bundle-1", "/logs/1")
    assert error.value.is_unanswered


def test_jobs_that_are_gone_are_cancelled_without_error() -> None:
    sge, transport = cluster(qdel=refusal('denied: job "999" does not exist\nroot has deleted job 17\n'))
    sge.cancel(["999", "17"])
    assert transport.calls[-1] == ["qdel", "17", "999"]
    sge, _ = cluster(qdel=refusal("denied: you have no permission to delete job 17\n"))
    with pytest.raises(SchedulerError, match="you have no permission to delete job 17"):
        sge.cancel(["17"])


def test_resources_become_options() -> None:
    sge = Sge()
    asked = {
        "threads": 4,
        "mem_mb": 1000,
        "runtime": 1.5,
        "exclusive": 1,
        "sge_pe": "omp",
        "constraint": "arch=lx",
    }
    assert sge.options(asked) == [
        ("-l", "arch=lx"),
        ("-l", "h_rt=90"),
        ("-pe", "omp", "4"),
        ("-l", "h_vmem=250M"),
        ("-l", "exclusive=true"),
    ]
    assert sge.options({"mem_mb": 10, "sge_memory": "mem_free", "sge_exclusive": "", "exclusive": 1}) == [
        ("-l", "mem_free=10M")
    ]
    assert sge.options({"tasks": 8, "cpus_per_task": 2, "mem_mb_per_cpu": 7, "sge_extra": "-l a=1 -R y"}) == [
        ("-pe", "smp", "16"),
        ("-l", "h_vmem=7M"),
        ("-l", "a=1"),
        ("-R", "y"),
    ]


def test_directives_name_the_job_and_warn_it_of_its_end() -> None:
    lines = Sge().directives("0123456789ab", {"runtime": 5}, exclusive=True)
    assert lines == [
        "#$ -N fm-0123456789ab",
        "#$ -o 'sge-$JOB_ID.log'",
        "#$ -j y",
        "#$ -cwd",
        "#$ -V",
        "#$ -S /bin/bash",
        "#$ -notify",
        "#$ -r y",
        "#$ -l h_rt=300",
        "#$ -l exclusive=true",
    ]


def test_a_job_knows_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    sge, _ = cluster()
    monkeypatch.setenv("JOB_ID", "17")
    monkeypatch.delenv("SGE_TASK_ID", raising=False)
    assert sge.current_job() is None, "other programs have a variable JOB_ID, too"
    for name, value in {"SGE_TASK_ID": "undefined", "RESTARTED": "1", "NHOSTS": "2", "HOSTNAME": "n7"}.items():
        monkeypatch.setenv(name, value)
    job = sge.current_job()
    assert job
    assert (job.id, job.cluster, job.restarts, job.nodes, job.node) == ("17", "p6444", 1, 2, "n7")


def test_pbs_is_not_sge() -> None:
    assert not Sge(Recorded({"qsub": "", "qstat": "", "qdel": ""})).is_available()
    programs = dict.fromkeys(Sge.programs, "")
    assert not Sge(Recorded(programs | {"sh": "\n"})).is_available(), "installed, and no cell"
    assert Sge(Recorded(programs | {"sh": "p6444\n"})).is_available()


def test_queues_and_limits_are_read() -> None:
    queues = (DATA / "queues.xml").read_text()
    sge, _ = cluster(
        qstat_f=queues,
        qconf_sql="all.q\nlong.q\n",
        qconf_spl="mpi\nsmp\n",
        qconf_sprjl=refusal("no project list defined\n"),
        qconf_sel="localhost\nn1.example.org\n",
        qconf_sconf="max_jobs                     0\nmax_u_jobs                   50\n",
    )
    site = sge.site()
    assert site.values == {"sge_queue": ["all.q", "long.q"], "sge_pe": ["mpi", "smp"], "sge_project": []}
    assert site.hosts == {"n1"}
    assert sge.queue_limit([{}]) == (50, "max_u_jobs")
    assert set(parse_queues(queues)) == {"all.q@localhost"}


def test_an_entity_is_not_expanded() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><job_info>&b;</job_info>'
    with pytest.raises(SchedulerError, match="not plain XML"):
        list(parse_queue(bomb))


@pytest.mark.parametrize("parse", [parse_queue, parse_details])
@pytest.mark.parametrize("text", ["", "<job_info>", "error: no such thing", "\0", "<a>&b;</a>"])
def test_an_answer_that_is_no_xml_is_an_error(parse: object, text: str) -> None:
    with pytest.raises(SchedulerError, match="cannot read the output of qstat"):
        list(parse(text))  # type: ignore[operator]


def test_jobs_that_nobody_knows_are_none() -> None:
    assert list(parse_details((DATA / "unknown.xml").read_text())) == []


@given(st.data())
def test_a_damaged_answer_is_read_or_refused(data: st.DataObject) -> None:
    """No damage to a recording makes anything but jobs with numbers, or the one error."""
    recording = data.draw(st.sampled_from([QUEUE, DETAILS]))
    begin = data.draw(st.integers(0, len(recording)))
    end = data.draw(st.integers(begin, len(recording)))
    text = recording[:begin] + data.draw(st.text(max_size=20)) + recording[end:]
    for parse in (parse_queue, parse_details):
        with suppress(SchedulerError):
            assert all(job.id.isdigit() for job in parse(text))


@given(st.lists(st.tuples(st.sampled_from(ACCOUNTING.split("\n")), st.text(max_size=9)), max_size=60))
def test_a_damaged_accounting_is_read(lines: list[tuple[str, str]]) -> None:
    text = "\n".join(line + more for line, more in lines)
    assert all(job.id.isdigit() and job.has_ended for job in parse_accounting(text))
