"""What a result says of where it comes from: enough to repeat it, and nothing that is nobody's business."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from fairmesh.runner import provenance
from fairmesh.schedulers import find_scheduler, names
from tests.runner.conftest import MakeJob, read, run

SECRET = "correct-horse-battery-staple"  # noqa: S105


def finished(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run a job; give its commit, and the environment that it refers to."""
    assert run(folder) == 0
    commit = read(folder / "commit.json")
    return commit, read(folder.parents[3] / "environments" / f"{commit['environment']}.json")


def test_the_environment_has_code_threads_modules_and_container(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("LOADEDMODULES", "gcc/13:cuda/12.4")
    monkeypatch.setenv("APPTAINER_CONTAINER", "/images/tf.sif")
    code = {"application": {"commit": "a" * 40, "dirty": True}}
    folder = make_job()
    (folder / "experiment.json").write_text(json.dumps(read(folder / "experiment.json") | {"code": code}))
    _, environment = finished(folder)
    assert environment["code"] == code
    assert environment["variables"]["OMP_NUM_THREADS"] == "3"
    assert environment["modules"] == ["gcc/13", "cuda/12.4"]
    assert environment["container"] == {"kind": "apptainer", "image": "/images/tf.sif"}
    assert environment["python"]["packages"]["pytest"]
    (total,) = [line.split()[1] for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line]
    assert environment["memory_bytes"] == int(total) << 10


def test_two_settings_are_two_environments_and_one_is_kept_once(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for number, threads in enumerate(("1", "2", "2")):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        commit, _ = finished(make_job(fingerprint=f"{number}" * 64))
        found.append(commit["environment"])
    assert found[0] != found[1] == found[2]


def test_nothing_that_is_not_listed_is_recorded(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "SLURM_JWT", "OMP_PASSWORD"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    folder = make_job()
    finished(folder)
    written = [path for path in folder.parents[3].rglob("*") if path.is_file()]
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, {}),
        (
            {"SLURM_JOB_ID": "17", "SLURM_JOB_PARTITION": "gpu"},
            {"name": "slurm", "job": "17", "variables": {"SLURM_JOB_PARTITION": "gpu"}},
        ),
        ({"LSB_JOBID": "9", "LSB_QUEUE": "day"}, {"name": "lsf", "job": "9", "variables": {"LSB_QUEUE": "day"}}),
    ],
)
def test_the_scheduler_and_its_job_are_in_the_record(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: dict[str, Any]
) -> None:
    for name in (variable for scheduler in names() for variable in find_scheduler(scheduler).variables):
        monkeypatch.delenv(name, raising=False)
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    commit, _ = finished(make_job())
    assert commit["provenance"]["scheduler"] == expected


@pytest.mark.parametrize(
    ("own", "below", "code"),
    [(None, None, ""), ("ab", [], "ab"), ("ab", ["ab", ""], "ab"), ("ab", ["cd"], "cd")],
    ids=["unknown", "own", "same below", "other below"],
)
def test_seeds_and_the_hashes_of_inputs_are_in_the_record(
    make_job: MakeJob, tmp_path: Path, own: str | None, below: list[str] | None, code: str
) -> None:
    mark = "e" * 64
    stage = tmp_path / f"home/stages/toy/numbers-{mark[:12]}"
    stage.mkdir(parents=True)
    files = [{"path": f"attempts/1/{name}", "sha256": name * 64, "bytes": 5} for name in "ba"]
    result: dict[str, object] = {"fingerprint": mark, "attempt": 1, "files": files}
    if own and below is not None:
        result["application"] = {"code": own}
        result["provenance"] = {"inputs": [{"code": stage_code} for stage_code in below]}
    (stage / "commit.json").write_text(json.dumps(result))
    application = {"name": "toy", "version": "1", "folder": str(tmp_path), "seed": "x"}
    commit, _ = finished(make_job(application=application, stages={"numbers": mark}, parameters={"x": 7}))
    lines = "".join(f"{name * 64}  attempts/1/{name}\n" for name in "ab")
    assert commit["provenance"]["seeds"] == {"x": 7}
    assert commit["provenance"]["inputs"] == [
        {
            "stage": "numbers",
            "fingerprint": mark,
            "code": code,
            "sha256": hashlib.sha256(lines.encode()).hexdigest(),
            "files": 2,
            "bytes": 10,
        }
    ]


def test_an_image_of_podman_is_read_from_its_mark(tmp_path: Path) -> None:
    mark = tmp_path / "containerenv"
    mark.write_text('engine="podman"\nimage="docker.io/library/python:3.11"\n')
    assert provenance.value_in(str(mark), "image=") == "docker.io/library/python:3.11"
    assert provenance.value_in(str(mark), "id=") == ""
