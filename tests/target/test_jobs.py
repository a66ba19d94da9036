"""The life of a job on a machine: stored, started once, watched, fetched, cancelled and removed."""

from __future__ import annotations

import json
import os
import signal
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fairmesh.machines.transport import RequestError
from tests.target.client import FINGERPRINT, FOLDER, HOME, Client
from tests.waiting import wait_until


def test_a_job_is_stored_started_watched_and_fetched(any_client: Client) -> None:
    client = any_client
    client.render()
    assert client.poll()["state"] == "absent"
    assert client.store() == {"ok": True, "stored": [FOLDER]}
    state = client.start()
    assert (state["number"], state["is_committed"] or state["state"] in {"queued", "running"}) == (1, True)
    state = client.wait("done")
    assert (state["is_over"], state["is_committed"], state["status"]["state"]) == (True, True, "done")
    assert state["claim"]["pid"]
    archive = client.place / "back.tar"
    answer = client.call("fetch", save=archive, jobs=[{"folder": FOLDER, "attempts": [1], "has": {}}])
    with tarfile.open(archive) as tar:
        assert set(tar.getnames()) == set(answer["manifest"])
        assert json.load(tar.extractfile(f"{FOLDER}/commit.json"))["fingerprint"] == FINGERPRINT  # type: ignore[arg-type]
    names = {name.removeprefix(f"{FOLDER}/") for name in answer["manifest"]}
    assert {"commit.json", "claims/1", "attempts/1/status.json", "attempts/1/metrics.json"} <= names
    assert any(name.startswith("environments/") for name in names)
    assert client.starts() == 1


def test_repeated_requests_change_nothing(client: Client) -> None:
    client.render()
    client.store()
    client.start()
    client.wait("done")
    client.store()
    assert client.start()["state"] == client.start(2)["state"] == "done"
    assert client.starts() == 1
    assert [path.name for path in (client.job / "attempts").iterdir()] == ["1"]


def test_of_eight_clients_that_start_at_once_one_does(client: Client) -> None:
    client.render(seconds=1)
    client.store()
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda _: client.start(), range(8)))
    assert {state["number"] for state in states} == {1}
    client.wait("done")
    assert client.starts() == 1


def test_files_that_the_client_has_are_not_sent_again(client: Client) -> None:
    client.render()
    client.store()
    client.start()
    client.wait("done")
    archive = client.place / "back.tar"
    jobs = [{"folder": FOLDER, "attempts": [1], "has": {}}]
    manifest = client.call("fetch", save=archive, jobs=jobs)["manifest"]
    jobs[0]["has"] = {name: sha for name, sha in manifest.items() if not name.endswith("job.log")}
    assert client.call("fetch", save=archive, jobs=jobs)["manifest"] == manifest
    with tarfile.open(archive) as tar:
        assert tar.getnames() == [f"{FOLDER}/attempts/1/job.log"]


def test_a_running_attempt_is_sent_only_on_request(client: Client) -> None:
    client.render("print('begun', flush=True); import time; time.sleep(60)")
    client.store()
    client.start()
    client.wait("running")
    jobs = [{"folder": FOLDER, "attempts": [1]}]
    with pytest.raises(RequestError, match="has not ended"):
        client.call("fetch", save=client.place / "back.tar", jobs=jobs)
    wait_until(lambda: client.call("log", folder=FOLDER)["lines"] == ["begun"], "the log has its line")
    answer = client.call("fetch", save=client.place / "back.tar", jobs=jobs, is_partial=True)
    assert f"{FOLDER}/attempts/1/job.log" in answer["manifest"]


def test_a_killed_runner_is_proof_of_loss_and_the_next_number_starts_again(client: Client) -> None:
    client.render(seconds=60)
    client.store()
    client.start()
    state = client.wait("running")
    os.kill(state["claim"]["pid"], signal.SIGKILL)
    state = client.wait("lost")
    assert (state["number"], state["is_over"], state["reason"]) == (1, True, "its runner was killed")
    assert client.start(1)["state"] == "lost"
    client.render()
    client.store()
    assert client.start(2)["number"] == 2
    client.wait("done")


def test_a_job_is_cancelled(client: Client) -> None:
    client.render(seconds=60)
    client.store()
    client.start()
    client.wait("running")
    client.call("cancel", jobs=[FOLDER], who="ada")
    assert client.wait("cancelled")["reason"].startswith("cancelled by ada at ")
    client.render()
    client.store()
    client.start(2)
    client.wait("done")


def test_a_setup_that_fails_is_a_failed_attempt(client: Client) -> None:
    client.machine["setup"] = ["echo no module here >&2", "false"]
    client.render()
    client.store()
    client.start()
    state = client.wait("failed")
    assert state["reason"].startswith("the setup of its job ended it with status 1")
    assert client.call("log", folder=FOLDER)["lines"][0] == "no module here"
    assert client.starts() == 0


def test_a_setup_that_is_killed_is_proof_of_loss(client: Client) -> None:
    client.machine["setup"] = ["sleep 600"]
    client.render()
    client.store()
    state = client.start()
    assert (state["state"], state["reason"]) == ("queued", "its job.sh prepares the start")
    record = json.loads((client.job / "starts/1.json").read_text())
    os.killpg(record["process"]["process_group"], signal.SIGKILL)
    state = client.wait("lost")
    assert state["reason"].startswith("its job.sh ended before its program began")


