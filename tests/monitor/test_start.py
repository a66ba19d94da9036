"""Start: what a person writes is checked, shown as a plan, saved once, and started by those alone who may."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fairmesh.api import Project, Run, run_process
from fairmesh.errors import BusyError, FairmeshError, InputError
from fairmesh.files import write_text
from fairmesh.monitor import start, steering
from fairmesh.workflow.planning import PlanRequest
from tests.monitor.conftest import Open, texts
from tests.site.conftest import HOSTILE
from tests.status.conftest import Study
from tests.waiting import wait_until

TOY = "study: mine\napplication: toy\nparameters:\n  value: [1, 2, 3]\n"
Started = list[tuple[str, Path, str, Mapping[str, Any]]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, study: Study) -> Started:
    """Return what is started in place of runs."""
    found: Started = []

    def start(project: Project, name: str, source: Path, profile: str, config: Mapping[str, Any]) -> Run:
        found.append((name, source, profile, config))
        return Run(project, project.paths(name), "6b0f7a52-2a5e-4a52-9d1c-0d2f6a1b9c11")

    monkeypatch.setattr(Run, "start", start)
    return found


def said(page: AppTest) -> str:
    assert not page.exception
    more = [str(element.value) for kind in ("success", "warning") for element in page.get(kind)]
    return "\n".join([texts(page), *more]).replace("\\", "")


def numbers(page: AppTest) -> dict[str, str]:
    return {element.label: str(element.value) for element in page.metric}


def in_a_form(open_page: Open, begin: str = "small", may_steer: bool = True) -> AppTest:
    page = open_page("start", may_steer=may_steer, begin=begin)
    return page if begin == start.NEW else use(page, start.FORM)


def use(page: AppTest, way: str) -> AppTest:
    (radio,) = [element for element in page.radio if element.label == "Use it"]
    return radio.set_value(way).run()


def fill(page: AppTest, label: str, text: str) -> AppTest:
    fields = [*page.text_input, *page.text_area, *page.number_input, *page.selectbox]
    (field,) = [element for element in fields if element.label.replace("\\", "") == label]
    return field.set_value(text).run()


def test_a_study_is_shown_as_it_is_with_its_plan(open_page: Open) -> None:
    shown = open_page("start", may_steer=True)
    assert "parameters: {value: [1, 2]}" in said(shown)
    assert numbers(shown) == {"Experiments": "2", "To run": "2", "CPU hours": "0.0", "GPU hours": "0.0"}
    assert "The expected time is unknown" in said(shown)
    assert list(shown.dataframe[0].value["experiment"]) == ["value=1", "value=2"]
    assert "2 new" in said(shown)
    assert "do not include 2 experiments" in said(shown)


@pytest.mark.parametrize("more", [{}, {"begin": start.NEW}, {"start_where": "value > 1", "use known": start.TEXT}])
def test_without_the_token_nothing_is_planned_or_written(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, more: dict[str, str]
) -> None:
    monkeypatch.setattr(start.PLANNER, "begin", lambda *_: pytest.fail("a plan was made"))
    shown = open_page("start", **more)
    assert "parameters: {value: [1, 2]}" in said(shown)
    assert "Enter the token" in said(shown)
    assert not [element for element in shown.button if element.key in {"start", "save"}]
    assert not shown.text_area


def test_a_click_that_somebody_forged_starts_and_saves_nothing(
    open_page: Open, project: Project, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page("start", may_steer=True)
    page.session_state[steering.MAY_STEER] = False
    monkeypatch.setattr(steering.st, "button", lambda *_, **__: True)
    assert not page.run().exception
    assert started == []
    assert list(project.studies()) == ["quick", "small"]


def test_a_start_says_so_and_leads_to_the_overview(open_page: Open, started: Started, project: Project) -> None:
    page = open_page("start", may_steer=True, start_where="value > 1", start_first=5, start_probe=True)
    shown = page.button(key="start").click().run()
    source = project.folder / "config/studies/small.yaml"
    assert started == [("small", source, "profiles/local", {"where": "value > 1", "first": 5, "probe": True})]
    assert "run 6b0f7a52 of small is started" in said(shown)
    (link,) = shown.get("page_link")
    assert link.proto.query_string == "study=small"


def test_a_form_is_made_from_the_schema(open_page: Open) -> None:
    page = in_a_form(open_page)
    field = next(element for element in page.text_input if element.label.startswith("seconds"))
    assert field.label.replace("\\", "") == "seconds (s)"
    assert field.placeholder == "0"
    assert "How long it takes Each is a number of at least 0" in field.help.replace("\\", "")
    (choices,) = [element for element in page.multiselect if element.label == "behaviour"]
    assert "good" in choices.options
    assert {"runtime (min)", "gpu", "mem_mb (MB)"} <= {element.label.replace("\\", "") for element in page.text_input}


def test_a_form_that_nobody_touched_is_the_study_itself(open_page: Open) -> None:
    shown = in_a_form(open_page)
    assert [element.label for element in shown.button if element.key == "start"] == ["Start"]


def test_a_form_writes_the_study(open_page: Open, started: Started, project: Project) -> None:
    page = fill(in_a_form(open_page, start.NEW, may_steer=True), "Application", "toy")
    for label, text in (("Name", "mine"), ("Title", HOSTILE), ("value", "1, 2, 3"), ("Exclude", "value == 2")):
        page = fill(page, label, text)
    (choices,) = [element for element in page.multiselect if element.label == "behaviour"]
    page = choices.set_value(["good", "exit"]).run()
    assert numbers(page)["Experiments"] == "4"
    shown = page.button(key="start").click().run()
    assert started[0][:2] == ("mine", project.folder / "config/studies/mine.yaml")
    assert numbers(shown)["Experiments"] == "4"
    assert start.preview_plan(project, PlanRequest("mine", profile="local")).total == 4


def test_all_mistakes_are_told_a_line_each(open_page: Open) -> None:
    page = fill(fill(in_a_form(open_page), "value", "1, x"), "seconds (s)", "-1")
    (shown,) = page.error
    lines = shown.value.replace("\\", "").split("  \n")
    assert len(lines) == 2
    assert "must be a number, not 'x'" in lines[0]
    assert "'parameters.seconds' must be a number of at least 0, not -1" in lines[1]
    assert not [element for element in page.button if element.key == "start"]


def test_text_and_form_become_each_other(open_page: Open) -> None:
    page = fill(fill(in_a_form(open_page), "Name", "mine"), "value", "[4-6]")
    page = use(page, start.TEXT)
    (area,) = [element for element in page.text_area if element.label == "Text"]
    assert "study: mine" in area.value
    page = use(area.set_value(area.value.replace("mine", "yours")).run(), start.FORM)
    assert next(element for element in page.text_input if element.label == "Name").value == "yours"
    assert next(element for element in page.text_input if element.label == "value").value == "4, 5, 6"


def test_another_study_takes_the_place_of_what_was_written(open_page: Open, project: Project) -> None:
    write_text(project.folder / "config/studies/tiny.yaml", "study: tiny\napplication: toy\n")
    page = fill(in_a_form(open_page), "Name", "mine")
    (begin,) = [element for element in page.selectbox if element.label == "Study file"]
    shown = begin.set_value("tiny").run()
    assert next(element for element in shown.text_input if element.label == "Name").value == "tiny"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study: [", "not YAML"),
        ("study: mine\napplication: ../../toy\n", "must be the name of an installed application"),
        ("study: mine\napplication: toy\ntemplate: x.jinja\n", "'template' is not allowed in an uploaded study"),
        ("study: mine\napplication: toy\ncontainer: x\n", "'container' is not allowed in an uploaded study"),
        ("study: ../mine\napplication: toy\n", "'study'"),
        ("study: mine\napplication: toi\n", "did you mean 'toy'"),
        ("study: mine\napplication: toy\nparameters: {valu: 1}\nrepeat: no\n", "did you mean 'value'"),
        ("a" * 300, "not a study file"),
        (HOSTILE, "not a study file"),
    ],
)
def test_a_wrong_text_is_explained(open_page: Open, text: str, message: str) -> None:
    shown = fill(use(open_page("start", may_steer=True, begin=start.NEW), start.TEXT), "Text", text)
    assert message in said(shown)


@pytest.mark.parametrize(
    "text",
    [
        f"study: {'m' * 500}\ntitle: {'t' * 5000}\napplication: toy\nrepeat: 20000\n",
        "study: [1]\ntitle: {a: 1}\napplication: toy\nparameters: 7\nexclude: 7\nmeasure: often\nrepeat: no\n",
        "application: toy\nparameters: {value: [[1], {a: 2}], behaviour: [good, {}], size: null, note: [], gpu: .nan}",
        "application: toy\nparameters: {zip: 7, value: {from: 1}, product: [{value: 1}]}\nexclude: [[1], null]",
        "application: toi\n",
        "application: [toy]\n",
        "- 1\n",
        f"study: mine\ntitle: '{HOSTILE[:40]}'\napplication: ../../etc\n",
    ],
)
def test_a_form_is_made_of_any_text(open_page: Open, text: str) -> None:
    page = use(fill(use(open_page("start", may_steer=True), start.TEXT), "Text", text), start.FORM)
    assert not page.exception
    for field in [element for element in page.text_input if element.label == "seconds \\(s\\)"]:
        assert not field.set_value("1, 2").run().exception


def test_what_is_long_is_not_cut(open_page: Open, project: Project) -> None:
    values = ", ".join(map(str, range(1, 1000)))
    text = f"study: long\ntitle: {'t' * 500}\napplication: toy\nparameters: {{value: [{values}]}}\n"
    write_text(project.folder / "config/studies/long.yaml", text)
    shown = in_a_form(open_page, "long")
    assert numbers(shown)["Experiments"] == "999"
    assert [element.label for element in shown.button if element.key in {"start", "save"}] == ["Start"], (
        "nothing was changed"
    )


def test_a_name_that_is_taken_is_told_at_once(open_page: Open, project: Project) -> None:
    shown = fill(use(open_page("start", may_steer=True), start.TEXT), "Text", TOY.replace("mine", "SMALL"))
    assert "study 'SMALL' exists already" in said(shown)
    assert all(button.disabled for button in shown.button if button.key in {"start", "save"})
    with pytest.raises(BusyError, match="already"):
        start.start_run(project, PlanRequest(text=TOY.replace("mine", "small"), profile="local"))


def test_a_study_is_saved_once(open_page: Open, project: Project) -> None:
    page = fill(use(open_page("start", begin=start.NEW, may_steer=True), start.TEXT), "Text", TOY)
    shown = page.button(key="save").click().run()
    assert (project.folder / "config/studies/mine.yaml").read_text() == TOY
    assert "mine is saved" in said(shown)
    assert not shown.error
    assert [element.label for element in shown.button if element.key in {"start", "save"}] == ["Start"]


@pytest.mark.parametrize(
    ("part", "message"),
    [({"start_where": "valu > 1"}, "there is no 'valu'"), ({"start_where": "value > 7"}, "no experiment of small")],
)
def test_a_wrong_part_is_explained(open_page: Open, part: dict[str, str], message: str) -> None:
    assert message in said(open_page("start", may_steer=True, **part))


def test_a_run_that_goes_on_is_told(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> None:
        raise BusyError("study small is being run")

    monkeypatch.setattr(Run, "start", busy)
    shown = open_page("start", may_steer=True).button(key="start").click().run()
    assert "study small is being run" in said(shown)


def test_without_any_study_a_new_one_can_be_written(open_page: Open, project: Project) -> None:
    (project.folder / "config/studies/small.yaml").unlink()
    shown = open_page("start", may_steer=True)
    assert "select an application" in said(shown)
    assert next(element for element in shown.selectbox if element.label == "Study file").options == [start.NEW]


@pytest.mark.parametrize("profile", ["", "nothing", "../local", "local/../local"])
def test_a_profile_is_one_that_is_here(project: Project, profile: str) -> None:
    with pytest.raises(InputError, match="there is no profile"):
        start.start_run(project, PlanRequest("small", profile=profile))


@pytest.mark.parametrize("name", ["../small", "/etc/passwd", "config/studies/small.yaml", "small.yaml"])
def test_a_study_is_one_that_is_known_here(project: Project, name: str) -> None:
    with pytest.raises(FairmeshError, match="there is no study file for"):
        start.start_run(project, PlanRequest(name, profile="local"))


def test_the_expected_time_says_what_it_rests_on() -> None:
    expected = {
        "seconds": {"known": 1, "unknown": 1},
        "wall": {"value": 90.0, "low": 80.0, "high": 110.0},
        "rests_on": [{"study": "small", "machine": "local", "count": 4}],
        "remarks": {"epochs=8 is beyond 1..4 that were measured": 1},
        "reasons": {},
        "back_tests": {"seconds": {"results": 4, "within": 3}},
    }
    told = start.expected_time(expected)
    assert told.startswith("Expected: 1 min 30 s (1 min 20 s to 1 min 50 s), based on 4 earlier results")
    assert "The time of 1 experiment is unknown." in told
    assert "Beyond the measurements: epochs=8 is beyond 1..4 that were measured." in told
    assert told.endswith("Of 4 earlier results, 3 were within the interval.")
    none = {"seconds": {"known": 0, "unknown": 2}, "reasons": {"no result of the application has it": 2}}
    assert start.expected_time(none) == "The expected time is unknown: no result of the application has it."


@pytest.mark.e2e
def test_a_run_is_started(open_page: Open, project: Project) -> None:
    shown = open_page("start", may_steer=True).button(key="start").click().run()
    assert "is started" in said(shown)
    (run,) = run_process.runs(project.paths("small"))
    wait_until(Run(project, project.paths("small"), run.uuid).done, "the end of the run")
