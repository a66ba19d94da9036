"""The sweeps of other tools in examples/sweeps: each has as many experiments as its tool documents for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fairmesh.study import Plan, load_plan
from tests.e2e.workplace import RECORDS_ONLY, Workplace

ROOT = Path(__file__).parents[2]
SWEEPS = ROOT / "examples" / "sweeps"
PAGE = ROOT / "site" / "docs" / "how-to" / "coming-from-other-tools.md"

COUNTS = {
    "cloudmesh-brackets": 3 * 2 * 2,
    "cloudmesh-paper": 3 * 2 * 5,
    "cloudmesh-rivanna": 7 * 10 * 7,
    "dvc-composite-values": 2 * 2 * 2 * 2,
    "github-exclude": 12 - 1 - 2,
    "github-extra-variable": 6,
    "github-include": 3 * 3 + 1,
    "github-include-extends": 6,
    "hydra-choices": 2 * 3,
    "hydra-ranges": 5 + 3 + 4 + 4 + 3,
    "jube-computed-values": 3 * 2,
    "jube-dependent-sets": 2 + 3,
    "jube-tags": 1 + 3 + 3,
    "maestro-parameter-block": 9,
    "maestro-resources": 4,
    "omnibenchmark-union-of-grids": 8 + 2 + 1,
    "ramble-excludes": 20 - 4 - 4,
    "ramble-repeats": 2 + 1 + 2,
    "ramble-sibling-matrices": 4,
    "ramble-zip-in-matrix": 5 * 2 * 2,
    "reframe-fixtures": 22 - 3 - 1,
    "reframe-parameters": 12 * 2,
    "reframe-skip": 2,
}

# All points of small sweeps, in their order.
POINTS: dict[str, list[dict[str, Any]]] = {
    "github-extra-variable": [
        {"node": 12, "os": "windows-latest"},
        {"node": 14, "os": "windows-latest"},
        {"node": 12, "os": "ubuntu-latest"},
        {"node": 14, "os": "ubuntu-latest"},
        {"node": 16, "os": "ubuntu-latest"},
        {"node": 16, "npm": 6, "os": "windows-latest"},
    ],
    "github-include-extends": [
        {"animal": "cat", "color": "pink", "fruit": "apple", "shape": "circle"},
        {"animal": "cat", "color": "pink", "fruit": "pear"},
        {"animal": "dog", "color": "green", "fruit": "apple", "shape": "circle"},
        {"animal": "dog", "color": "green", "fruit": "pear"},
        {"fruit": "banana"},
        {"animal": "cat", "fruit": "banana"},
    ],
    "jube-dependent-sets": [
        {"number": 3, "number2": 10, "text": "hello"},
        {"number": 5, "number2": 10, "text": "hello"},
        {"number": 1, "number2": 20, "text": "world"},
        {"number": 2, "number2": 20, "text": "world"},
        {"number": 4, "number2": 20, "text": "world"},
    ],
    "maestro-parameter-block": [
        {"iterations": iterations, "size": size, "trial": trial}
        for trial, (size, iterations) in enumerate(((s, i) for s in (10, 20, 30) for i in (10, 20, 30)), 1)
    ],
    "omnibenchmark-union-of-grids": [
        *({"a": a, "b": b, "c": c, "method": "combo1"} for a in (1, 2) for b in (3, 4) for c in (5, 6)),
        {"method": "combo2", "x": 10, "y": 20},
        {"method": "combo2", "x": 10, "y": 30},
        {"method": "combo3", "z": 100},
    ],
    "ramble-repeats": [
        {"type": "pme", "workload": "water_gmx50", "repeat": 1},
        {"type": "pme", "workload": "water_gmx50", "repeat": 2},
        {"type": "pme", "workload": "water_bare", "repeat": 1},
        {"type": "pme", "workload": "water_bare", "repeat": 2},
        {"type": "rf", "workload": "water_gmx50", "repeat": 1},
    ],
    "ramble-sibling-matrices": [
        {"nodes": 1, "processes_per_node": 16, "slurm_partition": "part1"},
        {"nodes": 2, "processes_per_node": 16, "slurm_partition": "part2"},
        {"nodes": 3, "processes_per_node": 32, "slurm_partition": "part1"},
        {"nodes": 4, "processes_per_node": 32, "slurm_partition": "part2"},
    ],
    "reframe-skip": [{"x": 0, "y": 1}, {"x": 1, "y": 0}],
}


def plan_of(name: str) -> Plan:
    return load_plan(SWEEPS / f"{name}.yaml", ROOT, "local")


def column(plan: Plan, *axes: str) -> list[tuple[Any, ...]]:
    """Return the values of some axes, experiment by experiment."""
    return [tuple(experiment.axes.get(axis) for axis in axes) for experiment in plan.experiments]


def test_every_sweep_has_a_documented_count() -> None:
    files = {path.stem for path in SWEEPS.glob("*.yaml")} - {"application"}
    assert files == COUNTS.keys()


@pytest.mark.parametrize("name", COUNTS)
def test_a_sweep_has_as_many_experiments_as_its_tool_documents(name: str) -> None:
    plan = plan_of(name)
    assert plan.study == name
    assert len(plan.experiments) == COUNTS[name]
    assert len({experiment.id for experiment in plan.experiments}) == COUNTS[name]
    assert not plan.warnings


@pytest.mark.parametrize("name", POINTS)
def test_a_small_sweep_has_these_points(name: str) -> None:
    assert [experiment.axes for experiment in plan_of(name).experiments] == POINTS[name]


def test_cloudmesh_texts_are_read_by_the_type_of_the_parameter() -> None:
    plan = plan_of("cloudmesh-paper")
    assert plan.axes == {"epochs": [1, 30, 60], "gpu": ["a100", "v100"], "repeat": [1, 2, 3, 4, 5]}
    assert [experiment.parameters["seed"] for experiment in plan.experiments[:5]] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", ["cloudmesh-paper", "cloudmesh-rivanna"])
def test_a_sweep_of_cloudmesh_is_one_of_cloudmask_as_well(name: str, tmp_path: Path) -> None:
    text = (SWEEPS / f"{name}.yaml").read_text(encoding="utf-8")
    (tmp_path / "study.yaml").write_text(text.replace("./application.yaml", "cloudmask"), encoding="utf-8")
    plan = load_plan(tmp_path / "study.yaml", ROOT, "local")
    assert plan.application.name == "cloudmask"
    assert len(plan.experiments) == COUNTS[name]


def test_the_rivanna_sweep_asks_slurm_for_what_each_gpu_needs() -> None:
    plan = plan_of("cloudmesh-rivanna")
    assert list(dict.fromkeys(column(plan, "epochs"))) == [(1,), (2,), (10,), (30,), (50,), (70,), (100,)]
    found = {str(experiment.axes["gpu"]): experiment.resources for experiment in plan.experiments}
    assert list(found) == ["a100-dgx", "a100", "v100", "p100", "k80", "rtx2080", "rtx3090"]
    common = {"slurm_account": "bii_dsc_community", "mem_mb": 64000, "runtime": 600}
    assert found["a100-dgx"] == common | {
        "gres": "gpu:a100:1",
        "slurm_partition": "bii-gpu",
        "reservation": "bi_fox_dgx",
    }
    assert found["v100"] == common | {"gres": "gpu:v100:1", "slurm_partition": "bii-gpu"}
    assert found["rtx3090"] == common | {"gres": "gpu:rtx3090:1", "slurm_partition": "gpu"}


def test_a_zip_keeps_its_pairs_when_it_is_crossed() -> None:
    plan = plan_of("ramble-zip-in-matrix")
    assert set(column(plan, "slurm_partition", "processes_per_node")) == {("part1", 16), ("part2", 36)}
    assert plan.experiments[-1].resources["tasks"] == 36 * 16
    assert {nodes for (nodes,) in column(plan_of("ramble-excludes"), "nodes")} == {2, 4, 8}


def test_resources_go_with_a_parameter() -> None:
    plan = plan_of("maestro-resources")
    assert column(plan, "resolution") == [(2,), (4,), (6,), (8,)]
    assert [
        tuple(experiment.resources[name] for name in ("tasks", "nodes", "runtime")) for experiment in plan.experiments
    ] == [
        (8, 1, 10),
        (8, 1, 15),
        (16, 2, 30),
        (32, 4, 60),
    ]


def test_values_are_computed_and_derived_names_are_no_axes() -> None:
    experiments = plan_of("jube-computed-values").experiments
    names = ("number", "additional_number", "number_mult", "text")
    assert [tuple(experiment.parameters[name] for name in names) for experiment in experiments] == [
        (n, n * a, n * n * a, f"Number: {n}") for n in (1, 2, 4) for a in (1, 2)
    ]
    assert all(experiment.axes.keys() == {"number", "additional_number"} for experiment in experiments)


def test_maps_and_lists_are_values() -> None:
    last = plan_of("dvc-composite-values").experiments[-1]
    assert last.axes == {"os": "linux", "pyv": 3.8, "arguments": {"arg2": 2}, "outputs": ["out2", "out22"]}


def test_ranges_have_both_ends_and_exact_decimals() -> None:
    assert column(plan_of("hydra-ranges"), "range", "num") == [
        *(("whole", number) for number in (0, 1, 2, 3, 4)),
        *(("stepped", number) for number in (0, 2, 4)),
        *(("decimal", number) for number in (0, 3.3, 6.6, 9.9)),
        *(("halves", number) for number in (0, 0.5, 1, 1.5)),
        *(("down", number) for number in (10, 8, 6)),
    ]


def test_shared_stages_run_once_for_each_environment() -> None:
    plan = plan_of("reframe-fixtures")
    assert [stage.name for stage in plan.stages.values()].count("fetch") == 1
    assert [stage.name for stage in plan.stages.values()].count("build") == 3
    assert {tasks for benchmark, tasks in column(plan, "benchmark", "mpi_tasks") if benchmark == "allreduce"} == {
        2,
        4,
        8,
        16,
    }


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("name", "stages"), [pytest.param("dvc-composite-values", 0, marks=pytest.mark.long), ("reframe-fixtures", 4)]
)
def test_a_sweep_runs(name: str, stages: int, tmp_path: Path) -> None:
    workplace = Workplace(tmp_path)
    workplace.configure(study=str(SWEEPS / f"{name}.yaml"))
    workplace.run(*RECORDS_ONLY)
    results = workplace.results / name
    assert len(list((results / "records" / "local").glob("*.json"))) == COUNTS[name]
    assert len(list((results / "stages").glob("*.json"))) == stages


# Rows of the page: what is written there, what is written here, and the example that has it.
ROWS = re.findall(r"^\| (.*) \| (.*) \| `([\w-]+)`: (\d+)(?:,.*)? \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_shows_every_sweep_with_its_count() -> None:
    assert {(example, int(count)) for _, _, example, count in ROWS} == set(COUNTS.items())


@pytest.mark.parametrize(("here", "example"), [(here, example) for _, here, example, _ in ROWS])
def test_what_the_page_shows_is_in_the_example(here: str, example: str) -> None:
    files = [SWEEPS / f"{example}.yaml", *SWEEPS.glob("*/application.yaml")]
    contents = [part for file in files for part in parts(yaml.safe_load(file.read_text(encoding="utf-8")))]
    shown = [content for code in re.findall(r"`([^`]+)`", here) if isinstance(content := yaml.safe_load(code), dict)]
    for content in shown:
        assert any(contains(part, content) for part in contents), content


def test_the_demo_of_slurm_asks_for_a_gpu_where_it_says_so() -> None:
    plan = load_plan(ROOT / "examples/slurm-demo.yaml", ROOT, "slurm")
    assert [experiment.axes.get("gpu") for experiment in plan.experiments] == [None] * 6 + ["a100"] * 2
    assert [experiment.resources["mem_mb"] for experiment in plan.experiments] == [
        600 + 10 * value for value in range(1, 9)
    ]


def parts(content: object) -> Iterator[object]:
    """Yield a content and all that is in it."""
    yield content
    for inner in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from parts(inner)


def contains(whole: object, part: object) -> bool:
    """Return whether all of a part is in a whole: maps may have more keys, and lists of maps more maps."""
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(key in whole and contains(whole[key], value) for key, value in part.items())
    if isinstance(whole, list) and isinstance(part, list) and all(isinstance(item, dict) for item in part):
        return all(any(contains(item, value) for item in whole) for value in part)
    return whole == part
