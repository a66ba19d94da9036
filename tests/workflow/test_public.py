"""What is published holds no name of a user, a host or a home folder, and is still whole."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from fairmesh.files import read_json, write_json
from fairmesh.results import load_study
from fairmesh.runner.status import request_cancel
from fairmesh.study.settings import Publisher
from fairmesh.workflow.public import public_copy, publish_public_site
from tests.results.builder import ON_MACHINES, Folder, build, note_machines

SECRETS = ("zoeuser", "node-7", "login4.cluster", "/home/zoeuser", "project-42", *ON_MACHINES)


def results_with_secrets(place: Path) -> Folder:
    """Make results whose files name a user, hosts, home folders and a project."""
    folder = build(place / "results", epochs=(2,))
    folder.publisher = {"authors": ["A. Scientist"], "licence": "CC-BY-4.0"}
    for point in folder.points:
        own = folder.folder / "experiments" / point["machine"] / point["id"]
        attempt = own / "attempts" / "1"
        if (attempt / "metrics.json").exists():
            (attempt / "notes.txt").write_text("read /home/zoeuser/data on login4.cluster for project-42, by zoeuser\n")
            (attempt / "job.log").write_text("zoeuser@login4.cluster\n")
            record = folder.folder / "records" / point["machine"] / f"{point['id']}.json"
            files = [
                {"path": f"attempts/1/{name}", "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
                for name in ("notes.txt", "job.log")
                for data in [(attempt / name).read_bytes()]
            ]
            for target in (record, own / "commit.json"):
                write_json(target, {**read_json(record), "files": files})
    run = {"owner": {"host": "login4.cluster"}, "command": ["/home/zoeuser/x"]}
    write_json(folder.folder / "runs" / "5f0c" / "run.json", run)
    folder.write_plan()
    note_machines(folder.folder)
    return folder


@pytest.mark.parametrize("logs", [pytest.param(False, marks=pytest.mark.long), True])
def test_no_secret_is_published_and_every_hash_is_right(tmp_path: Path, logs: bool) -> None:
    folder = results_with_secrets(tmp_path)
    publish_public_site(folder.results, tmp_path / "out", tmp_path, Publisher(logs=logs, hide=["project-42"]))
    archive = next((tmp_path / "out").glob("studies/quick/quick-*.zip"))
    with zipfile.ZipFile(archive) as found:
        packed = {name: found.read(name) for name in found.namelist()}
    published = {str(path): path.read_bytes() for path in (tmp_path / "out" / "studies").rglob("*") if path.is_file()}
    for name, data in {**packed, **published}.items():
        assert not [secret for secret in SECRETS if secret.encode() in data], name
    assert any(name.endswith("job.log") for name in packed) == logs
    for line in packed["SHA256SUMS"].decode().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256(packed[name]).hexdigest() == digest, name
    assert any(b"read ~/data on host-1 for hidden, by user" in data for data in packed.values())


def test_the_results_keep_what_the_world_does_not_see(tmp_path: Path) -> None:
    folder = results_with_secrets(tmp_path)
    write_json(folder.results / "broken/plan.json", {})
    names, omissions = publish_public_site(folder.results, tmp_path / "out", tmp_path, Publisher())
    assert "login4.cluster" in next(folder.folder.rglob("notes.txt")).read_text()
    assert (names, list(omissions.studies)) == (["quick"], ["broken"])
    assert "could not be shown: broken." in (tmp_path / "out/index.html").read_text().replace("&#46;", ".")


def test_a_copy_keeps_the_state_and_reason_of_what_never_began(tmp_path: Path) -> None:
    folder = results_with_secrets(tmp_path)
    run = folder.folder / "runs/5f0c"
    about = {"uuid": "5f0c", "started": "2026-11-20T10:00:00.000Z", "ended": "2026-11-20T11:00:00.000Z", "exit_code": 1}
    write_json(run / "run.json", {**read_json(run / "run.json"), **about})
    request_cancel(str(run), "zoeuser@login4.cluster")
    before = load_study(folder.results, "quick")
    public_copy(before, tmp_path / "copy", Publisher(), tmp_path)
    after = load_study(tmp_path / "copy", "quick")
    assert [experiment.state for experiment in after.experiments] == [
        experiment.state for experiment in before.experiments
    ]
    (never,) = [experiment for experiment in after.experiments if experiment.state == "cancelled"]
    assert never.reason.startswith("cancelled by user@host at ")
