"""Experiments whose programs run in containers of the real podman."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from fairmesh import schema
from fairmesh.api import Run
from tests.containers import IMAGE, Podman, make_podman
from tests.e2e.workplace import RECORDS_ONLY, Workplace
from tests.waiting import PATIENCE, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.clusters]


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Podman:
    return make_podman(tmp_path_factory.mktemp("podman"))


@pytest.fixture
def contained(workplace: Workplace, podman: Podman, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """Return a workplace whose machine runs programs in containers."""
    for name, value in podman.variables.items():
        monkeypatch.setenv(name, value)
    set_container(workplace, program="podman", image=IMAGE)
    return workplace


def set_container(workplace: Workplace, **container: Any) -> None:
    machines = {"local": {"kind": "local", "container": container}}
    (workplace.folder / "config/machines.yaml").write_text(schema.dump_yaml(machines))


def insert(workplace: Workplace, line: str) -> None:
    """Insert a line into the program, where it has read its input."""
    workplace.edit("toy/toy.py", "    noise = ", f"    {line}\n    noise = ")


def environment(workplace: Workplace, identity: str) -> dict[str, Any]:
    digest = workplace.record(identity)["environment"]
    found: dict[str, Any] = json.loads((workplace.results / f"environments/{digest}.json").read_text())
    return found


def test_a_program_runs_in_its_container_and_the_record_has_the_digest(contained: Workplace, podman: Podman) -> None:
    insert(contained, 'open("seen", "w").write(" ".join(sorted(os.listdir("/"))))')
    contained.study({"value": [1, 2]})
    contained.run(*RECORDS_ONLY)
    attempt = contained.job("value=1") / "attempts/1"
    seen = (attempt / "seen").read_text().split()
    assert "usr" in seen
    assert not {"home", "root", "opt", "srv"} & set(seen)
    recorded = environment(contained, "value=1")
    assert recorded["container"] == {"kind": "podman", "image": IMAGE, "digest": podman.digest()}
    assert recorded["container"]["digest"].startswith("sha256:")
    assert recorded["python"]["packages"] == {}, "those of the image, which has none"
    usage = contained.record("value=1")["usage"]
    assert usage["cpu_s"] > 0
    assert podman.containers() == []


def test_memory_and_processor_time_of_the_container_are_measured(contained: Workplace) -> None:
    insert(contained, 'hold = b"x" * 300_000_000')
    insert(contained, "begun = time.process_time()")
    insert(contained, "while time.process_time() - begun < 2: hold[0]")
    contained.study({"value": [1]})
    contained.run(*RECORDS_ONLY)
    usage = contained.record("value=1")["usage"]
    assert 2 <= usage["cpu_s"] < 10
    assert usage["peak_bytes"] > 300_000_000


def test_what_a_program_may_write_is_its_own_folder(contained: Workplace) -> None:
    insert(contained, 'open(os.environ["FAIRMESH_STAGE_NUMBERS"] + "/numbers.json", "w")')
    contained.study({"value": [1]})
    assert "Read-only file system" in contained.run(*RECORDS_ONLY, status=1)


@pytest.mark.parametrize(("behaviour", "grace"), [("hang", 0), ("deaf", 9)])
def test_a_cancelled_container_ends(contained: Workplace, podman: Podman, behaviour: str, grace: float) -> None:
    contained.study({"behaviour": [behaviour]})
    process = contained.start(*RECORDS_ONLY)
    status = contained.job(f"behaviour={behaviour}") / "attempts/1/status.json"

    def read() -> dict[str, Any]:
        return json.loads(status.read_text()) if status.exists() else {}

    wait_until(lambda: read().get("progress") == 50, "the program in the container")
    assert len(podman.containers()) == 1
    run = Run.of("sweep", folder=contained.folder)
    run.cancel()
    process.communicate(timeout=PATIENCE)
    assert read()["state"] == "cancelled"
    wait_until(lambda: podman.containers() == [], "the end of the container")


def test_a_program_that_saves_when_asked_is_asked_once(contained: Workplace) -> None:
    contained.edit("toy/toy.py", 'open("saved", "w")', 'open("saved", "a")')
    contained.edit("toy/toy.py", "        sys.exit(0)\n", "        time.sleep(1)\n        os._exit(0)\n")
    contained.study({"behaviour": ["saves"]})
    process = contained.start(*RECORDS_ONLY)
    attempt = contained.job("behaviour=saves") / "attempts/1"
    log = attempt / "job.log"
    wait_until(lambda: log.exists() and "half way" in log.read_text(), "the program in the container")
    Run.of("sweep", folder=contained.folder).cancel()
    process.communicate(timeout=PATIENCE)
    assert (attempt / "saved").read_text() == "saved"


def test_the_container_of_a_killed_runner_is_ended_before_the_next_attempt(
    contained: Workplace, podman: Podman
) -> None:
    contained.study({"behaviour": ["deaf"]})
    process = contained.start(*RECORDS_ONLY)
    job = contained.job("behaviour=deaf")
    log = job / "attempts/1/job.log"
    wait_until(lambda: log.exists() and "half way" in log.read_text(), "the program in the container")
    os.kill(json.loads((job / "claims/1").read_text())["pid"], signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    contained.edit("toy/toy.py", '{"hang", "deaf", "saves"}', '{"hang"}')
    contained.run(*RECORDS_ONLY)
    assert contained.record("behaviour=deaf")["attempt"] == 2
    assert podman.containers() == []


@pytest.mark.parametrize(
    ("container", "message"),
    [
        (
            {"program": "podman", "image": "localhost/none:1"},
            "image localhost/none:1 is not here, and cannot be",
        ),
        (
            {"program": "apptainer", "image": "x.sif"},
            "there is no program 'apptainer' here",
        ),
        ({"program": "podman", "image": IMAGE, "mounts": ["/no/such"]}, "its container cannot have /no/such: "),
        (
            {"program": "podman", "image": IMAGE, "options": ["--no-such-option"]},
            "podman could not start its",
        ),
    ],
)
def test_what_is_missing_is_the_reason_of_the_failure(
    contained: Workplace, container: dict[str, Any], message: str
) -> None:
    set_container(contained, **container)
    contained.study({"value": [1]})
    assert message in contained.run(*RECORDS_ONLY, status=1)


def test_a_study_names_the_image_and_without_one_there_is_no_container(contained: Workplace) -> None:
    set_container(contained, program="podman")
    contained.study({"value": [1]})
    contained.run(*RECORDS_ONLY)
    assert environment(contained, "value=1")["container"].get("kind") != "podman"
    contained.study({"value": [1, 2]}, container=IMAGE)
    contained.run(*RECORDS_ONLY)
    assert environment(contained, "value=2")["container"]["image"] == IMAGE


def test_input_files_that_parameters_name_are_seen(contained: Workplace) -> None:
    data = contained.folder.parent / f"{contained.folder.name}.data"
    data.write_text("42")
    contained.edit("toy/application.yaml", "note: {type: string,", "note: {type: string, format: path,")
    contained.edit("toy/application.yaml", '"{{ seed }}"]', '"{{ seed }}", "{{ note }}"]')
    contained.edit("toy/toy.py", "seconds, value, seed):", "seconds, value, seed, note):")
    insert(contained, 'assert open(note).read() == "42"')
    contained.study({"note": [str(data)]})
    contained.run(*RECORDS_ONLY)
