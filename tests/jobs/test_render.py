"""Job folders: what is written into them, and that nothing in them can be more than a value."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fairmesh.errors import FairmeshError
from fairmesh.jobs.paths import JobPaths
from fairmesh.jobs.render import JobFolder, render, render_command
from fairmesh.jobs.templates import Templates
from fairmesh.runner.jsonfiles import half_path
from tests.jobs.conftest import OURS, MakeJob, experiment, machine

TEMPLATES = Templates.of_jobs(OURS, "none")
MACHINE = machine()
HOSTILE = ["$(touch hacked)", "`id`", "a b", "'; rm -rf x; '", "{{ 7 * 7 }}", "\n", "-rf", "ü", '"']


@pytest.fixture
def job(tmp_path: Path) -> JobFolder:
    return JobFolder(JobPaths(tmp_path / "x=1"), {"x": 1, "label": "on"}, experiment())


def test_rendering_again_touches_nothing(job: JobFolder) -> None:
    render(job, TEMPLATES, MACHINE)
    before = {path: path.stat().st_mtime_ns for path in job.paths.folder.iterdir()}
    render(job, TEMPLATES, MACHINE)
    assert {path: path.stat().st_mtime_ns for path in job.paths.folder.iterdir()} == before
    assert set(before) == {job.paths.config, job.paths.script, job.paths.experiment}
    assert os.access(job.paths.script, os.X_OK)
    assert yaml.safe_load(job.paths.config.read_text()) == {"x": 1, "label": "on"}


def test_setup_lines_of_the_machine_come_before_the_runner(job: JobFolder) -> None:
    render(job, TEMPLATES, machine(modules=["python/3"], setup=["export A=b"]))
    text = job.paths.script.read_text()
    assert text.index("module load python/3") < text.index("export A=b") < text.index("exec python3")
    subprocess.run(["bash", "-n", job.paths.script], check=True)


def test_a_job_without_a_runner_above_it_says_so(job: JobFolder) -> None:
    render(job, TEMPLATES, MACHINE)
    done = subprocess.run(["bash", job.paths.script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no runner.pyz in" in done.stderr


@given(st.sampled_from(HOSTILE) | st.text(st.characters(exclude_characters="\0", codec="utf-8")))
def test_a_value_stays_one_argument_whatever_it_holds(value: str) -> None:
    command = ["program", "--label={{ label }}", "{{ stage.scenes }}/x"]
    assert render_command(command, "here", {"label": value}, ["scenes"]) == [
        "program",
        f"--label={value}",
        "\0scenes\0/x",
    ]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("{{ lable }}", "'lable' is undefined"),
        ("{{ x", "unexpected end"),
        ("{{ ''.__class__.mro() }}", "no function 'mro'"),
        ("{{ ''.__class__ }}", "unsafe"),
    ],
)
def test_a_wrong_command_is_named_with_its_place(argument: str, message: str) -> None:
    with pytest.raises(FairmeshError, match=message) as caught:
        render_command([argument], "app/application.yaml", {"label": 1}, [])
    assert str(caught.value).startswith("app/application.yaml: command ")


def test_a_parameter_may_be_called_application() -> None:
    assert render_command(["{{ application }}"], "here", {"application": "own"}, []) == ["own"]


def test_an_experiment_file_holds_any_text(job: JobFolder) -> None:
    hostile = JobFolder(job.paths, {"label": "".join(HOSTILE)}, experiment(values=HOSTILE))
    render(hostile, TEMPLATES, MACHINE)
    assert json.loads(job.paths.experiment.read_text())["values"] == HOSTILE
    assert yaml.safe_load(job.paths.config.read_text()) == {"label": "".join(HOSTILE)}


def test_a_file_that_differs_changes_and_the_others_stay(job: JobFolder) -> None:
    render(job, TEMPLATES, MACHINE)
    before = job.paths.config.stat().st_mtime_ns
    job.paths.script.write_text("old")
    job.paths.experiment.unlink()
    (job.paths.folder / "attempts").mkdir()
    render(job, TEMPLATES, MACHINE)
    assert "exec python3" in job.paths.script.read_text()
    assert job.paths.experiment.exists()
    assert job.paths.config.stat().st_mtime_ns == before
    assert (job.paths.folder / "attempts").is_dir()


def test_what_a_killed_writer_left_is_no_hindrance(job: JobFolder) -> None:
    left = Path(half_path(str(job.paths.folder)))
    left.mkdir()
    (left / "job.sh").write_text("half")
    render(job, TEMPLATES, MACHINE)
    assert [path.name for path in job.paths.folder.parent.iterdir()] == [job.paths.folder.name]


def test_a_folder_that_cannot_be_written_leaves_nothing_behind(job: JobFolder) -> None:
    job.paths.folder.write_text("in the way")
    with pytest.raises(NotADirectoryError):
        render(job, TEMPLATES, MACHINE)
    assert [path.name for path in job.paths.folder.parent.iterdir()] == [job.paths.folder.name]


def test_job_sh_names_the_program_of_the_container(make_job: MakeJob) -> None:
    said = "# The program runs in a container of podman, which experiment.json describes; the runner does not.\n"
    assert said not in make_job().script.read_text()
    paths = make_job(container={"program": "podman", "image": "toy:1"})
    assert said in paths.script.read_text()
    assert json.loads(paths.experiment.read_text())["container"] == {"program": "podman", "image": "toy:1"}
