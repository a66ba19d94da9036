"""What a request may cost others, and how it is answered behind a proxy."""

from __future__ import annotations

import asyncio
import csv
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from fairmesh.api import Project
from fairmesh.files import write_json, write_text
from fairmesh.service import experiments, studies
from fairmesh.service.app import create_app
from fairmesh.service.status_feed import StatusFeeds
from fairmesh.status import Reader, StudyStatus
from fairmesh.workflow.planner import Planner
from fairmesh.workflow.planning import PlanRequest
from tests.service.speaking import BASE, TOKEN, V1, Speaker
from tests.service.test_attacks import assert_problem
from tests.status.conftest import Study
from tests.waiting import wait_until

TOY = "study: new\napplication: toy\nparameters: {value: [1, 2]}\n"
HUGE = TOY.replace("[1, 2]", "{from: 1, to: 90000, step: 1}")


@pytest.mark.parametrize(
    "path",
    ["/studies", "/studies/quick/status", "/studies/quick/results?format=csv", "/studies/quick/events", "/health"],
)
def test_head_is_get_without_a_body(speaker: Speaker, path: str) -> None:
    head = speaker.ask("HEAD", V1 + path)
    assert (head.status_code, head.content) == (200, b"")
    if not path.endswith("events"):  # which has no end
        got = speaker.get(path)
        assert dict(head.headers) == dict(got.headers)
    assert speaker.ask("HEAD", f"{V1}/studies/quick/plan").status_code == 405
    assert speaker.without("authorization").ask("HEAD", V1 + path).status_code == 401


def test_a_table_as_csv_has_no_formulas(speaker: Speaker, study: Study) -> None:
    formula = '=HYPERLINK("http://evil.example")'
    study.points[0]["parameters"]["note"] = formula
    study.write_plan()
    answer = speaker.get("/studies/quick/results", params={"format": "csv"})
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert [row["note"] for row in rows if row["note"]] == [f"'{formula}"]
    exact = speaker.get("/studies/quick/results").json()
    assert formula in [value for row in exact["rows"] for value in row]


def test_the_same_study_can_be_saved_again(speaker: Speaker) -> None:
    with ThreadPoolExecutor(4) as people:
        answers = list(people.map(lambda _: speaker.post("/studies", json={"text": TOY}), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert {answer.json()["count"] for answer in answers} == {2}
    assert_problem(speaker.post("/studies", json={"text": TOY.replace("2]", "3]")}), 409)


@pytest.mark.parametrize("path", ["/etc/shadow", "/etc/no-such-file"])
def test_files_elsewhere_are_not_even_looked_for(speaker: Speaker, project: Project, path: str) -> None:
    application = (project.folder / "tests/toy/application.yaml").read_text()
    write_text(project.folder / "reads/application.yaml", application.replace("note: {", "note: {format: path, "))
    text = f"study: new\napplication: reads\nparameters: {{note: {path}}}\n"
    (fault,) = speaker.post("/studies/validate", json={"text": text}).json()["errors"]
    assert fault["message"] == f"'note' must be below a folder that requests may name, not {path!r}"
    write_text(project.folder / "config/studies/reads.yaml", "study: reads\napplication: reads\n")
    for verb in ("plan", "runs"):
        answer = speaker.post(f"/studies/reads/{verb}", json={"set": {"note": path}})
        assert_problem(answer, 422)


def test_a_study_of_too_many_points_is_refused(speaker: Speaker, project: Project) -> None:
    write_text(project.folder / "config/config.yaml", "study: small\nrequests: {points: 1000}\n")
    assert not speaker.post("/studies/validate", json={"text": HUGE}).json()["valid"]
    assert_problem(speaker.post("/studies", json={"text": HUGE}), 422)
    assert_problem(speaker.post("/studies/small/plan", json={"set": {"value": "[1-90000]"}}), 422)


def test_work_ends_when_the_client_goes_away(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    planner = Planner(at_once=1)
    monkeypatch.setattr(studies, "PLANNER", planner)

    class Gone:
        async def receive(self) -> dict[str, str]:
            while not planner._busy:
                await asyncio.sleep(0.01)
            return {"type": "http.disconnect"}

    begin = time.monotonic()
    with pytest.raises(Exception, match="the client has disconnected"):
        asyncio.run(studies.plan_for(Gone(), project, PlanRequest(text=HUGE)))  # type: ignore[arg-type]
    wait_until(lambda: not planner._busy, "the end of the process")
    assert planner._idle == []
    assert time.monotonic() - begin < planner.seconds


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Future[Any]]]:
    """Return what makes a function wait until the end of the test, and asks somebody for what calls it."""
    end = threading.Event()
    with ThreadPoolExecutor(1) as person:

        def stick(owner: Any, name: str, ask: Callable[[], Any]) -> Future[Any]:
            monkeypatch.setattr(owner, name, lambda *_: end.wait(60))
            return person.submit(ask)

        yield stick
        end.set()


@pytest.mark.parametrize("where", ["log", "study"])
def test_a_disk_that_does_not_answer_holds_up_nobody_else(
    speaker: Speaker, study: Study, stuck: Callable[..., Future[Any]], where: str
) -> None:
    if where == "log":
        path = f"/studies/quick/experiments/{study.points[1]['key']}/log"
        waiting = stuck(experiments, "log_part", lambda: speaker.get(path))
    else:
        waiting = stuck(Project, "studies", lambda: speaker.get("/studies/nothing/status"))
    for _ in range(3):
        assert speaker.get("/studies/quick/status").status_code == 200
    assert not waiting.done()


def test_what_was_read_before_a_change_answers_nobody_after_it(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    read = Reader.read

    def slow(reader: Reader) -> StudyStatus:
        found = read(reader)
        begun.set()
        go_on.wait(10)
        return found

    async def story() -> None:
        feed = StatusFeeds().of(study.paths)
        monkeypatch.setattr(Reader, "read", slow)
        before = asyncio.ensure_future(feed.snapshot())
        await asyncio.to_thread(begun.wait, 10)
        study.start(study.points[2], "failed", run="x", reason="exit code 9")
        feed.cache.forget()
        after = asyncio.ensure_future(feed.snapshot())
        go_on.set()
        key, new = study.points[2]["key"], "failed before: exit code 9"
        assert (await before).by_key[key].reason != new
        assert (await after).by_key[key].reason == new
        assert (await feed.snapshot()).by_key[key].reason == new

    asyncio.run(story())


@pytest.fixture
def behind(project: Project) -> Iterator[Speaker]:
    """Return somebody who speaks with a service that a proxy shows below a path."""
    with Speaker(create_app(project, TOKEN, ["portal.example"], root="/user/ada/fairmesh")) as found:
        yield found


@pytest.mark.parametrize("left", ["", "/user/ada/fairmesh"])
def test_links_lead_through_a_proxy(behind: Speaker, study: Study, left: str) -> None:
    """It may take the path away, or leave it."""
    root = "/user/ada/fairmesh"
    assert behind.ask("GET", f"{left}/openapi.json").json()["servers"] == [{"url": root}]
    assert 'href="openapi.json"' in behind.ask("GET", f"{left}/docs").text
    key = study.points[0]["key"]
    listed = behind.ask("GET", f"{left}{V1}/studies/quick/experiments/{key}/artefacts").json()["artefacts"]
    assert all(link["href"].startswith(f"{root}{V1}/") for link in listed)
    assert behind.ask("GET", listed[0]["href"]).status_code == 200
    saved = behind.ask("POST", f"{left}{V1}/studies", json={"text": TOY})
    assert behind.ask("GET", saved.headers["location"]).status_code == 200
    refused = behind.ask("DELETE", f"{left}{V1}/studies")
    assert refused.headers["allow"] == "GET, HEAD, POST"
    assert behind.ask("GET", f"{left}/docs", headers={"authorization": ""}).headers["www-authenticate"][:5] == "Basic"


@pytest.mark.parametrize("host", ["portal.example", "127.0.0.1:8765"])
@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://portal.example", 200),
        ("http://portal.example:80", 200),
        ("https://portal.example:9999", 403),
        ("https://evil.portal.example", 403),
        (BASE.replace("8765", "9999"), 403),
    ],
)
def test_pages_under_the_name_of_a_proxy_are_own_ones(behind: Speaker, host: str, origin: str, status: int) -> None:
    assert behind.get("/health", headers={"host": host, "origin": origin}).status_code == status


