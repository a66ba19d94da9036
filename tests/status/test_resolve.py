"""One truth of several witnesses: which word counts, whatever order it comes in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmesh.runner.protocol import ENDS, STATES
from fairmesh.schedulers import JobInfo
from fairmesh.status.events import JobEvents, add_events
from fairmesh.status.job_files import Facts
from fairmesh.status.model import RunStatus
from fairmesh.status.resolve import GONE, NO_START, SILENT, Evidence, State, resolve_state
from tests.schedulers.jobs import slurm_job

ALIVE = RunStatus("this-run", started="2026-11-20T10:00:00Z", is_alive=True)
ENDED = RunStatus("this-run", started="2026-11-20T10:00:00Z", ended="2026-11-20T11:00:00Z", exit_code=1)
NAME = ("local", "x=1")
WISH = "cancelled by ada at noon"


def news(*told: str, job_id: str = "") -> JobEvents:
    """Return news in which things happened one after another."""
    known: dict[tuple[str, str], JobEvents] = {}
    add_events((event(name, at, job_id) for at, name in enumerate(told)), known)
    return known.get(NAME, JobEvents())


def event(name: str, minute: int = 0, job_id: str = "", reason: str = "") -> dict[str, Any]:
    time = f"2026-11-20T10:{minute:02d}:00.000Z"
    return {"time": time, "event": name, "machine": "local", "id": "x=1", "job_id": job_id, "reason": reason}


def attempt(state: str, reason: str = "", run: str = "this-run", is_over: bool = True, **more: Any) -> Facts:
    cancelled = more.pop("cancelled", "")
    status: Mapping[str, Any] = {"state": state, "reason": reason, "run": run, **more}
    return Facts(attempt=1, status=status, is_over=is_over, cancelled=cancelled)


def job(state: str, number: str = "7", reason: str = "", node: str = "") -> JobInfo:
    return slurm_job(number, state, reason=reason, node=node)


DONE = Facts(good={"fingerprint": "f", "attempt": 1})
RUNS = attempt("running", is_over=False)


@pytest.mark.parametrize(
    ("witnesses", "standing"),
    [
        pytest.param(Evidence(Facts(), news()), State("waiting"), id="nothing is known"),
        pytest.param(
            Evidence(Facts(), news(), is_selected=False),
            State("waiting", "not selected in the last run"),
            id="nobody asked for it",
        ),
        pytest.param(
            Evidence(Facts(), news(), run=ALIVE, blocked="its stage s failed"),
            State("waiting", "its stage s failed"),
            id="a stage failed",
        ),
        pytest.param(Evidence(Facts(claim=1), news()), State("queued", "its runner has begun"), id="claimed"),
        pytest.param(Evidence(Facts(), news("submitted"), run=ALIVE), State("queued"), id="handed out"),
        pytest.param(
            Evidence(Facts(), news("submitted"), run=ENDED), State("waiting"), id="handed out by a run that is over"
        ),
        pytest.param(
            Evidence(Facts(), news("submitted", "queued", job_id="7"), coming=job("PENDING", reason="Resources")),
            State("queued", "job 7 waits: Resources"),
            id="the scheduler has it, also after the run was killed",
        ),
        pytest.param(
            Evidence(Facts(), news("submitted", "queued", job_id="7"), coming=job("RUNNING", node="n2"), run=ALIVE),
            State("queued", "its turn comes in job 7 on n2"),
            id="a member of a bundle that runs",
        ),
        pytest.param(
            Evidence(Facts(), news("submitted", "queued", job_id="7"), coming=job("CANCELLED"), run=ALIVE),
            State("cancelled", "the scheduler says CANCELLED"),
            id="somebody used scancel",
        ),
        pytest.param(Evidence(Facts(), news("submitted", "failed")), State("failed", NO_START), id="no attempt"),
        pytest.param(
            Evidence(Facts(cancelled=WISH), news(), run=ALIVE), State("cancelled", WISH), id="cancelled beforehand"
        ),
        pytest.param(
            Evidence(Facts(cancelled=WISH), news("submitted", "queued", job_id="7"), coming=job("PENDING")),
            State("cancelled", WISH),
            id="cancelled while the scheduler has it",
        ),
        pytest.param(Evidence(RUNS, news("submitted"), run=ALIVE), State("running"), id="running"),
        pytest.param(Evidence(RUNS, news()), State("running"), id="running, started by hand"),
        pytest.param(
            Evidence(attempt("running", is_over=False, cancelled=WISH), news()),
            State("running", f"is being {WISH}"),
            id="about to be cancelled",
        ),
        pytest.param(Evidence(attempt("running"), news()), State("lost", GONE), id="its runner was killed"),
        pytest.param(
            Evidence(attempt("running"), news(), own=job("TIMEOUT")),
            State("timeout", "the scheduler says TIMEOUT"),
            id="its runner was killed, and the scheduler knows why",
        ),
        pytest.param(
            Evidence(RUNS, news("submitted"), own=job("NODE_FAIL"), run=ALIVE),
            State("lost", "the scheduler says NODE_FAIL"),
            id="its node is gone",
        ),
        pytest.param(
            Evidence(RUNS, news("submitted", "failed"), run=ALIVE), State("lost", SILENT), id="nothing is heard"
        ),
        pytest.param(
            Evidence(attempt("running", is_over=False, machine="dgx"), news("submitted", "failed"), run=ENDED),
            State("running"),
            id="it goes on on another machine, and its run has ended",
        ),
        pytest.param(
            Evidence(attempt("running", is_over=False, machine="dgx", is_silent=True), news("submitted"), run=ALIVE),
            State("lost", SILENT),
            id="nothing is heard of it on another machine",
        ),
        pytest.param(
            Evidence(attempt("running", run="before", is_over=False), news("submitted", "failed"), run=ALIVE),
            State("running"),
            id="an orphan runs on though nobody waits for it",
        ),
        pytest.param(
            Evidence(attempt("failed", "exit code 3"), news("submitted", "failed"), run=ENDED),
            State("failed", "exit code 3"),
            id="failed",
        ),
        pytest.param(
            Evidence(attempt("failed", "exit code 3"), news("submitted"), run=ALIVE),
            State("failed", "exit code 3"),
            id="failed, and the run does not know yet",
        ),
        pytest.param(
            Evidence(attempt("failed", "exit code 3", run="before"), news(), run=ALIVE),
            State("waiting", "failed before: exit code 3"),
            id="failed in an earlier run, and this one comes to it",
        ),
        pytest.param(
            Evidence(attempt("failed", "exit code 3", run="before"), news("submitted"), run=ALIVE),
            State("queued"),
            id="failed in an earlier run, and is handed out",
        ),
        pytest.param(
            Evidence(attempt("failed", job_id="6"), news("submitted", "queued", job_id="7"), run=ALIVE),
            State("queued"),
            id="failed, and Snakemake tries once more",
        ),
        pytest.param(
            Evidence(attempt("failed", "exit code 3"), news(), run=ALIVE, is_selected=False),
            State("failed", "exit code 3"),
            id="failed, and the run leaves it alone",
        ),
        pytest.param(
            Evidence(attempt("done"), news()),
            State("waiting", "its result is gone; the next run makes it anew"),
            id="somebody deleted its result",
        ),
        pytest.param(Evidence(DONE, news("submitted", "failed"), run=ENDED), State("done"), id="done"),
    ],
)
def test_what_counts(witnesses: Evidence, standing: State) -> None:
    assert resolve_state(witnesses) == standing


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("SLURM-job '7' failed, SLURM status is: 'OUT_OF_MEMORY'. Detailed failure reason unavailable", "failed"),
        ("SLURM-job '7' failed, SLURM status is: 'CANCELLED'.", "cancelled"),
        ("Slurm's job 7 on n1 ended as TIMEOUT while this one ran", "timeout"),
        ("sbatch: error: invalid partition", "failed"),
    ],
)
def test_an_executor_says_in_words_why_a_job_never_began(reason: str, state: str) -> None:
    known: dict[tuple[str, str], JobEvents] = {}
    add_events([event("submitted"), event("failed", 1, reason=reason)], known)
    assert resolve_state(Evidence(Facts(), known[NAME], run=ENDED)).state == state


EVENTS = st.lists(
    st.builds(
        event,
        st.sampled_from(["submitted", "queued", "finished", "failed", "something new"]),
        st.integers(0, 59),
        st.sampled_from(["", "7", "8"]),
        st.sampled_from(["", "why"]),
    )
)


@given(EVENTS, st.randoms())
def test_the_order_of_events_makes_no_difference(events: list[dict[str, Any]], random: Any) -> None:
    shuffled = random.sample(events, len(events))
    at_once: dict[tuple[str, str], JobEvents] = {}
    one_by_one: dict[tuple[str, str], JobEvents] = {}
    add_events(events, at_once)
    for event in [*shuffled, *shuffled[:3]]:  # reading one twice makes none either
        add_events([event], one_by_one)
    assert at_once == one_by_one


JOBS = st.none() | st.builds(job, st.sampled_from(["PENDING", "RUNNING", "COMPLETED", "CANCELLED", "TIMEOUT"]))
RUNNING_RUNS = st.sampled_from([None, ALIVE, ENDED])


@given(EVENTS, JOBS, JOBS, RUNNING_RUNS, st.booleans(), st.sampled_from(["", WISH]))
def test_a_result_is_never_undone(
    events: list[dict[str, Any]],
    own: JobInfo | None,
    coming: JobInfo | None,
    run: RunStatus | None,
    chosen: bool,
    wish: str,
) -> None:
    known: dict[tuple[str, str], JobEvents] = {}
    add_events(events, known)
    facts = Facts(good={"attempt": 1}, cancelled=wish)
    witnesses = Evidence(facts, known.get(NAME, JobEvents()), own, coming, run, chosen, "a stage failed")
    assert resolve_state(witnesses) == State("done")


@given(
    EVENTS,
    JOBS,
    RUNNING_RUNS,
    st.sampled_from([state for state in ENDS if state != "done"]),
    st.sampled_from(["", WISH]),
)
def test_an_end_is_never_undone_by_what_is_older(
    events: list[dict[str, Any]], own: JobInfo | None, run: RunStatus | None, state: str, wish: str
) -> None:
    """Events of the same run, its own job in whatever state, a late wish: the attempt has said its end."""
    known: dict[tuple[str, str], JobEvents] = {}
    add_events(({**item, "job_id": "7"} for item in events), known)
    facts = attempt(state, "why", job_id="7", cancelled=wish)
    assert resolve_state(Evidence(facts, known.get(NAME, JobEvents()), own, None, run)) == State(state, "why")


@given(
    st.builds(
        Facts,
        st.sampled_from([{}, {"attempt": 1}]),
        st.integers(0, 2),
        st.fixed_dictionaries({}, optional={"state": st.sampled_from(STATES), "run": st.just("this-run")}),
        st.booleans(),
        st.integers(0, 3),
        st.sampled_from(["", WISH]),
    ),
    EVENTS,
    JOBS,
    JOBS,
    RUNNING_RUNS,
    st.booleans(),
)
def test_every_mixture_of_witnesses_gives_a_known_state(
    facts: Facts,
    events: list[dict[str, Any]],
    own: JobInfo | None,
    coming: JobInfo | None,
    run: RunStatus | None,
    chosen: bool,
) -> None:
    known: dict[tuple[str, str], JobEvents] = {}
    add_events(events, known)
    state, reason = resolve_state(Evidence(facts, known.get(NAME, JobEvents()), own, coming, run, chosen))
    assert state in STATES
    assert reason or state not in {"cancelled", "lost", "timeout"} or facts.status.get("state") == state
