"""One run and all faces: begun by REST, watched and cancelled in the monitor, retried by hand, awaited in Python."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import fairmesh
from fairmesh.api import Project
from fairmesh.client import Client, RemoteRun
from tests import watching
from tests.api.conftest import end_runs
from tests.browsing import open_browser
from tests.e2e.workplace import ROOT, Workplace
from tests.faces import Face
from tests.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.e2e
LONG = "seconds=40+value=2"
BY_MONITOR = re.compile("cancelled by .* by the monitor")


@pytest.fixture
def faces(workplace_of: Workplace) -> Iterator[tuple[Face, Face]]:
    """Yield a service and a monitor that run."""
    found = Face(workplace_of, "serve"), Face(workplace_of, "monitor")
    for face in found:
        face.start()
    yield found
    for face in found:
        face.kill()
    end_runs(Project.of(workplace_of.folder))


@pytest.fixture(params=["local", pytest.param("slurm-lean", marks=pytest.mark.clusters)])
def workplace_of(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """Return a working folder on this computer, and one on a cluster."""
    cluster = None if request.param == "local" else request.getfixturevalue("slurm")
    place = Workplace(tmp_path, request.param, cluster)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(place.folder)
    place.study({"value": [1, 2], "seconds": [1, 40]}, title="All faces show the same")
    return place


@pytest.fixture
def page() -> Iterator[Page]:
    """Yield a page of a real browser."""
    with open_browser() as browser:
        yield browser.new_page(viewport={"width": 1280, "height": 900})


def test_all_faces_show_and_steer_one_run(workplace_of: Workplace, faces: tuple[Face, Face], page: Page) -> None:
    place, (service, monitor) = workplace_of, faces
    client = Client(service.url, service.shown_token())
    run = client.run("sweep", profile=place.profile)
    wait_until(lambda: state(run, LONG) == "running", "the long experiment")
    watch = person(place, "status", "--watch")

    watching.open_page(page, monitor, study="sweep")
    expect(page.get_by_text("All faces show the same")).to_be_visible()
    watching.keep(page, f"{place.profile}-overview")
    watching.show_token(page, monitor)
    watching.go_to(page, "Experiments")
    watching.fill(page, "Where", "seconds == 40 and value == 2")
    watching.keep(page, f"{place.profile}-experiments")
    page.get_by_role("button", name="Cancel all 1 listed").click()
    expect(page.get_by_text("1 cancelled")).to_be_visible()
    wait_until(lambda: state(run, LONG) == "cancelled", "the cancelled experiment, as REST tells it")
    watching.go_to(page, "Experiment")
    watching.fill(page, "Experiment", LONG)
    expect(page.get_by_text(BY_MONITOR).first).to_be_visible()
    watching.keep(page, f"{place.profile}-experiment")
    assert run.wait(3 * PATIENCE).counts == counts(done=3, cancelled=1)
    said, _ = watch.communicate(timeout=PATIENCE)
    assert (watch.returncode, "1 cancelled" in said) == (1, True), said

    hasten(place)
    retried = person(place, "retry", LONG)
    wait_until(lambda: fairmesh.Run.of("sweep").uuid != run.uuid, "a new run")
    again = fairmesh.Run.of("sweep")
    assert again.wait(3 * PATIENCE).counts == counts(done=4)
    assert retried.wait(3 * PATIENCE) == 0, retried.communicate()[0]
    expect(page.get_by_text("done 100 %")).to_be_visible()
    watching.go_to(page, "Overview")
    expect(page.get_by_text("sweep: 100%, done")).to_be_visible()
    watching.keep(page, f"{place.profile}-end")
    assert client.status("sweep").counts == counts(done=4)
    assert place.experiments_started() == dict.fromkeys(place.recorded(), 1) | {LONG: 2}


def person(place: Workplace, *words: str) -> subprocess.Popen[str]:
    """Start a verb of the command line."""
    command = [sys.executable, "-m", "fairmesh.cli", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=place.folder, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def hasten(place: Workplace) -> None:
    """Make the program faster, so that nobody waits for it a second time."""
    place.edit("toy/toy.py", '"saves"} else float(seconds)', '"saves"} else 0')


def counts(**known: int) -> dict[str, int]:
    """Return the count of every state."""
    return dict.fromkeys(("waiting", "queued", "running", "done", "failed", "cancelled", "timeout", "lost"), 0) | known


def state(run: RemoteRun, identity: str) -> str:
    """Return the state of an experiment, as REST tells it; empty as long as there is none."""
    return next((experiment.state for experiment in run.status().experiments if experiment.id == identity), "")
