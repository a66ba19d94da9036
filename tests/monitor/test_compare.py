"""Compare: experiments or studies side by side, chosen by search, by address, or typed."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from fairmesh.api import Project
from tests.monitor.conftest import Open, texts
from tests.results.builder import Folder, build
from tests.site.conftest import hostile_study
from tests.status.conftest import Study

ONE, OTHER = "epochs=2 width=4 #1", "epochs=4 width=8 #1"
POINT = "epochs=4 width=8"


@pytest.fixture
def built(project: Project) -> Project:
    """Return a place with two studies that have results."""
    build(project.results, "first")
    build(project.results, "second", (2, 4))
    return project


def said(page: AppTest) -> str:
    assert not page.exception
    return texts(page).replace("\\", "")


def tables(page: AppTest) -> dict[str, list[dict[str, str]]]:
    """Return the tables by the heading above each."""
    titles = [title.value for title in page.header]
    found = {table.proto.alt or "": table.value.to_dict("records") for table in page.dataframe}
    assert set(found) <= set(titles)
    return found


def test_nothing_is_chosen_at_first(built: Project, open_page: Open) -> None:
    shown = open_page("compare", study="first")
    assert "Choose two or more experiments" in said(shown)
    assert ONE in shown.multiselect(key="experiments").options


def test_experiments_are_compared(built: Project, open_page: Open) -> None:
    shown = open_page("compare", study="first", experiments=[ONE, OTHER])
    found = tables(shown)
    assert [row["name"] for row in found["Compared"]] == [ONE, OTHER]
    assert {row["name"]: (row["A"], row["B"]) for row in found["Parameters"]} == {
        "epochs": ("2", "4"),
        "width": ("4", "8"),
    }
    accuracy = found["Results"][0]
    assert accuracy["metric"] == "Inference accuracy"
    assert accuracy["best"] == "B"
    assert accuracy["B - A"].startswith("+0.")
    assert "are equal" in said(shown), "the environment"


def test_a_file_that_cannot_be_read_is_named(built: Project, open_page: Open) -> None:
    record = built.results / "first/records/local/epochs=8+width=4+repeat=1.json"
    record.write_text("{")
    shown = open_page("compare", study="first", experiments=[ONE, OTHER])
    assert f"{record}: cannot be read: " in said(shown)
    assert tables(shown)


def test_what_is_the_same_is_shown_if_wanted(built: Project, open_page: Open) -> None:
    found = tables(open_page("compare", study="first", experiments=[ONE, OTHER], everything=True))
    rows = {row["name"]: row["differs"] for row in found["Parameters"]}
    assert rows["epochs"] == "differs"
    assert rows["learning_rate"] == ""
    assert any(row["name"] == "processor.name" for row in found["Environment"])


def test_a_point_stands_for_its_repeats(built: Project, open_page: Open) -> None:
    found = tables(open_page("compare", study="first", experiments=[ONE, POINT]))
    assert found["Compared"][1]["results"] == "2 of 2"
    assert "±" in found["Results"][0]["B"]


def test_a_search_narrows_what_is_offered(built: Project, open_page: Open) -> None:
    options = open_page("compare", study="first", search="epochs=4 width=8").multiselect(key="experiments").options
    assert options == ["epochs=4 width=8 #1", "epochs=4 width=8 #2"]


def test_of_many_the_first_are_offered_and_the_page_says_so(study: Study, open_page: Open) -> None:
    for number in range(100, 350):
        study.points.append(study.point("local", epochs=number))
    study.write_plan()
    shown = open_page("compare")
    assert len(shown.multiselect(key="experiments").options) == 200
    assert "The first 200 of 254" in said(shown)


def test_several_machines_are_told_apart(study: Study, open_page: Open) -> None:
    study.add("dgx", epochs=1)
    assert "epochs=1 on dgx" in open_page("compare").multiselect(key="experiments").options


def test_the_address_keeps_what_was_chosen(built: Project, open_page: Open) -> None:
    shown = open_page("compare", study="first", experiments=[ONE, OTHER], search="nothing fits this")
    assert "Compared" in tables(shown)
    assert shown.query_params["experiments"] == [ONE, OTHER]


@pytest.mark.parametrize("typed", ["epoch=1", "../../etc", "<img src=x onerror=alert(1)>", "epochs"])
def test_what_means_nothing_or_several_is_explained(built: Project, open_page: Open, typed: str) -> None:
    shown = open_page("compare", study="first", experiments=[ONE, typed])
    (error,) = shown.error
    assert not shown.exception
    assert "\n" not in error.value
    assert any(words in error.value for words in ("has no experiment", "has no axis", "fits"))


def test_studies_are_compared_by_their_best_points(built: Project, open_page: Open) -> None:
    shown = open_page("compare", compare="studies", studies=["first", "second"])
    assert [row["study"] for row in tables(shown)["Compared"]] == ["first", "second"]
    assert "Choose two or more studies" in said(open_page("compare", compare="studies", studies=["first"]))


def test_a_study_without_results_is_told(built: Project, study: Study, open_page: Open) -> None:
    (study.folder / "records").rename(study.folder / "no-records")
    shown = open_page("compare", compare="studies", studies=["first", "quick"])
    assert "study quick has no result yet" in said(shown)


def test_a_new_result_is_seen(study: Study, open_page: Open) -> None:
    chosen = ["epochs=1", "epochs=20"]
    before = tables(open_page("compare", experiments=chosen))
    assert before["Results"][0]["B"] == "–"  # noqa: RUF001  what the website writes for nothing
    study.finish(study.points[3], {"accuracy": 0.5})
    assert tables(open_page("compare", experiments=chosen))["Results"][0]["B"] == "0.5"


def test_a_hostile_study_stays_text(project: Project, open_page: Open) -> None:
    folder = hostile_study(project.results)
    names = [point["id"] for point in folder.points[:2]]
    shown = open_page("compare", study="hostile", experiments=names, everything=True)
    assert not shown.exception
    as_markdown = "\n".join(
        str(element.value) for kind in ("markdown", "caption", "header") for element in shown.get(kind)
    )
    assert "<img" not in as_markdown


def test_without_any_study_the_page_says_how_to_begin(project: Project, open_page: Open) -> None:
    (project.results / "quick/plan.json").unlink()
    assert "No study has run here yet" in said(open_page("compare"))


def test_machines_are_compared_over_their_common_points(project: Project, open_page: Open) -> None:
    folder = Folder(project.results, "machines")
    for machine, factor in (("laptop", 1.0), ("dgx", 0.5)):
        for repeat, noise in enumerate((0.0, 1.0), 1):
            point = folder.add(machine, epochs=1, repeat=repeat)
            folder.finish(point, {"accuracy": {"value": 0.9}}, seconds=factor * (100 + noise) + noise / 10)
    shown = open_page("compare", study="machines", compare="machines")
    found = tables(shown)
    assert [row["machine"] for row in found["Machines"]] == ["laptop", "dgx"]
    accuracy = found["dgx compared with laptop"][0]
    assert accuracy["result"] == "not distinguishable from laptop: equal in 2 pairs"
    turned = tables(open_page("compare", study="machines", compare="machines", reference="dgx"))
    assert "laptop compared with dgx" in turned


def test_one_machine_is_not_compared(built: Project, open_page: Open) -> None:
    assert "Fewer than two machines have results" in said(open_page("compare", study="first", compare="machines"))
