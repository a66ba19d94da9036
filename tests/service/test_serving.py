"""A real service over real runs: they go on without it, and it knows them again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fairmesh.api import Project
from fairmesh.client import Client
from fairmesh.errors import BusyError, FairmeshError, InputError
from tests.api.conftest import end_runs
from tests.e2e.workplace import ROOT, Workplace
from tests.faces import Face
from tests.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.e2e


class Served(Face):
    """A service that can be started again."""

    def begin(self) -> Client:
        """Start it; give somebody who speaks with it."""
        self.start()
        return Client(self.url, self.shown_token())


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    place = Workplace(tmp_path)
    yield place
    end_runs(Project.of(tmp_path))


@pytest.fixture
def served(workplace: Workplace) -> Iterator[Served]:
    service = Served(workplace, "serve")
    yield service
    service.kill()


def test_a_run_from_its_start_to_its_results(served: Served, workplace: Workplace) -> None:
    note = "$(touch P) `touch P`; touch P '{{7*7}} {wildcards}"
    workplace.study({"behaviour": ["good", "hang", "exit"], "note": [note]})
    client = served.begin()
    assert client.studies() == sorted(client.studies())
    assert [experiment["why"] for experiment in client.plan("sweep")] == ["new"] * 3

    def start(_: int) -> str:
        try:
            return client.run("sweep").uuid
        except BusyError:
            return ""

    with ThreadPoolExecutor(4) as people:
        (uuid,) = [answer for answer in people.map(start, range(4)) if answer]
    (run,) = client.runs("sweep")
    assert run.uuid == uuid
    served.kill()
    client = served.begin()  # another service, which has never heard of the run
    (run,) = client.runs()
    wait_until(lambda: run.state == "running", "the run")
    wait_until(
        lambda: run.status().counts["running"] and run.status().counts["failed"], "one that runs, one that failed"
    )
    assert [lines[-1] for lines in run.logs().values()] == ["toy: something went wrong"]
    events = client.events("sweep")
    first = next(events)
    assert first.kind == "summary"
    (hanging,) = [experiment for experiment in run.status().experiments if experiment.state == "running"]
    assert run.cancel([hanging.key]) == (hanging.name,)
    seen = next(event for event in events if event.kind == "experiment" and event.data["state"] == "cancelled")
    assert seen.data["key"] == hanging.key
    assert seen.data["reason"].startswith("cancelled by ")
    again = [next(client.events("sweep", first.id)) for _ in range(2)]
    assert {event.id for event in again} == {again[0].id} != {first.id}, (
        "what came after the first, for whoever returns"
    )
    assert run.wait(PATIENCE).counts["done"] == 1
    assert run.state == "failed"
    workplace.edit("toy/toy.py", 'behaviour == "exit"', 'behaviour == "never"')
    retried = run.retry(states=["failed"])
    assert retried != run
    assert retried.wait(PATIENCE).counts["done"] == 2
    frame = client.results("sweep")
    assert list(frame["state"]) == ["done", "cancelled", "done"]
    assert frame.attrs["units"]["score"] == "1"
    assert not list(workplace.folder.rglob("P"))
    token = served.token.read_text().strip()
    known = [path for path in workplace.folder.rglob("*") if path.is_file() and path != served.token]
    assert not [path for path in known if token.encode() in path.read_bytes()], "the token is kept in one place"


def test_what_goes_wrong_is_one_clear_line(served: Served, workplace: Workplace) -> None:
    workplace.study({"value": [1]})
    client = served.begin()
    with pytest.raises(InputError, match="there is no 'valu' in sweep"):
        client.run("sweep", where="valu > 1")
    with pytest.raises(InputError, match="there is no profile 'locl'; did you mean 'local'"):
        client.run("sweep", profile="locl")
    with pytest.raises(FairmeshError, match="there is no study file for 'swep'"):
        client.run("swep")
    with pytest.raises(FairmeshError, match="the token is missing or wrong"):
        Client(served.url, "not-the-token-of-this-service").studies()
    run = client.run("sweep", key="once")
    assert client.run("sweep", key="once") == run, "a wish that was sent again is the same wish"
    with pytest.raises(InputError, match="the key was already used for another request"):
        client.run("sweep", key="once", first=1)
    with pytest.raises(BusyError, match=f"study sweep is being run: run {run.uuid[:8]}"):
        client.run("sweep", first=1)
    assert run.wait(PATIENCE).counts["done"] == 1
    assert len(client.runs("sweep")) == 1
    done = subprocess.run(
        [sys.executable, "-m", "fairmesh.cli", "serve", "--host", "0.0.0.0"],  # noqa: S104
        cwd=workplace.folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--token-file: listening on 0.0.0.0, which other computers can reach" in done.stderr