def test_a_forced_job_runs_again_once_in_a_run(client: Client) -> None:
    client.render()
    client.store()
    client.start()
    client.wait("done")
    state = client.start(2, force=True, run="run-2")
    wait_until(lambda: client.poll()["number"] == 2 and client.poll()["is_committed"], "attempt 2 is committed")
    assert client.start(2, force=True, run="run-2")["state"] == "done"
    assert client.starts() == 2
    assert state["number"] == 2


def test_a_forced_start_that_is_lost_does_not_bring_the_old_result_back(client: Client) -> None:
    client.render()
    client.store()
    client.start()
    client.wait("done")
    client.machine["setup"] = ["kill -9 $$"]
    client.render()
    client.store()
    client.start(2, force=True, run="run-2")
    state = client.wait("lost")
    assert (state["number"], state["is_committed"]) == (2, False)
    history = client.home / "sweep/history/far/x=1/1.json"
    assert json.loads(history.read_text())["attempt"] == 1


def test_a_run_on_the_machine_itself_does_not_matter(client: Client) -> None:
    client.environment = dict(
        os.environ, FAIRMESH_RUN_FOLDER=str(client.place), FAIRMESH_HOME="/", FAIRMESH_RUN="other"
    )
    (client.place / "cancel.json").write_text("{}")
    client.render()
    client.store()
    client.start()
    assert client.wait("done")["status"]["run"] == "run-1"


def test_folders_are_removed_unless_a_job_is_active_in_them(client: Client) -> None:
    client.render(seconds=60)
    client.store()
    client.start()
    client.wait("running")
    for folder in (FOLDER, "sweep"):
        with pytest.raises(RequestError, match=f"{FOLDER} has not ended"):
            client.call("remove", folders=[folder])
    client.call("cancel", jobs=[FOLDER], who="ada")
    client.wait("cancelled")
    client.call("remove", folders=[FOLDER, "nothing"])
    assert not client.job.exists()
    names = sorted(path.name for path in (client.base / HOME).iterdir())
    assert names == [".runner", "environments", "runner.pyz", "sweep"]


def test_the_use_of_a_home_is_reported_with_its_open_jobs(client: Client) -> None:
    assert client.call("usage") == {"ok": True, "home": str(client.home), "folders": []}
    client.render(seconds=60)
    other = "other/experiments/far/x=2"
    client.render(folder=other)
    client.store()
    client.store(other)
    client.start()
    client.start(folder=other)
    client.wait("done", other)
    folders = {folder["path"]: folder for folder in client.call("usage")["folders"]}
    assert {path: folder["open_jobs"] for path, folder in folders.items()} == {
        "environments": 0,
        "other": 0,
        "sweep": 1,
    }
    files = [path for path in (client.home / "other").rglob("*") if path.is_file()]
    assert (folders["other"]["files"], folders["other"]["bytes"]) == (
        len(files),
        sum(path.stat().st_size for path in files),
    )


def test_a_job_of_another_fingerprint_is_not_started(client: Client) -> None:
    client.render()
    client.store()
    state = client.start(fingerprint="e" * 64)
    assert (state["state"], state["kind"]) == ("absent", "retry")
    assert state["problem"].endswith("does not hold this job; it must be stored again")


def test_a_whole_folder_appears_at_once_and_is_known_to_be_whole(client: Client) -> None:
    folder = "applications/0123456789ab/toy"
    local = client.place / "local" / folder
    local.mkdir(parents=True)
    (local / "main.py").write_text("x = 1\n")
    (local / "run.sh").write_text("exit\n")
    (local / "run.sh").chmod(0o755)
    assert client.call("has", folders=[folder])["folders"] == []
    client.store(folder, is_whole=True)
    assert client.call("has", folders=[folder], is_verified=True)["folders"] == [folder]
    there = client.home / folder
    assert there.joinpath("run.sh").stat().st_mode & 0o111 == 0o111
    before = there.stat().st_ino
    client.store(folder, is_whole=True)
    assert there.stat().st_ino == before
    (there / "main.py").unlink()  # a site that deletes old files
    assert client.call("has", folders=[folder])["folders"] == []
    client.store(folder, is_whole=True)
    assert client.call("has", folders=[folder], is_verified=True)["folders"] == [folder]
    (there / "main.py").write_text("x = 2\n")
    assert client.call("has", folders=[folder])["folders"] == [folder]
    assert client.call("has", folders=[folder], is_verified=True)["folders"] == []


def test_the_result_of_a_stage_is_stored_and_found(client: Client, tmp_path: Path) -> None:
    folder = "stages/toy/scenes-ffffffffffff"
    client.render(folder=folder, stage=True)
    client.store(folder)
    client.start(folder=folder)
    client.wait("done", folder)
    stage = {"folder": folder, "fingerprint": FINGERPRINT}
    assert client.call("has", stages=[stage], is_verified=True)["stages"] == [folder]
    other = Client(tmp_path / "other")
    archive = client.place / "back.tar"
    client.call("fetch", save=archive, jobs=[{"folder": folder, "attempts": [1]}])
    with tarfile.open(archive) as tar:
        tar.extractall(other.place / "local", filter="data")
    other.store(folder, is_whole=True)
    assert other.call("has", stages=[stage], is_verified=True)["stages"] == [folder]
