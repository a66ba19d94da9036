"""Plans that a request asks for: in processes that end in time, with no more points and paths than are allowed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairmesh.api import Project
from fairmesh.errors import FairmeshError, InputError
from fairmesh.files import write_text
from fairmesh.workflow.planner import OverloadError, Planner
from fairmesh.workflow.planning import PlanRequest
from tests.waiting import wait_until

APPLICATION = """
name: reads
version: "1"
command: [cat, "{{ data }}"]
parameters:
  data: {type: string, format: path, default: /default/of/the/application}
  more: {type: array, items: {type: string}, format: path, default: []}
  value: {type: number, default: 1}
metrics: {score: {primary: true}}
"""
STUDY = "study: mine\napplication: reads\n"
HUGE = f"{STUDY}parameters: {{value: {{from: 1, to: 900000, step: 1}}}}\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    write_text(tmp_path / "Snakefile", "")
    write_text(tmp_path / "reads/application.yaml", APPLICATION)
    write_text(
        tmp_path / "config/studies/own.yaml", f"study: own\napplication: reads\nparameters: {{data: /own/{'d'}}}\n"
    )
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes/inside").symlink_to(tmp_path / "scenes")
    (tmp_path / "scenes/outside").symlink_to("/etc")
    configure(tmp_path, "{folders: [scenes, /data]}")
    return Project.of(tmp_path)


def configure(folder: Path, requests: str) -> None:
    write_text(folder / "config/config.yaml", f"study: own\nrequests: {requests}\n")


@pytest.fixture(scope="module")
def planner() -> Iterator[Planner]:
    found = Planner()
    yield found
    found.close()


def test_plans_are_made_one_after_another_in_the_same_process(planner: Planner, project: Project) -> None:
    text = f"{STUDY}parameters: {{value: [1, 2, 3]}}\n"
    found = [planner.preview(project, PlanRequest(text=text, where="value > 1", limit=1)) for _ in range(2)]
    assert found[0] == found[1]
    assert (found[0].whole, found[0].total, found[0].to_run) == (3, 2, 2)
    assert [experiment["id"] for experiment in found[0].experiments] == ["value=2"]
    assert len(planner._idle) == 1


@pytest.mark.parametrize("values", ["{from: 1, to: 1001, step: 1}", '{values: "range(1001)"}', "{values: '[1, 2]'}"])
def test_a_study_has_no_more_points_than_requests_may_have(planner: Planner, project: Project, values: str) -> None:
    repeat = "repeat: 501" if "[1, 2]" in values else ""
    configure(project.folder, "{points: 1000}")
    with pytest.raises(InputError, match=r"100[12] (values|experiments), of which at most 1000 are possible"):
        planner.preview(project, PlanRequest(text=f"{STUDY}parameters: {{value: {values}}}\n{repeat}\n"))


def test_a_plan_ends_when_it_takes_too_long(project: Project) -> None:
    configure(project.folder, "{points: 1000000}")
    planner = Planner(seconds=1)
    with pytest.raises(OverloadError, match="takes longer than 1 s"):
        planner.preview(project, PlanRequest(text=HUGE))
    assert planner._idle == []


def test_a_plan_ends_when_it_takes_too_much_memory(project: Project) -> None:
    configure(project.folder, "{points: 1000000}")
    with pytest.raises(OverloadError, match="takes more than 64 MB"):
        Planner(memory=64 << 20).preview(project, PlanRequest(text=HUGE))


def test_a_plan_ends_when_nobody_waits_for_it_any_more(project: Project) -> None:
    configure(project.folder, "{points: 1000000}")
    planner = Planner(at_once=1)
    first, second = (planner.begin(project, PlanRequest(text=HUGE)) for _ in range(2))
    errors: list[str] = []

    def ask(planning: Any) -> None:
        try:
            planning.result()
        except FairmeshError as error:
            errors.append(str(error))

    people = [threading.Thread(target=ask, args=(event,)) for event in (first, second)]
    people[0].start()
    wait_until(lambda: first._process is not None, "the first plan")
    people[1].start()
    begin = time.monotonic()
    second.cancel()  # while it waits for its turn
    people[1].join()
    first.cancel()
    people[0].join()
    assert time.monotonic() - begin < 10
    assert len(errors) == 2
    assert planner._idle == []


@pytest.mark.parametrize("path", ["/data", "/data/x/y", "{here}/scenes/new", "{here}/scenes/inside/x", ""])
@pytest.mark.parametrize("name", ["data", "more"])
def test_a_request_names_files_below_allowed_folders(planner: Planner, project: Project, path: str, name: str) -> None:
    value = path.format(here=project.folder)
    text = f'{STUDY}parameters: {{{name}: {{values: "[{[value] if name == "more" else value!r}]"}}}}\n'
    assert planner.preview(project, PlanRequest(text=text)).total == 1


ELSEWHERE = [
    "/etc/shadow",
    "/etc/no-such-file",
    "/data/../etc/shadow",
    "/database",
    "{here}/scenes/outside/shadow",
    "{here}/scenes/../config/config.yaml",
    "scenes",
    "../../etc/shadow",
    "~/.ssh/id_rsa",
    "file:///etc/shadow",
    "/",
]


@pytest.mark.parametrize("path", ELSEWHERE)
@pytest.mark.parametrize("way", ["text", "derived", "list", "set"])
def test_a_request_names_no_other_files(planner: Planner, project: Project, path: str, way: str) -> None:
    value = path.format(here=project.folder)
    request = {
        "text": PlanRequest(text=f"{STUDY}parameters: {{data: [{value!r}, /data/x]}}\n"),
        "derived": PlanRequest(text=f"{STUDY}derive: {{data: \"'{value[:2]}' + '{value[2:]}'\"}}\n"),
        "list": PlanRequest(text=f'{STUDY}parameters: {{more: {{values: "[[{value!r}]]"}}}}\n'),
        "set": PlanRequest(name="own", set={"data": [value]}),
    }[way]
    with pytest.raises(InputError, match="must be below a folder that requests may name") as caught:
        planner.preview(project, request)
    assert {problem.message.partition(", not ")[0] for problem in caught.value.problems} == {
        f"'{'more' if way == 'list' else 'data'}' must be below a folder that requests may name"
    }, "the same whether it is there or not"


def test_what_the_study_file_names_is_its_own(planner: Planner, project: Project) -> None:
    assert planner.preview(project, PlanRequest(name="own", set={"value": "1,2"})).total == 2
    assert planner.preview(project, PlanRequest(name="own", set={"data": "/own/d"})).total == 1
