"""Overview, Experiments and Experiment: what they show, and who may steer from them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fairmesh.api import Project
from fairmesh.files import write_json, write_text
from fairmesh.jobs.paths import StudyPaths
from fairmesh.monitor import context
from fairmesh.monitor.results import chart_rows
from fairmesh.status import JobStatus, read_status
from tests.monitor.conftest import TOKEN, Open, texts
from tests.site.conftest import hostile_study
from tests.status.conftest import Study

PAGES = ("overview", "experiments", "experiment")


def states(study: Study) -> list[str]:
    return [experiment.state for experiment in read_status(study.paths).experiments]


@pytest.mark.parametrize("page", PAGES)
def test_without_any_study_a_page_says_how_to_begin(project: Project, open_page: Open, page: str) -> None:
    (project.results / "quick/plan.json").unlink()
    shown = open_page(page)
    assert not shown.exception
    assert "No study has run here yet" in texts(shown)


@pytest.mark.parametrize("page", PAGES)
def test_a_plan_that_cannot_be_read_is_one_clear_line(study: Study, open_page: Open, page: str) -> None:
    write_text(study.paths.plan, "{")
    shown = open_page(page)
    assert not shown.exception
    assert "plan.json: cannot be read" in texts(shown).replace("\\", "")


@pytest.mark.parametrize("page", [*PAGES, "timeline", "workflow"])
def test_a_file_that_cannot_be_read_is_named(study: Study, open_page: Open, page: str) -> None:
    record = study.folder / f"records/local/{study.points[0]['id']}.json"
    write_text(record, "{")
    shown = open_page(page)
    assert not shown.exception
    (warning,) = shown.warning
    assert str(warning.value).replace("\\", "").startswith(f"{record}: cannot be read: ")


@pytest.mark.parametrize("page", PAGES)
def test_what_others_wrote_is_text(project: Project, open_page: Open, page: str) -> None:
    hostile_study(project.results)
    shown = open_page(page, study="hostile", experiment="")
    assert not shown.exception
    as_markdown = ("markdown", "caption", "error", "header")
    said = "\n".join(str(element.value) for kind in as_markdown for element in shown.get(kind))
    said += "".join(str(element.proto.body) for element in shown.get("html"))
    for tag in ("<img", "[x](", "`c`", "<script"):
        assert not re.search(rf"(?<!\\){re.escape(tag)}", said), said


def test_overview_tells_how_the_study_stands(study: Study, open_page: Open) -> None:
    study.finish(study.points[0], {"accuracy": 0.9}, usage={"energy_j": 360.0})
    shown = open_page("overview")
    numbers = {metric.label: metric.value for metric in shown.metric}
    assert numbers["Experiments"] == "4"
    assert numbers["Energy so far"] == "360 J"
    assert "exit code 3" in texts(shown).replace("\\", "")
    assert "second" in texts(shown), "the last words of what failed"
    bar = "".join(str(element.proto.body) for element in shown.get("html"))
    assert "1 failed, 1 running, 1 waiting, 1 done" in bar


def test_results_are_shown_as_they_come(study: Study, open_page: Open) -> None:
    study.finish(study.points[3], {"accuracy": 0.75})
    table = open_page("experiments", sort="accuracy").dataframe[0].value
    (column,) = (name for name in table.columns if "ccuracy" in name)
    assert [value for value in table[column] if value == value] == [0.75, 0.9]  # noqa: PLR0124  without NaN
    shown = open_page("overview")
    assert "Results so far" in texts(shown)
    assert "2 points so far" in texts(shown).replace("\\", "")
    study.finish(study.points[1], {"accuracy": 0.7})
    context.status_cache(study.paths.home, study.paths.study).forget()
    assert "3 points so far" in texts(shown.run()).replace("\\", "")


def test_repeats_of_a_point_are_one_mark_with_an_interval() -> None:
    def job(epochs: int, width: int, repeat: int, **metrics: float) -> JobStatus:
        axes = {"epochs": epochs, "width": width, "repeat": repeat}
        return JobStatus("experiment", "local", str(axes), str(axes), "done", metrics=metrics, point={"axes": axes})

    jobs = [job(1, 4, 1, loss=1.0), job(1, 4, 2, loss=3.0), job(1, 8, 1, loss=5.0), job(2, 4, 1, other=1.0)]
    first, second = chart_rows(jobs, "loss", "epochs", ["width"])
    assert (first["x"], first["series"], first["mean"], first["n"]) == (1, "4", 2.0, 2)
    assert first["low"] < 1.0
    assert first["high"] > 3.0
    assert (second["series"], second["low"], second["high"]) == ("8", 5.0, 5.0)


def test_the_page_on_the_website_is_named_once_it_is_built(study: Study, open_page: Open, tmp_path: Path) -> None:
    assert "website" not in texts(open_page("overview"))
    write_text(study.paths.published, json.dumps({"site": str(tmp_path / "site of mine")}))
    assert "build it with `fairmesh site`" in texts(open_page("overview"))
    page = tmp_path / "site of mine/studies/quick/index.html"
    write_text(page, "")
    assert page.as_uri() in texts(open_page("overview"))


def test_experiments_are_filtered_and_sorted(open_page: Open) -> None:
    worst = open_page("experiments").dataframe[0].value
    assert list(worst["state"]) == ["failed", "running", "waiting", "done"]
    few = open_page("experiments", where="epochs > 5", sort="id", reverse=True)
    assert list(few.dataframe[0].value["experiment"]) == ["epochs=20", "epochs=10"]
    assert "2 of 4 experiments" in texts(few)
    assert list(open_page("experiments", states=["done"]).dataframe[0].value["experiment"]) == ["epochs=1"]


def test_a_wrong_filter_is_explained(open_page: Open) -> None:
    shown = open_page("experiments", where="epoch > 5")
    assert not shown.exception
    assert "did you mean 'epochs'" in texts(shown).replace("\\", "")


def test_a_page_has_a_hundred_rows(study: Study, open_page: Open) -> None:
    for epochs in range(100, 350):
        study.add(epochs=epochs)
    study.write_plan()
    shown = open_page("experiments", sort="plan", page=3)
    assert len(shown.dataframe[0].value) == 54
    assert len(open_page("experiments", sort="plan", page=9).dataframe[0].value) == 100, "there is no such page"


def test_an_experiment_shows_what_it_does(study: Study, open_page: Open) -> None:
    point = study.points[2]
    attempt = study.job(point) / "attempts/1"
    write_text(attempt / "history.csv", "epoch,loss,val_loss\n1,0.5,0.6\n2,0.4,0.5\n")
    write_text(attempt / "job.log", "epoch 1\n<b>epoch 2\n")
    shown = open_page("experiment", experiment="epochs=10")
    assert not shown.exception
    assert "epochs=10" in texts(shown).replace("\\", "")
    assert "<b>epoch 2" in next(element.value for element in shown.code)
    assert len(shown.get("vega_lite_chart")) == 1
    assert {"epochs", "seed"} <= set(shown.dataframe[0].value["parameter"])


def test_a_figure_that_is_none_is_left_out(study: Study, open_page: Open, tmp_path: Path) -> None:
    folder = study.job(study.points[2]) / "attempts/1/figures"
    write_text(folder / "not.png", "<svg onload=alert(1)>")
    (folder / "link.png").symlink_to(tmp_path / "token")
    shown = open_page("experiment", experiment="epochs=10")
    assert not shown.exception
    assert not shown.get("imgs")


@pytest.mark.parametrize(("name", "said"), [("nothing", "has no experiment"), ("epochs=", "epochs has 1, 2, 10, 20")])
def test_an_unclear_name_is_explained(open_page: Open, name: str, said: str) -> None:
    assert said in texts(open_page("experiment", experiment=name)).replace("\\", "")


@pytest.mark.parametrize(
    ("page", "key"), [("overview", "cancel_run"), ("experiments", "cancel_some"), ("experiment", "cancel_one")]
)
def test_only_who_showed_the_token_may_steer(study: Study, open_page: Open, page: str, key: str) -> None:
    locked = open_page(page, experiment="epochs=10")
    assert locked.button(key).disabled
    locked.button(key)._value = True  # what no browser sends, but somebody may
    locked.run()
    assert not (study.job(study.points[2]) / "cancel.json").exists(), "a forged click does nothing"
    free = open_page(page, may_steer=True, experiment="epochs=10")
    free.button(key).click().run()
    assert not free.exception
    assert (study.job(study.points[2]) / "cancel.json").exists()
    assert "by the monitor" in (study.job(study.points[2]) / "cancel.json").read_text()


def test_what_is_selected_is_cancelled_and_nothing_else(study: Study, open_page: Open) -> None:
    shown = open_page("experiments", may_steer=True, where="state == 'waiting'")
    shown.button("cancel_some").click().run()
    assert (study.job(study.points[3]) / "cancel.json").exists()
    assert not (study.job(study.points[2]) / "cancel.json").exists()


def test_retrying_what_is_done_is_explained(open_page: Open) -> None:
    shown = open_page("experiment", may_steer=True, experiment="epochs=1")
    shown.button("retry_one").click().run()
    assert "there is nothing to retry" in texts(shown)


def test_the_token_is_asked_for(open_page: Open, given: Project) -> None:
    shown = open_page("main", study="quick")
    shown.sidebar.text_input[0].input("a-wrong-token-that-is-long")
    shown.sidebar.button[0].click().run()
    assert "This is not the token" in texts(shown)
    assert not shown.session_state["may_steer"]
    shown.sidebar.text_input[0].input(f" {TOKEN} ")
    shown.sidebar.button[0].click().run()
    assert shown.session_state["may_steer"]
    assert "You can cancel" in texts(shown)


def test_a_token_that_others_may_read_is_refused(open_page: Open, given: Project) -> None:
    (given.folder / "token").chmod(0o644)
    shown = open_page("main", study="quick")
    shown.sidebar.text_input[0].input(TOKEN)
    shown.sidebar.button[0].click().run()
    assert "other users can read the token" in texts(shown)
    assert StudyPaths(given.results, "quick").plan.exists()


def test_a_machine_that_does_not_answer_is_shown_with_its_reason(study: Study, open_page: Open) -> None:
    write_json(study.paths.machine("local"), {"state": "paused", "host": "login", "reason": "no *route*"})
    overview = open_page("overview")
    assert [header.value for header in overview.header if header.value == "Machines"]
    rows = [list(row) for table in overview.dataframe if "last seen" in table.value for row in table.value.to_numpy()]
    assert rows == [["local", "login", "paused", "never", "none", "no *route*"]]
    (note,) = open_page("experiment").info
    assert note.value == r"local\: paused\, last seen never\: no \*route\*"
