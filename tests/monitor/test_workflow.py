"""Workflow: the graph says how each stage stands, and every experiment has a cell."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given as given_that
from hypothesis import strategies as st

from fairmesh.api import Project
from fairmesh.files import write_json
from fairmesh.monitor import workflow
from fairmesh.runner.protocol import STATES
from fairmesh.status import JobStatus, StudyStatus
from tests.monitor.conftest import Open, texts
from tests.site.conftest import hostile_study
from tests.status.conftest import Study

LABEL = re.compile(r'label="((?:[^"\\]|\\.)*)"')


def status(**titles: str) -> dict[str, workflow.Step]:
    stages = (
        JobStatus("stage", "", "scenes-0123456789ab", "0123456789ab", "done"),
        JobStatus("stage", "", "store-abcdef012345", "abcdef012345", "failed", point={"stages": {"scenes": "0"}}),
        JobStatus("stage", "", "store-abcdef012346", "abcdef012346", "running", point={"stages": {"scenes": "0"}}),
    )
    experiment = JobStatus("experiment", "local", "a", "a", "waiting", point={"stages": {"store": "1"}})
    return workflow.build_steps(
        StudyStatus("quick", "", "", "", None, (experiment,), stages), titles, is_published=False
    )


def test_stages_follow_each_other() -> None:
    found = status(scenes="Scenes", store="Patches", train="Training", extra="Training and inference")
    assert workflow.describe_graph(found) == (
        "Scenes: 1 done; Patches: 1 failed, 1 running, after Scenes; Training: nothing yet; "
        "Training and inference: 1 waiting, after Patches; Publishing: 1 waiting, after Training and inference"
    )


def test_what_failed_is_seen_first() -> None:
    assert status()["store"].state == "failed"


def test_the_graph_has_a_box_for_each_step_and_an_arrow_for_each_need() -> None:
    drawn = workflow.draw_graph(status())
    assert len(LABEL.findall(drawn)) == 4
    assert drawn.count("->") == 3


@given_that(st.text(max_size=60))
def test_a_title_stays_text(title: str) -> None:
    (step, *_) = LABEL.findall(workflow.draw_graph(status(scenes=title or "x", train="T")))
    as_graphviz_reads_it = re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], step)
    as_people_read_it = as_graphviz_reads_it.replace("&amp;", "&").split("\n")[0]
    printable = "".join(sign if sign.isprintable() else " " for sign in title or "x")
    assert as_people_read_it == " ".join(printable.split())


def test_a_title_ends_nowhere_else() -> None:
    drawn = workflow.draw_graph(status(scenes='"]; evil [URL="javascript:alert(1)"', train="T"))
    assert 'URL="' not in re.sub(LABEL, "", re.sub(r'tooltip="(?:[^"\\]|\\.)*"', "", drawn))


@pytest.mark.parametrize("count", [1, 9, 10, 30, 401, 10_000])
def test_every_cell_has_a_place_of_its_own_inside_the_grid(count: int) -> None:
    drawn = workflow.grid_chart(count)
    columns = int(drawn["transform"][0]["calculate"].split()[-1])
    rows = drawn["encoding"]["y"]["scale"]["domain"][1]
    assert drawn["encoding"]["x"]["scale"]["domain"] == [0, columns]
    assert columns * (rows - 1) < count <= columns * rows
    assert (len(drawn["layer"]) == 2) is (count <= workflow.MAX_LETTERS)


def test_the_letters_of_the_states_differ() -> None:
    assert len({state[0] for state in STATES}) == len(STATES)


def test_cells_are_in_the_order_of_the_plan() -> None:
    jobs = [JobStatus("experiment", "local", name, name, "done") for name in "cab"]
    assert list(workflow.grid_cells(jobs)["experiment"]) == ["c", "a", "b"]


def test_the_page_shows_graph_and_grid(study: Study, open_page: Open) -> None:
    study.application["stages"] = {"store": "Patches", "train": "Training"}
    study.write_plan()
    shown = open_page("workflow")
    assert not shown.exception
    (drawn,) = shown.get("graphviz_chart")
    assert "Patches" in drawn.proto.spec
    said = texts(shown).replace("\\", "")
    assert "Training: 1 failed, 1 running, 1 waiting, 1 done" in said
    (cells,) = shown.get("vega_lite_chart")
    assert "4 experiments in the order of the plan" in cells.proto.alt


def test_one_state_can_be_looked_at(open_page: Open) -> None:
    (cells,) = open_page("workflow", only="failed").get("vega_lite_chart")
    assert "datum.state == 'failed'" in cells.proto.spec


@pytest.mark.parametrize(("published", "state"), [("", "waiting"), ("11:00", "waiting"), ("13:00", "done")])
def test_what_was_published_since_the_last_run_began_is_published(
    study: Study, open_page: Open, published: str, state: str
) -> None:
    study.run("6b0f7a52-2a5e-4a52-9d1c-0d2f6a1b9c11", started="2026-11-20T12:00:00Z")
    if published:
        write_json(study.paths.published, {"published": f"2026-11-20T{published}:00Z"})
    assert f"Publishing: 1 {state}" in texts(open_page("workflow")).replace("\\", "")


def test_a_hostile_study_is_drawn_as_text(project: Project, open_page: Open) -> None:
    hostile_study(project.results)
    shown = open_page("workflow", study="hostile")
    assert not shown.exception
    assert "<img" not in json.dumps([chart.proto.spec for chart in shown.get("vega_lite_chart")])
