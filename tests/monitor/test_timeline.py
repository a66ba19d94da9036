"""Timeline: every bar has a lane of its own, and the page shows what ran when."""

from __future__ import annotations

import itertools
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as given_that
from hypothesis import strategies as st

from fairmesh.api import Project
from fairmesh.monitor.timeline import assign_lanes, build_bars, find_lanes
from fairmesh.status import JobStatus
from tests.monitor.conftest import Open, texts
from tests.site.conftest import hostile_study
from tests.status.conftest import Study

SPANS = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, 20)).map(lambda pair: (float(pair[0]), float(sum(pair)))), max_size=60
)
NOW = "2026-11-20T11:00:00Z"
RUN = "5b0f7a52-2a5e-4a52-9d1c-0d2f6a1b9c11"


@given_that(SPANS)
def test_no_two_spans_of_a_lane_overlap(spans: list[tuple[float, float]]) -> None:
    found = find_lanes(spans)
    for lane in set(found):
        own = sorted(span for span, its in zip(spans, found, strict=True) if its == lane)
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(own))


@given_that(SPANS)
def test_there_are_as_many_lanes_as_spans_that_overlap(spans: list[tuple[float, float]]) -> None:
    most = max((sum(begin <= moment < end for begin, end in spans) for moment, _ in spans), default=0)
    assert set(find_lanes(spans)) == set(range(most))


def job(name: str, state: str = "done", host: str = "node-7", **more: str) -> JobStatus:
    times = {"started": "2026-11-20T10:00:00Z", "ended": "2026-11-20T10:01:00Z"} | more
    return JobStatus("experiment", "local", name, name, state, host=host, **times)


def test_what_runs_lasts_until_now() -> None:
    (bar,) = build_bars([job("a", "running", ended="")], NOW)
    assert bar.end - bar.start == timedelta(hours=1)


@pytest.mark.parametrize(
    "strange",
    [
        job("a", started=""),
        job("a", started="soon"),
        job("a", started="2026-11-20T10:00:00"),
        job("a", "waiting"),
        job("a", "queued"),
    ],
)
def test_what_has_no_known_beginning_has_no_bar(strange: JobStatus) -> None:
    assert build_bars([strange], NOW) == []


def test_an_end_before_the_beginning_is_one_moment() -> None:
    (bar,) = build_bars([job("a", ended="2026-11-20T09:00:00Z")], NOW)
    assert bar.start < bar.end <= bar.start + timedelta(milliseconds=1)


def test_what_was_lost_ends_when_it_was_seen_last() -> None:
    lost = JobStatus("experiment", "local", "a", "a", "lost", started="2026-11-20T10:00:00Z", seconds={"running": 60})
    (bar,) = build_bars([lost], NOW)
    assert bar.end == datetime.fromisoformat("2026-11-20T10:01:00Z")


def test_nodes_have_lanes_of_their_own() -> None:
    found = build_bars([job("a"), job("b"), job("c", host="node-8")], NOW)
    placed = {bar.job.id: (bar.node, lane) for bar, lane in assign_lanes(found)}
    assert placed == {"a": ("local · node-7", 0), "b": ("local · node-7", 1), "c": ("local · node-8", 0)}


def chart(page: object) -> dict[str, object]:
    (found,) = page.get("vega_lite_chart")  # type: ignore[attr-defined]
    return {"spec": json.loads(found.proto.spec), "alt": found.proto.alt}


def fail(study: Study, point: dict[str, Any], started: str, **status: str) -> None:
    study.start(point, "failed", run=RUN, started=started, ended="2026-11-20T12:00:00Z", **status)


def test_the_page_shows_what_ran(study: Study, open_page: Open) -> None:
    fail(study, study.points[1], "2026-11-20T10:00:30Z")
    shown = open_page("timeline")
    assert not shown.exception
    table = shown.dataframe[0].value
    assert list(table["experiment"]) == ["epochs=2", "epochs=1"], "the last one first"
    assert list(table["began"]) == ["2026-11-20 10:00:30 UTC", "2026-11-20 10:00:00 UTC"]
    assert "times are in UTC" in texts(shown)
    assert "2 bars on 1 node from 2026-11-20 10:00:00 UTC to 2026-11-20 12:00:00 UTC" in str(chart(shown)["alt"])


def test_nodes_can_be_chosen(study: Study, open_page: Open) -> None:
    fail(study, study.points[1], "2026-11-20T10:00:30Z", host="node-8")
    shown = open_page("timeline", nodes=["local · node-8"])
    assert list(shown.dataframe[0].value["experiment"]) == ["epochs=2"]


def test_a_node_that_is_gone_is_not_chosen(study: Study, open_page: Open) -> None:
    fail(study, study.points[1], "2026-11-20T10:00:30Z", host="node-8")
    shown = open_page("timeline", nodes=["local · gone"])
    assert not shown.exception
    assert len(shown.dataframe[0].value) == 2


def test_only_the_last_200_are_drawn_and_the_page_says_so(study: Study, open_page: Open) -> None:
    for number in range(100, 350):
        point = study.add(epochs=number)
        fail(study, point, f"2026-11-20T10:{number // 60:02d}:{number % 60:02d}Z")
    shown = open_page("timeline")
    assert "the last 200 of 251" in texts(shown)
    assert len(shown.dataframe[0].value) == 200
    assert "epochs=100" not in list(shown.dataframe[0].value["experiment"])


def test_nothing_has_begun(study: Study, open_page: Open) -> None:
    for name in ("records", "experiments"):
        (study.folder / name).rename(study.folder / f"no-{name}")
    assert "Nothing has started yet" in texts(open_page("timeline"))


def test_a_hostile_study_is_drawn_as_text(project: Project, open_page: Open) -> None:
    hostile_study(project.results)
    shown = open_page("timeline", study="hostile")
    assert not shown.exception
    assert "<img" not in json.dumps(chart(shown))
