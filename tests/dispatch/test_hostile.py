"""Test what a machine that lies can do: pause itself, and nothing else."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from fairmesh.dispatch.mirror import RemotePlace
from fairmesh.dispatch.unpacking import UnsafeFilesError, check_paths, unpack
from fairmesh.jobs.lookup import FolderState, folder_state
from fairmesh.jobs.render import archive
from fairmesh.machines.transport import ANSWER, RefusedError, RequestError
from tests.dispatch.faults import DirectTransport
from tests.dispatch.study import RemoteStudy
from tests.waiting import wait_until

FOLDER = "sweep/experiments/far/x=1"
ATTEMPT = f"{FOLDER}/attempts/1"
ALLOWED = (f"{ATTEMPT}/", f"{FOLDER}/commit.json")


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/etc/passwd", "leads elsewhere"),
        (f"{ATTEMPT}/../../../../../../x", "leads elsewhere"),
        (f"{ATTEMPT}//x", "leads elsewhere"),
        (f"{ATTEMPT}/./x", "leads elsewhere"),
        (f"{FOLDER}/job.sh", "does not belong to the job"),
        (f"{FOLDER}/attempts/2/metrics.json", "does not belong to the job"),
        ("sweep/records/far/x=1.json", "does not belong to the job"),
        (f"{ATTEMPT}/a\0b", "zero byte"),
        (f"{ATTEMPT}/" + "a" * 256, "too long"),
        (f"{ATTEMPT}/" + "a/" * 600 + "a", "too long"),
        (f"{ATTEMPT}/\ud800", "no name of a file"),
    ],
)
def test_paths_that_lead_elsewhere_are_refused(path: str, problem: str) -> None:
    with pytest.raises(UnsafeFilesError, match=problem):
        check_paths({path: "0" * 64}, ALLOWED)


def test_a_file_below_a_file_and_too_many_files_are_refused() -> None:
    with pytest.raises(UnsafeFilesError, match="below another file"):
        check_paths({f"{ATTEMPT}/a": "0" * 64, f"{ATTEMPT}/a/b": "0" * 64}, ALLOWED)
    with pytest.raises(UnsafeFilesError, match="more than 200000"):
        check_paths({f"{ATTEMPT}/{number}": "" for number in range(200_001)}, ALLOWED)


def member(name: str, **values: Any) -> tarfile.TarInfo:
    """Return an entry of an archive."""
    entry = tarfile.TarInfo(name)
    for key, value in values.items():
        setattr(entry, key, value)
    return entry


SPARSE = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "a", "GNU.sparse.realsize": str(1 << 45)}


@pytest.mark.parametrize(
    "entry",
    [
        member("a", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("a", type=tarfile.LNKTYPE, linkname="b"),
        member("a", type=tarfile.CHRTYPE, devmajor=1, devminor=5),
        member("a", type=tarfile.FIFOTYPE),
        member("../a", type=tarfile.REGTYPE),
        member("/a", type=tarfile.REGTYPE),
        member("b", type=tarfile.REGTYPE),
        member("a", type=tarfile.REGTYPE, size=512, pax_headers=SPARSE),
        member("a", type=tarfile.REGTYPE, pax_headers={"comment": "x" * (2 << 20)}),
    ],
    ids=["link", "hard link", "device", "pipe", "above", "absolute", "unannounced", "sparse", "header"],
)
def test_anything_but_announced_regular_files_is_refused(tmp_path: Path, entry: tarfile.TarInfo) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as file:
        file.addfile(entry, io.BytesIO(b"0\n" + b"\0" * 510) if entry.size else None)
    with pytest.raises(UnsafeFilesError):
        unpack(tmp_path / "a.tar", tmp_path / "files", {"a": hashlib.sha256(b"").hexdigest()})
    assert not list((tmp_path / "files").glob("*"))


def test_a_file_that_comes_twice_or_differs_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        file.addfile(member("a"))
        file.addfile(member("a"))
    with pytest.raises(UnsafeFilesError, match="not announced"):
        unpack(tmp_path / "a.tar", tmp_path / "one", {"a": hashlib.sha256(b"").hexdigest()})
    with pytest.raises(RequestError, match="did not arrive whole"):
        unpack(tmp_path / "a.tar", tmp_path / "two", {"a": "0" * 64})


Change = Callable[[dict[str, Any], dict[str, bytes]], None]


class LyingTransport(DirectTransport):
    """Changes what a machine sends for one job; its checksums fit, since the machine makes them."""

    change: Change

    def call(
        self,
        request: Mapping[str, Any],
        payload: Callable[[BinaryIO], None] | None = None,
        save: Path | None = None,
        timeout: float = ANSWER,
    ) -> dict[str, Any]:
        """Carry a request out, and lie."""
        answer = super().call(request, payload, save, timeout)
        if request["verb"] == "fetch" and save and any(job["folder"] == FOLDER for job in request["jobs"]):
            with tarfile.open(save) as file:
                files = {entry.name: file.extractfile(entry).read() for entry in file}  # type: ignore[union-attr]
            self.change(answer, files)
            with tarfile.open(save, "w", format=tarfile.PAX_FORMAT) as file:
                for name, data in files.items():
                    file.addfile(member(name, size=len(data)), io.BytesIO(data))
            answer["manifest"] |= {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        return answer


def changed_commit(**changes: Any) -> Change:
    """Return a change of the commit."""

    def change(answer: dict[str, Any], files: dict[str, bytes]) -> None:
        commit = json.loads(files[f"{FOLDER}/commit.json"])
        files[f"{FOLDER}/commit.json"] = json.dumps(commit | changes).encode()

    return change


def changed_metrics(answer: dict[str, Any], files: dict[str, bytes]) -> None:
    files[f"{ATTEMPT}/metrics.json"] = b'{"score": 99}'


def file_elsewhere(answer: dict[str, Any], files: dict[str, bytes]) -> None:
    files["sweep/records/far/x=2.json"] = b"{}"


def other_environment(answer: dict[str, Any], files: dict[str, bytes]) -> None:
    name = next(name for name in files if name.startswith("environments/"))
    files[name] = json.dumps(json.loads(files[name]) | {"memory_bytes": 1}).encode()


def no_commit(answer: dict[str, Any], files: dict[str, bytes]) -> None:
    del files[f"{FOLDER}/commit.json"], answer["manifest"][f"{FOLDER}/commit.json"]


LIES: dict[str, tuple[Change, str]] = {
    "fingerprint": (changed_commit(fingerprint="0" * 64), "its fingerprint is"),
    "id": (changed_commit(id="x=2"), "its id is"),
    "attempt": (changed_commit(attempt=7), "its attempt is"),
    "state": (changed_commit(state="failed"), "its state is"),
    "files": (changed_commit(files=[{"path": "attempts/1/model.bin", "sha256": "0" * 64}]), "model.bin' is missing"),
    "path": (changed_commit(files=[{"path": "../../x", "sha256": "0" * 64}]), "is missing"),
    "shape": (changed_commit(metrics=[1]), "metrics is not a map"),
    "infinite": (changed_commit(metrics={"score": float("inf")}), "not a value of JSON"),
    "metrics": (changed_metrics, "has another checksum"),
    "elsewhere": (file_elsewhere, "does not belong to the job"),
    "environment": (other_environment, "does not fit the checksum"),
    "no commit": (no_commit, "No such file"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_machine_is_paused_and_other_jobs_go_on(study: RemoteStudy, lie: str) -> None:
    change, problem = LIES[lie]
    study.add("x=1")
    study.add("x=2")
    transport = LyingTransport(study.base, archive())
    transport.change = change
    dispatcher = study.dispatcher(transport)
    dispatcher.start()
    study.request("x=1", "x=2")
    assert study.wait("x=2") == ["0"]
    wait_until(lambda: study.machine_state().get("state") == "paused", "a paused machine")
    assert problem in study.machine_state()["reason"]
    wait_until(lambda: study.said, "an announcement")
    dispatcher.stop(cancel=False)
    assert len(study.said) == 1
    assert problem in study.said[0]
    assert "\n" not in study.said[0]
    assert not study.jobs["x=1"].record.exists()
    assert not study.jobs["x=1"].paths.commit.exists()
    assert not study.paths.record("far", "x=3").exists()
    assert not list(study.paths.folder.glob(".fetched*"))


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"state": "fail', b'{"state": ["failed"]}', b'{"host": 5}', b"[" * 9999, b" " * (2 << 20)]
)
def test_an_attempt_with_a_damaged_status_has_ended_nevertheless(study: RemoteStudy, content: bytes) -> None:
    study.add("x=1", command=["false"])
    transport = LyingTransport(study.base, archive())

    def change(answer: dict[str, Any], files: dict[str, bytes]) -> None:
        files[f"{ATTEMPT}/status.json"] = content

    transport.change = change
    dispatcher = study.dispatcher(transport)
    dispatcher.start()
    study.request("x=1")
    assert study.wait("x=1") == ["fairmesh: x=1 failed: exit code 1"]
    dispatcher.stop(cancel=False)
    assert study.status("x=1")["state"] == "failed"
    assert study.status("x=1")["reason"] == "exit code 1"
    assert folder_state(study.jobs["x=1"].paths, "f" * 64) is FolderState.NOTHING


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"jobs": []},
        {"jobs": {FOLDER: {"number": -1, "state": "running"}}},
        {"jobs": {FOLDER: {"number": "1", "state": "running"}}},
        {"jobs": {FOLDER: {"number": 1, "state": "\x1b[31mred"}}},
        {"jobs": {FOLDER: {"number": 1, "state": "running", "status": {"progress": "fast"}}}},
        {"jobs": {FOLDER: {"number": 1, "state": "running", "status": {"progress": 10**400}}}},
        {"jobs": {FOLDER: {"number": 1, "state": "running", "status": {"heartbeat": float("nan")}}}},
    ],
)
def test_malformed_states_pause_a_machine(study: RemoteStudy, answer: dict[str, Any]) -> None:
    class Malformed(DirectTransport):
        def call(self, *arguments: Any, **options: Any) -> dict[str, Any]:
            return answer

    study.add("x=1")
    dispatcher = study.dispatcher(Malformed(study.base, b""))
    dispatcher.start()
    study.request("x=1")
    wait_until(lambda: study.machine_state().get("state") == "paused", "a paused machine")
    dispatcher.stop(cancel=False)


def test_what_a_machine_says_reaches_readers_without_control_characters(study: RemoteStudy) -> None:
    status = {
        "state": "running",
        "message": "\x1b]0;title\x07\nnext",
        "node": "a" * 5000,
        "job_id": "1; rm -rf /",
        "x": [],
    }
    state = {"number": 1, "state": "running", "reason": "", "job_id": "$(id)", "status": status, "claim": {"pid": 1}}

    class Lying(DirectTransport):
        def call(self, *arguments: Any, **options: Any) -> dict[str, Any]:
            return {"jobs": {FOLDER: state}}

    study.add("x=1")
    dispatcher = study.dispatcher(Lying(study.base, b""))
    dispatcher.start()
    study.request("x=1")
    wait_until(lambda: study.status("x=1"), "a status")
    dispatcher.stop(cancel=False)
    shown = study.status("x=1")
    assert "\x1b" not in shown["message"]
    assert "\n" not in shown["message"]
    assert len(shown["node"]) <= 1000
    assert shown["job_id"] == ""
    assert "x" not in shown
    claim = json.loads((study.jobs["x=1"].paths.folder / "claims/1").read_text())
    assert "pid" not in claim


def test_a_refusal_pauses_at_once_and_is_announced_once(study: RemoteStudy) -> None:
    class Refusing(DirectTransport):
        def call(self, *arguments: Any, **options: Any) -> dict[str, Any]:
            raise RefusedError("far: its host key is unknown; `fairmesh machines trust far` shows it")

    study.add("x=1")
    dispatcher = study.dispatcher(Refusing(study.base, b""))
    dispatcher.start()
    study.request("x=1")
    wait_until(lambda: study.said, "an announcement")
    study.add("x=2")
    study.request("x=2")
    wait_until(lambda: study.machine_state().get("jobs") == {"waiting": 2}, "the second job")
    dispatcher.stop(cancel=False)
    assert len(study.said) == 1
    assert study.said[0].startswith("far is refused: far: its host key is unknown")


@pytest.mark.parametrize("record", ["../../.bashrc", "/etc/passwd", "sweep/../../x", ""])
def test_a_note_in_results_of_others_cannot_name_a_record_elsewhere(study: RemoteStudy, record: str) -> None:
    paths = study.add("x=1").paths
    place = RemotePlace("far", "", 1, "f" * 64, "sweep/records/far/x=1.json")
    place.write(paths)
    assert RemotePlace.read(paths) == place
    replace(place, record=record).write(paths)
    assert RemotePlace.read(paths) is None
