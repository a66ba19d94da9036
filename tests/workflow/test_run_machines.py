"""Which way the jobs of each machine go, and what the dispatcher is given."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmesh.errors import InputError
from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner.protocol import marker_name
from fairmesh.study import Plan, load_plan
from fairmesh.study.machines import load_machines
from fairmesh.workflow.application_copy import content_hash
from fairmesh.workflow.folders import Folders
from fairmesh.workflow.run_machines import RunMachines, Way, slot_resources

ROOT = Path(__file__).parents[2]
MACHINES = """\
local: {kind: local}
other: {kind: local}
slurm: {kind: profile, scheduler: slurm}
dgx: {kind: ssh, host: dgx, slots: 4, gpus: {a100: {gres: "gpu:a100:2"}}, resources: {mem_mb: 900}}
hpc: {kind: ssh, host: hpc, slots: 40, scheduler: sge}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/machines.yaml").write_text(MACHINES)
    shutil.copytree(ROOT / "tests/toy", tmp_path / "toy", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def machines(project: Path, own: str) -> RunMachines:
    file = project / "config/machines.yaml"
    return RunMachines(file, load_machines(file), own)


def plan(project: Path, text: str, own: str = "local") -> Plan:
    (project / "study.yaml").write_text(f"study: s\napplication: ./toy\n{text}\n")
    return load_plan(project / "study.yaml", project, own)


@pytest.mark.parametrize(
    ("own", "ways"),
    [
        ("local", {"local": Way.EXECUTOR, "other": Way.EXECUTOR, "dgx": Way.DISPATCHER, "hpc": Way.DISPATCHER}),
        ("slurm", {"local": Way.HERE, "other": Way.HERE, "slurm": Way.EXECUTOR, "dgx": Way.DISPATCHER}),
        ("dgx", {"local": Way.EXECUTOR, "dgx": Way.DISPATCHER}),
    ],
)
def test_the_profile_decides_how_jobs_are_started(project: Path, own: str, ways: dict[str, Way]) -> None:
    run = machines(project, own)
    assert {name: run.way(name) for name in ways} == ways


def test_the_machine_of_another_profile_is_an_error_that_names_the_profile(project: Path) -> None:
    study = plan(project, "machines: {each: [local, slurm]}")
    with pytest.raises(InputError) as caught:
        machines(project, "local").check(study, {"lean": "slurm", "local": "local"})
    assert "for local, cannot start jobs on slurm; use --profile profiles/lean" in str(caught.value)
    machines(project, "slurm").check(study, {})


def test_the_machine_of_a_needed_stage_is_checked_too(project: Path) -> None:
    study = plan(project, "machines: {stages: {numbers: slurm}}")
    with pytest.raises(InputError, match="cannot start jobs on slurm; no profile is for it"):
        machines(project, "local").check(study, {})


@given(st.lists(st.text("ab._-2", min_size=1), unique=True))
def test_each_machine_has_a_resource_of_its_own(names: list[str]) -> None:
    resources = slot_resources(names)
    assert list(resources) == names
    assert len(set(resources.values())) == len(names)
    assert all(resource.isidentifier() for resource in resources.values())


def test_each_job_folder_has_what_its_machine_adds(project: Path) -> None:
    study = plan(project, "parameters: {gpu: a100}\nmachines: {each: [local, dgx], stages: {numbers: hpc}}")
    folders = Folders(study, StudyPaths(Path("results"), "s"), project, machines=machines(project, "local").by_name)
    here, there = (folders.of_experiment(name, "gpu=a100").experiment for name in ("local", "dgx"))
    assert here["resources"] == {}
    assert there["resources"] == {"gres": "gpu:a100:2", "mem_mb": 900}
    assert here["application"]["folder"] == str((project / "toy").resolve())
    copy = f"applications/{content_hash(study.application)[:12]}/toy"
    assert there["application"]["folder"] == copy
    assert (here["conda"] != "", there["conda"]) == (True, "")
    (stage,) = study.stages.values()
    name = marker_name(stage.name, stage.fingerprint)
    assert folders.of_stage(name).experiment["machine"] == "hpc"
    assert folders.stage_target(name, set()).machine == "hpc"


def test_the_copy_of_an_application_is_named_by_its_content(project: Path) -> None:
    study = plan(project, "")
    before = content_hash(study.application)
    (project / "toy/__pycache__").mkdir()
    (project / "toy/__pycache__/toy.pyc").write_text("")
    assert content_hash(study.application) == before
    (project / "toy/data.csv").write_text("1")
    after = content_hash(study.application)
    (project / "toy/data.csv").chmod(0o755)
    assert len({before, after, content_hash(study.application)}) == 3