@pytest.mark.parametrize("name", ["epochs=2", "epochs=2.0", "epochs=2 on local"])
def test_an_experiment_is_read_by_its_name(speaker: Speaker, study: Study, name: str) -> None:
    found = speaker.get(f"/studies/quick/experiments/{quote(name)}").json()
    assert (found["key"], found["name"]) == (study.points[1]["key"], "epochs=2")
    listed = speaker.get("/studies/quick/experiments", params={"name": name}).json()
    assert [item["id"] for item in listed["experiments"]] == ["epochs=2"]


def test_a_name_that_fits_nothing_or_several_is_explained(speaker: Speaker) -> None:
    found = speaker.get("/studies/quick/experiments/epoch=2")
    assert (found.status_code, found.json()["detail"]) == (
        404,
        "'epoch=2': quick has no axis 'epoch'; did you mean 'epochs'?",
    )
    listed = speaker.get("/studies/quick/experiments", params={"name": "epochs"})
    assert listed.status_code == 422
    assert "'epochs' fits 4 points of quick: epochs=1, epochs=2" in listed.json()["detail"]


def test_the_machines_of_a_study_are_compared(speaker: Speaker, study: Study) -> None:
    refused = speaker.get("/studies/quick/machines")
    assert_problem(refused, 422)
    assert "comparing needs two machines" in refused.json()["errors"][0]["message"]
    point = study.add("dgx", **study.points[0]["axes"])
    study.finish(point, {"accuracy": 0.9})
    found = speaker.get("/studies/quick/machines", params={"reference": "dgx"}).json()
    assert found["reference"] == "dgx"
    assert [machine["machine"] for machine in found["machines"]] == ["local", "dgx"]
    accuracy = found["quantities"][0]["machines"][0]
    assert accuracy["noise"]["words"] == "not distinguishable from dgx: equal in 1 pair"
    assert_problem(speaker.get("/studies/quick/machines", params={"reference": "dgy"}), 422)
    assert_problem(speaker.get("/studies/none/machines"), 404)


def test_the_machines_of_a_study_are_read(speaker: Speaker, study: Study) -> None:
    assert speaker.get("/studies/quick/status/machines").json() == {"machines": []}
    seen = {"host": "login", "since": "2026-11-30T10:00:00Z", "last_seen": "2026-11-30T10:05:00Z", "computers": []}
    paused = {"state": "paused", "reason": "connection refused", "jobs": {"running": 2}, **seen}
    write_json(study.paths.machine("hpc"), paused)

    def machines() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = speaker.get("/studies/quick/status/machines").json()["machines"]
        return found

    wait_until(lambda: machines() == [{"machine": "hpc", **paused}], "the machine")
    status = speaker.get("/studies/quick/status").json()
    assert status["machines"] == [{"machine": "hpc", **paused}]
    assert speaker.get("/studies/nothing/status/machines").status_code == 404
