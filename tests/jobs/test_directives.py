"""What experiments ask of schedulers."""

from __future__ import annotations

from typing import Any

import pytest

from fairmesh.errors import FairmeshError
from fairmesh.jobs.directives import directives, requested
from fairmesh.schedulers import find_scheduler, names
from fairmesh.study.values import RESOURCES
from tests.jobs.conftest import experiment, machine


def options(scheduler: str, resources: dict[str, Any], **changes: Any) -> list[str]:
    """Return the options of a job without its name and log."""
    at = machine(scheduler=scheduler, gpus=changes.pop("gpus", {}))
    lines = directives(experiment(resources=resources, **changes), at)
    mark = find_scheduler(scheduler).prefix + " "
    assert all(line.startswith(mark) for line in lines)
    return [line.removeprefix(mark) for line in lines][len(find_scheduler(scheduler).naming("name")) :]


@pytest.mark.parametrize(
    ("scheduler", "first"),
    [
        ("none", []),
        ("slurm", ["#SBATCH --job-name=0123456789ab", "#SBATCH --output=slurm-%j.log"]),
        ("lsf", ["#BSUB -J 0123456789ab", "#BSUB -o lsf-%J.log"]),
    ],
)
def test_a_job_has_the_name_of_its_key_and_keeps_its_log_in_its_folder(scheduler: str, first: list[str]) -> None:
    assert directives(experiment(), machine(scheduler=scheduler))[:2] == first


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"mem_mb": 2000, "runtime": 90}, ["--time=90", "--mem=2000M"]),
        ({"threads": 4}, ["--cpus-per-task=4"]),
        ({"threads": 4, "cpus_per_task": 8}, ["--cpus-per-task=8"]),
        ({"nodes": 2, "tasks": 4}, ["--nodes=2", "--ntasks=4"]),
        ({"mem_mb_per_cpu": 500, "disk_mb": 7}, ["--mem-per-cpu=500M", "--tmp=7M"]),
        ({"slurm_partition": "gpu", "slurm_account": "me"}, ["--partition=gpu", "--account=me"]),
        (
            {"clusters": "c", "qos": "q", "reservation": "r", "constraint": "k80"},
            ["--clusters=c", "--qos=q", "--reservation=r", "--constraint=k80"],
        ),
        ({"tasks_per_gpu": 2, "cpus_per_gpu": 6}, ["--ntasks-per-gpu=2", "--cpus-per-gpu=6"]),
        ({"gpu_model": "a100"}, ["--gres=gpu:a100:1"]),
        ({"gpu_model": "a100", "gres": "gpu:2"}, ["--gres=gpu:2"]),
        ({"lsf_queue": "q", "lsf_project": "p"}, []),
    ],
)
def test_slurm(resources: dict[str, Any], expected: list[str]) -> None:
    assert options("slurm", resources) == expected


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, ["-n 1", "-R 'span[hosts=1]'"]),
        ({"lsf_queue": "q", "lsf_project": "p"}, ["-q q", "-P p", "-n 1", "-R 'span[hosts=1]'"]),
        ({"threads": 4, "runtime": 90}, ["-W 90", "-n 4", "-R 'span[hosts=1]'"]),
        ({"nodes": 2, "tasks": 6, "cpus_per_task": 2}, ["-n 12", "-R 'span[ptile=6]'"]),
        ({"mem_mb": 2000}, ["-n 1", "-R 'span[hosts=1]'", "-R 'rusage[mem=2000MB]'"]),
        ({"mem_mb_per_cpu": 500, "threads": 4}, ["-n 4", "-R 'span[hosts=1]'", "-R 'rusage[mem=2000MB]'"]),
        ({"disk_mb": 7}, ["-n 1", "-R 'span[hosts=1]'", "-R 'rusage[tmp=7MB]'"]),
        ({"gres": "gpu:a100:2"}, ["-n 1", "-R 'span[hosts=1]'", "-gpu num=2:gmodel=a100"]),
        ({"gres": "gpu:2", "cpus_per_gpu": 3}, ["-n 6", "-R 'span[hosts=1]'", "-gpu num=2"]),
        ({"constraint": "ib"}, ["-R 'select[ib]'", "-n 1", "-R 'span[hosts=1]'"]),
        ({"slurm_partition": "gpu", "slurm_account": "me"}, ["-n 1", "-R 'span[hosts=1]'"]),
    ],
)
def test_lsf(resources: dict[str, Any], expected: list[str]) -> None:
    assert options("lsf", resources) == expected


def test_an_exclusive_experiment_has_its_node_for_itself() -> None:
    assert options("slurm", {}, measure="exclusive") == ["--exclusive"]
    assert options("lsf", {}, measure="exclusive")[-1] == "-x"


@pytest.mark.parametrize(
    ("gpus", "resources", "expected"),
    [
        ({}, {}, ["--gres=gpu:a100:1"]),
        ({"a100": {"slurm_partition": "dgx", "gres": "gpu:2"}}, {}, ["--partition=dgx", "--gres=gpu:2"]),
        ({"a100": {"slurm_partition": "dgx"}}, {}, ["--partition=dgx"]),
        ({"a100": {"gres": "gpu:2"}}, {"gres": "gpu:a100:4"}, ["--gres=gpu:a100:4"]),
        ({"a100": {"gres": "gpu:2"}}, {"gpu_model": "h100"}, ["--gres=gpu:h100:1"]),
        ({"v100": {"gres": "gpu:2"}}, {"runtime": 5}, ["--time=5", "--gres=gpu:a100:1"]),
    ],
)
def test_a_gpu_is_what_the_machine_says_unless_the_experiment_says_more(
    gpus: dict[str, Any], resources: dict[str, Any], expected: list[str]
) -> None:
    assert options("slurm", resources, gpus=gpus, axes={"gpu": "a100"}) == expected


def test_every_resource_means_something_to_a_scheduler() -> None:
    values: dict[str, Any] = {
        name: 3 if schema["type"] == "integer" else "gpu:x:3" for name, schema in RESOURCES.items()
    }
    for name, value in values.items():
        asked = {"threads": 2, "mem_mb": 50, name: value}
        lines = [line for scheduler in names() for line in options(scheduler, asked, measure="exclusive")]
        assert any("3" in line for line in lines), name


@pytest.mark.parametrize("value", ["a\nreboot", "a\r", "a\0b"])
def test_what_cannot_stand_in_a_line_is_refused(value: str) -> None:
    for scheduler, name in (("slurm", "constraint"), ("lsf", "lsf_queue")):
        with pytest.raises(FairmeshError, match="cannot be an option of a scheduler"):
            options(scheduler, {name: value})


@pytest.mark.parametrize(
    ("kind", "gpus", "expected"),
    [
        ("local", {}, {}),
        ("profile", {"a100": {"gres": "gpu:a100:2"}}, {}),
        ("ssh", {}, {"gres": "gpu:a100:1"}),
        ("ssh", {"a100": {"gres": "gpu:2"}}, {"gres": "gpu:2"}),
        ("ssh", {"a100": {}}, {}),
    ],
)
def test_a_host_without_a_scheduler_leases_the_gpus_of_the_axis(
    kind: str, gpus: dict[str, Any], expected: dict[str, Any]
) -> None:
    at = machine(scheduler="none", gpus=gpus, kind=kind)
    assert requested({"axes": {"gpu": "a100"}, "resources": {}}, at) == expected
