"""Faults of a machine: killed processes, full disks, file systems without hard links and locks."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fairmesh.machines.transport import RefusedError, RequestError, UnreachableError
from fairmesh.runner import owner
from tests.machine_jobs import small_disk
from tests.target.client import FINGERPRINT, FOLDER, Client
from tests.target.patched import EVENTS, KILL_AT, NFS_LIKE, PatchedClient, with_patched_runner
from tests.waiting import wait_until

MOST_POINTS = 200


def killed_at(client: Client, number: int) -> PatchedClient:
    """Return the same client with a machine that kills the serving process before an event."""
    return PatchedClient(client.place, client.python, patch=KILL_AT.format(number=number, events=EVENTS))


def leftovers(client: Client) -> list[str]:
    """Return the temporary files and folders in the home."""
    return [str(path) for path in client.home.rglob(".*") if path.name.startswith(".incoming") or ".half" in path.name]


def points(client: Client, request: Callable[[Client], Any]) -> Iterator[int]:
    """Kill the serving process at one point after the other, until a request is carried out; yield the points."""
    for number in range(1, MOST_POINTS):
        try:
            request(killed_at(client, number))
        except UnreachableError:
            yield number
        else:
            return
    pytest.fail("the request is never carried out")


def test_a_process_killed_at_any_point_of_store_leaves_files_whole(client: Client) -> None:
    client.render()
    whole = "applications/0123456789ab/toy"
    folder = client.place / "local" / whole
    folder.mkdir(parents=True)
    for name in ("a", "b"):
        (folder / name).write_text(name)
    hit = 0

    def store(machine: Client) -> None:
        machine.store()
        machine.store(whole, is_whole=True)

    for _ in points(client, store):
        hit += 1
        there = client.home / whole
        assert not there.exists() or sorted(path.name for path in there.iterdir()) == ["a", "b"]
        for path in client.job.glob("[!.]*"):
            assert path.read_bytes() == (client.place / "local" / FOLDER / path.name).read_bytes()
    assert hit > 20
    client.store()
    assert leftovers(client) == []
    print(f"killed at {hit} points of store")


@pytest.mark.parametrize("part", range(2))
def test_a_process_killed_at_any_point_of_start_starts_once(tmp_path: Path, part: int) -> None:
    hit, number = 0, 1 + part
    while number < MOST_POINTS:
        client = Client(tmp_path / str(number))
        client.place.mkdir()
        client.render()
        client.store()
        try:
            killed_at(client, number).start()
            break
        except UnreachableError:
            hit += 1
        state = client.start()
        assert state["number"] == 1
        client.wait("done")
        assert client.start()["state"] == "done"
        assert client.starts() == 1, f"killed at point {number}"
        assert [path.name for path in (client.job / "claims").iterdir()] == ["1"]
        number += 2
    assert hit > 3
    print(f"killed at {hit} points of start")


def test_a_process_killed_at_any_point_of_remove_leaves_nothing_half(client: Client) -> None:
    client.render()
    for _ in points(client, lambda machine: (client.store(), machine.call("remove", folders=["sweep"]))):
        assert not client.job.exists() or sorted(path.name for path in client.job.iterdir()) == [
            "config.yaml",
            "experiment.json",
            "job.sh",
        ]
    assert not client.job.exists()
    client.store()
    assert leftovers(client) == []


def test_a_killed_upload_of_the_runner_is_repeated(client: Client) -> None:
    assert list(points(client, lambda machine: machine.poll()))
    assert client.poll()["state"] == "absent"


def test_a_detached_job_is_in_a_session_of_its_own(client: Client) -> None:
    client.render(seconds=2)
    client.store()
    claim = client.start()["claim"]
    assert os.getsid(claim["pid"]) not in {os.getsid(0), claim["pid"]}
    assert Path(f"/proc/{claim['pid']}/fd/0").resolve() == Path("/dev/null")
    assert Path(f"/proc/{claim['pid']}/fd/1").resolve() == client.job / "starts/1.log"
    client.wait("done")
    assert client.starts() == 1


@pytest.mark.parametrize("options", ["size=4m", "size=16m,nr_inodes=60"], ids=["blocks", "inodes"])
def test_a_full_disk_is_a_reason_to_try_again_and_nothing_is_half_in_place(client: Client, options: str) -> None:
    with small_disk(client.base, options):
        client.render()
        client.store()
        whole = "stages/toy/scenes-000000000000"
        folder = client.place / "local" / whole
        folder.mkdir(parents=True)
        for number in range(80):
            (folder / f"{number}.bin").write_bytes(os.urandom(100_000))
        for _ in range(2):
            with pytest.raises(RequestError, match="No space left on device"):
                client.store(whole, is_whole=True)
            assert not (client.home / whole).exists()
            assert leftovers(client) == []
        for number in range(10, 80):
            (folder / f"{number}.bin").unlink()
        client.store(whole, is_whole=True)
        assert client.call("has", folders=[whole], is_verified=True)["folders"] == [whole]
        client.start()
        client.wait("done")
        client.end()


def test_a_full_disk_at_the_start_is_a_reason_to_try_again(client: Client) -> None:
    with small_disk(client.base, "size=2m"):
        client.render()
        client.store()
        filler = client.base / "filler"
        with suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(b"\0" * 4096)
                file.flush()
        state = client.start()
        assert (state["kind"], state["number"]) == ("retry", 0)
        assert state["problem"].endswith("No space left on device")
        assert client.poll()["state"] == "absent"
        filler.unlink()
        client.start()
        client.wait("done")
        assert client.starts() == 1


def test_a_read_only_folder_needs_a_person(client: Client) -> None:
    with small_disk(client.base, "size=2m"):
        client.render()
        client.store()
        subprocess.run(["mount", "-o", "remount,ro", str(client.base)], check=True)
        with pytest.raises(RefusedError, match="Read-only file system"):
            client.store()


@pytest.fixture
def nfs_like(tmp_path: Path) -> Iterator[PatchedClient]:
    """Yield a client whose machine has a file system without hard links and locks."""
    patch = NFS_LIKE.format(base=str(tmp_path / "base"))
    client = PatchedClient(tmp_path, environment=with_patched_runner(tmp_path / "bin", patch), patch=patch)
    yield client
    client.end()


def test_without_hard_links_and_locks_one_of_eight_clients_starts(nfs_like: PatchedClient) -> None:
    client = nfs_like
    facts = client.transport().call({"verb": "hello"})
    assert (facts["has_hard_links"], facts["is_writable"]) == (False, True)
    client.render(seconds=1)
    client.store()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.start(), range(8)))
    client.wait("done")
    assert client.starts() == 1
    assert (client.job / "claims/1").is_dir()
    archive = client.place / "back.tar"
    jobs = [{"folder": FOLDER, "attempts": [1]}]
    assert f"{FOLDER}/claims/1/owner.json" in client.call("fetch", save=archive, jobs=jobs)["manifest"]


def test_temporary_folders_of_other_hosts_are_removed_after_a_day(client: Client) -> None:
    client.render()
    client.store()
    old, new = client.home / ".incoming-other.1.1", client.home / ".incoming-other.2.2"
    for path in (old, new):
        path.mkdir()
    os.utime(old, (1, 1))
    client.store()
    assert (old.exists(), new.exists()) == (False, True)


def test_a_rebooted_machine_is_proof_of_loss(client: Client) -> None:
    client.render(seconds=60)
    client.store()
    client.start()
    state = client.wait("running")
    claim = client.job / "claims/1"
    os.kill(state["claim"]["pid"], signal.SIGKILL)
    claim.write_text(claim.read_text().replace(state["claim"]["boot"], "an-earlier-boot"))
    state = client.poll()
    assert (state["state"], state["is_over"]) == ("lost", True)


def test_an_owner_on_another_host_is_silent_but_not_lost(client: Client) -> None:
    client.render()
    client.store()
    (client.job / "claims").mkdir()
    (client.job / "claims/1").write_text('{"host": "other", "boot": "b", "pid": 7, "start": "1"}')
    state = client.poll()
    assert (state["state"], state["is_over"], state["is_silent"]) == ("queued", False, False)
    os.utime(client.job / "claims/1", (1, 1))
    state = client.poll()
    assert (state["state"], state["is_over"], state["is_silent"]) == ("queued", False, True)
    assert client.start(2)["number"] == 1
    assert client.starts() == 0


def test_what_a_program_wrote_into_status_and_claim_is_no_error(client: Client) -> None:
    client.render()
    client.store()
    attempt = client.job / "attempts/1"
    for content in ("", "[]", "{", '{"state": 7}', '{"state": "running", "pid": "x"}', '{"state": "dancing"}'):
        attempt.mkdir(parents=True, exist_ok=True)
        (attempt / "status.json").write_text(content)
        (client.job / "claims").mkdir(exist_ok=True)
        (client.job / "claims/1").write_text(content)
        (client.job / "commit.json").write_text(content)
        assert client.poll()["state"] in {"queued", "running", "lost"}, content
        for path in (client.job / "starts").glob("*"):
            path.unlink()
        (client.job / "starts").mkdir(exist_ok=True)
        (client.job / "starts/2.json").write_text(content)
        assert client.poll()["state"] in {"queued", "running", "lost"}, content


def test_a_thousand_jobs_are_polled_in_one_call(client: Client) -> None:
    client.render()
    client.store()
    client.start()
    client.wait("done")
    folders = [f"sweep/experiments/far/y={number}" for number in range(1000)]
    for number, folder in enumerate(folders):
        shutil.copytree(client.job, client.home / folder)
        if number % 2:
            (client.home / folder / "commit.json").unlink()
            (client.home / folder / "attempts/1/status.json").write_text('{"state": "running"}')
            (client.home / folder / "claims/1").write_text(json.dumps(owner.current_process()))
    jobs = [{"folder": folder, "fingerprint": FINGERPRINT} for folder in folders]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    states = [state["state"] for state in client.call("poll", jobs=jobs)["jobs"].values()]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert states == ["done", "running"] * 500
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2, (
        "CPU time, which load does not change"
    )


def test_waiting_until_a_job_has_begun(client: Client) -> None:
    """A start that returns has a claim already, so that a client that ends at once leaves nothing open."""
    client.render(seconds=1)
    client.store()
    state = client.start()
    assert state["claim"] is not None
    wait_until(lambda: client.poll()["is_committed"], "it is done")
