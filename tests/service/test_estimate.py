"""Estimates over HTTP: the same as in Python and on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import fairmesh
from fairmesh import cli
from fairmesh.api import Project
from tests.results.builder import Folder
from tests.service.speaking import Speaker
from tests.service.test_attacks import assert_problem

PARAMETERS: dict[str, Any] = {
    "value": {"default": 1},
    "size": {"default": 3},
    "seconds": {"default": 0},
    "note": {"default": ""},
    "seed": {"default": 1},
    "behaviour": {"default": "good"},
}


@pytest.fixture
def earlier(project: Project) -> Folder:
    """Return earlier results of the toy, whose time grows with a value."""
    application = {"name": "toy", "version": "1", "parameters": PARAMETERS, "metrics": {}, "tables": {}}
    folder = Folder(project.results, "earlier", application=application)
    for value in (1, 2, 4):
        for repeat in (1, 2):
            point = folder.add(value=value, repeat=repeat)
            folder.finish(point, {"score": 1.0}, seconds=10.0 * value + repeat, resources={})
    return folder


def test_every_interface_gives_the_same_estimate(
    speaker: Speaker,
    project: Project,
    earlier: Folder,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = {"profile": "local", "set": {"value": [3, 8]}}
    answer = speaker.post("/studies/small/estimate", json=body, params={"limit": 1})
    assert answer.status_code == 200
    found = answer.json()
    (one,) = found["experiments"]
    assert one["seconds"]["low"] < 31.5 < one["seconds"]["high"]
    assert found["remarks"] == {"value=8 is beyond 1..4 that were measured": 1}
    assert found["rests_on"] == [{"study": "earlier", "machine": "local", "count": 6}]
    monkeypatch.chdir(project.folder)
    study = fairmesh.Study.load("small")
    expected = study.estimate("local", set={"value": [3, 8]}).to_json()
    assert cli.main(["estimate", "small", "--profile", "local", "--set", "value=3,8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(expected))
    assert expected["experiments"][:1] == found["experiments"]
    shared = found.keys() - {"offset", "experiments"}
    assert {name: expected[name] for name in shared} == {name: found[name] for name in shared}


def test_an_estimate_is_of_a_known_study_and_profile(speaker: Speaker) -> None:
    assert_problem(speaker.post("/studies/nothing/estimate", json={}), 404)
    assert_problem(speaker.post("/studies/small/estimate", json={"profile": "nowhere"}), 422)


def test_a_broken_record_does_not_end_the_service(speaker: Speaker, earlier: Folder) -> None:
    path = Path(earlier.folder / "records/local/broken.json")
    path.write_text('{"application": {"name": "toy"}, "attempt": 1, "seconds": 1e999}')
    answer = speaker.post("/studies/small/estimate", json={})
    assert answer.status_code == 200
    assert answer.json()["seconds"]["known"] == 2
