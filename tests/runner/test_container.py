"""The commands of containers: what each program is called with."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import pytest

from fairmesh.runner.commit import Refused
from fairmesh.runner.container import Container, digest_of


def make(tmp_path: Path, program: str = "podman", **settings: Any) -> Container:
    home, application = tmp_path / "home", tmp_path / "code/toy"
    attempt = home / "job/attempts/1"
    attempt.mkdir(parents=True, exist_ok=True)
    application.mkdir(parents=True, exist_ok=True)
    content = {"program": program, "image": "registry.example/toy:1", **settings}
    return Container(content, str(home), str(attempt), str(application))


@pytest.mark.parametrize("program", ["podman", "docker"])
def test_the_command_of_an_engine(tmp_path: Path, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getgid", lambda: 100)
    container = make(tmp_path, program, gpus="nvidia", network="none", options=["--shm-size=8g"])
    command = container.command(["python", "-c", "a 'b'"], {"A": "1"}, "one")
    text = shlex.join(command)
    assert command[:3] == [program, "run", "--rm"]
    assert command[-5:] == ["--shm-size=8g", "registry.example/toy:1", "python", "-c", "a 'b'"]
    assert "--name one --network none --pid host --ipc host" in text
    assert ("--userns keep-id" in text, "--user 1000:100" in text) == (program == "podman", program == "docker")
    assert ("--device nvidia.com/gpu=all" if program == "podman" else "--gpus all") in text
    assert f"--volume {tmp_path}/code/toy:{tmp_path}/code/toy:ro" in text
    assert f"--volume {tmp_path}/home:{tmp_path}/home:ro" in text
    assert f"--volume {tmp_path}/home/job/attempts/1:{tmp_path}/home/job/attempts/1 " in text
    assert "--env A" in text
    assert "A=1" not in text, "values of variables are not on the command line"
    assert container.environment({"A": "1"})["A"] == "1"


@pytest.mark.parametrize("program", ["apptainer", "singularity"])
def test_the_command_of_apptainer(tmp_path: Path, program: str) -> None:
    container = make(tmp_path, program, gpus="amd", network="none", image="toy.sif")
    text = shlex.join(container.command(["python"], {"A": "1"}))
    assert text.startswith(f"{program} exec --cleanenv --no-home --pwd {tmp_path}/home/job/attempts/1 ")
    assert text.endswith("--net --network none --rocm toy.sif python")
    assert container.environment({"A": "1"})[f"{program.upper()}ENV_A"] == "1"


def test_a_program_sees_its_own_variables_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("PYTHONPATH", "/mine")
    variables = make(tmp_path).variables({"FAIRMESH_CONFIG": "c"})
    assert variables == {
        "OMP_NUM_THREADS": "2",
        "CUDA_VISIBLE_DEVICES": "1",
        "FAIRMESH_CONFIG": "c",
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": f"{tmp_path}/code",
    }


def test_further_folders_are_writable_unless_they_are_said_not_to_be(tmp_path: Path) -> None:
    data, scratch = tmp_path / "data", tmp_path / "scratch"
    data.mkdir()
    scratch.mkdir()
    text = shlex.join(make(tmp_path, mounts=[f"{data}:ro", str(scratch)], inputs=["/no/such"]).command(["a"], {}))
    assert f"--volume {data}:{data}:ro" in text
    assert f"--volume {scratch}:{scratch} " in text
    assert "/no/such" not in text


def test_a_folder_that_no_container_can_have_is_refused(tmp_path: Path) -> None:
    odd = tmp_path / "a:b"
    odd.mkdir()
    with pytest.raises(Refused, match="the name has a colon, a comma or a quote"):
        make(tmp_path, mounts=[str(odd)]).command(["a"], {})


@pytest.mark.parametrize("answer", ["", "[]", "{}", "[1]", '[{"RepoDigests": 3}]', "null"])
def test_an_answer_without_a_digest_is_none(answer: str) -> None:
    assert digest_of(answer, "toy") == ""


def test_the_digest_of_a_file_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name)
    image = tmp_path / "toy.sif"
    image.write_bytes(b"image")
    digests = []
    for _ in range(2):
        container = make(tmp_path, "apptainer", image=str(image))
        container.prepare(lambda: None)
        digests.append(container.describe())
    assert digests[0] == digests[1]
    assert digests[0]["digest"] == "sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d"
    assert len(list((tmp_path / "home/environments").glob(".image-*"))) == 1
    image.write_bytes(b"other")
    container = make(tmp_path, "apptainer", image=str(image))
    container.prepare(lambda: None)
    assert container.digest != digests[0]["digest"]
