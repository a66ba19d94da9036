"""Outputs of stages by rsync, to real servers: what arrives, what a cut leaves, and what happens without rsync."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from fairmesh.dispatch.client import ReceivingFolder, TargetClient
from fairmesh.dispatch.remote_job import NeededStage
from fairmesh.dispatch.stage_copies import StageCopies
from fairmesh.dispatch.upload import Upload
from fairmesh.jobs.paths import StudyPaths
from fairmesh.machines.rsync import NoRsyncError
from fairmesh.machines.transport import UnreachableError
from fairmesh.runner.commit import list_files
from tests.clusters import processes_where
from tests.needs import must_have
from tests.ssh.conftest import Connect
from tests.sshd import SshNetwork
from tests.waiting import wait_until

pytestmark = pytest.mark.clusters
MARKER = "numbers-0123456789ab"
FOLDER = f"stages/toy/{MARKER}"


@pytest.fixture
def stage(tmp_path: Path) -> NeededStage:
    """Return a stage with a large output, and names with spaces and more."""
    must_have(shutil.which("rsync"), "no rsync; apt-get install rsync")
    paths = StudyPaths(tmp_path / "my results", "sweep").stage_job("toy", MARKER)
    attempt = paths.attempt(1)
    (attempt / "a folder").mkdir(parents=True)
    (attempt / "numbers.bin").write_bytes(os.urandom(8 << 20))
    (attempt / "a folder/-x 'ü' $(touch no).txt").write_text("text")
    (attempt / "tool").write_text("#!/bin/sh\n")
    (attempt / "tool").chmod(0o755)
    paths.experiment.write_text("{}")
    files = list_files(str(paths.folder), str(attempt), lambda: None)
    commit: dict[str, Any] = {"format": 1, "fingerprint": "f" * 64, "attempt": 1, "state": "done", "files": files}
    paths.commit.write_text(json.dumps(commit))
    return NeededStage(paths, "f" * 64)


def client_and_upload(connect: Connect, name: str, stage: NeededStage) -> tuple[TargetClient, Upload]:
    """Return what stores the stage on a server."""
    results = stage.paths.folder.parents[2]
    upload = Upload(results)
    upload.add_stage(stage)
    return TargetClient(connect(name, rsync=True), "bench-0123abcd", results), upload


def is_equal(stage: NeededStage, home: Path) -> bool:
    """Return whether the stage is on a server with the same bytes and modes."""
    own = {path.relative_to(stage.paths.folder): path for path in stage.paths.folder.rglob("*") if path.is_file()}
    there = {path.relative_to(home / FOLDER): path for path in (home / FOLDER).rglob("*") if path.is_file()}
    assert own.keys() == there.keys()
    return all(
        _digest(own[name]) == _digest(there[name]) and os.access(own[name], os.X_OK) == os.access(there[name], os.X_OK)
        for name in own
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_stage_is_copied_verified_and_moved_into_place(
    network: SshNetwork, connect: Connect, stage: NeededStage
) -> None:
    server = network.add("rsync")
    client, upload = client_and_upload(connect, "rsync", stage)
    client.copy(client.receive(FOLDER), upload)
    home = server.home / "fairmesh/bench-0123abcd"
    assert is_equal(stage, home)
    assert client.stored([], [stage]) == {FOLDER}
    assert sorted(path.name for path in home.iterdir()) == [".runner", "runner.pyz", "stages"]
    client.copy(client.receive(FOLDER), upload)
    assert is_equal(stage, home)
    assert server.log.count("Accepted publickey") == 1, "all over one connection"


def test_a_copy_that_is_cut_goes_on_where_it_was(network: SshNetwork, connect: Connect, stage: NeededStage) -> None:
    server = network.add("cut")
    network.write_entry("cut", f"Port {server.port}\n")
    client, upload = client_and_upload(connect, "cut", stage)
    home = server.home / "fairmesh/bench-0123abcd"
    client.stored([], [])

    def cut() -> None:
        wait_until(
            lambda: any(path.stat().st_size for path in home.glob(".incoming-*/**/numbers.bin")), "it begins", 60
        )
        for process in _servers_of_rsync(server.home):
            os.kill(process, 9)

    thread = threading.Thread(target=cut)
    thread.start()
    with pytest.raises(UnreachableError, match="was cut"):
        client.copy(client.receive(FOLDER), upload)
    thread.join()
    assert not (home / FOLDER).exists()
    (part,) = home.glob(".incoming-*/**/numbers.bin")
    arrived = part.stat().st_size
    assert arrived > 0
    client.copy(client.receive(FOLDER), upload)
    assert is_equal(stage, home)
    assert not list(home.glob(".incoming-*"))


def _servers_of_rsync(home: Path) -> list[int]:
    return processes_where(
        lambda process: (
            (process / "comm").read_text().strip() == "rsync"
            and b"--server" in (process / "cmdline").read_bytes()
            and str(home).encode() in (process / "cmdline").read_bytes()
        )
    )


def test_a_part_that_differs_is_never_taken_for_the_whole(
    network: SshNetwork, connect: Connect, stage: NeededStage
) -> None:
    server = network.add("differs")
    client, upload = client_and_upload(connect, "differs", stage)
    there = Path(client.receive(FOLDER).path)
    own = stage.paths.attempt(1) / "numbers.bin"
    wrong = there / FOLDER / "attempts/1/numbers.bin"
    wrong.parent.mkdir(parents=True)
    wrong.write_bytes(bytes(own.stat().st_size))
    os.utime(wrong, (own.stat().st_atime, own.stat().st_mtime))  # size and time are right: rsync does not look inside
    with pytest.raises(Exception, match="did not arrive whole"):
        client.copy(client.receive(FOLDER), upload)
    assert not (server.home / "fairmesh/bench-0123abcd" / FOLDER).exists()
    client.copy(client.receive(FOLDER), upload)
    assert is_equal(stage, server.home / "fairmesh/bench-0123abcd")


def test_without_rsync_or_with_a_login_shell_that_prints_it_is_not_used(
    network: SshNetwork, connect: Connect, stage: NeededStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.add("noisy", login_shell="noisy csh")
    client, upload = client_and_upload(connect, "noisy", stage)
    with pytest.raises(NoRsyncError, match=r"rsync cannot be used: .*shell clean"):
        client.copy(client.receive(FOLDER), upload)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(NoRsyncError, match=r"missing on this computer"):
        client.copy(client.receive(FOLDER), upload)


@pytest.mark.parametrize(("path", "program"), [("/x;touch y", "/usr/bin/rsync"), ("-e/x", "/r"), ("/x", "rsync $(id)")])
def test_what_a_machine_says_reaches_no_shell(
    network: SshNetwork, connect: Connect, stage: NeededStage, path: str, program: str
) -> None:
    if "liar" not in network.servers:
        network.add("liar")
    with pytest.raises(NoRsyncError, match="rsync cannot be called with"):
        connect("liar").copy_files(stage.paths.folder, ["x"], path, program)


def test_rsync_that_does_not_work_is_reported_once_and_stages_are_sent_without_it(
    network: SshNetwork, connect: Connect, stage: NeededStage
) -> None:
    server = network.add("noisy-too", login_shell="banner")
    client, upload = client_and_upload(connect, "noisy-too", stage)
    copies = StageCopies("noisy-too", uses_rsync=True)
    copies.store(client, FOLDER, upload)
    assert copies.warning.endswith("outputs of stages are sent without it")
    assert is_equal(stage, server.home / "fairmesh/bench-0123abcd")


def test_cuts_without_progress_end_the_use_of_rsync(stage: NeededStage) -> None:
    """Stand-in for a host whose rsync is always cut: the requests are answered, nothing arrives."""
    sent = []
    arrived = iter([0, 5, 9, 9, 9, 9])

    class Client:
        def receive(self, folder: str) -> ReceivingFolder:
            return ReceivingFolder(folder, "", next(arrived))

        def copy(self, *_: object) -> None:
            raise UnreachableError("cut")

        def store(self, upload: object) -> None:
            sent.append(upload)

    copies = StageCopies("far", uses_rsync=True)
    for _ in range(5):
        with pytest.raises(UnreachableError):
            copies.store(Client(), FOLDER, Upload(stage.paths.folder))  # type: ignore[arg-type]
    copies.store(Client(), FOLDER, Upload(stage.paths.folder))  # type: ignore[arg-type]
    assert len(sent) == 1
    assert "cut 3 times" in copies.warning
