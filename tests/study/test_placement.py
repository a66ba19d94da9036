"""Studies whose experiments run on several machines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmesh.dispatch.mirror import RemotePlace
from fairmesh.dispatch.placed import result_finder
from fairmesh.jobs.paths import StudyPaths
from fairmesh.study import Plan, load_plan
from fairmesh.study.difference import compare_plans
from fairmesh.study.placement import choose_machine
from fairmesh.study.selection import PlanSelection

MACHINES = """\
local: {kind: local}
dgx: {kind: ssh, host: dgx, slots: 3}
ada: {kind: ssh, host: ada}
"""


@pytest.fixture(autouse=True)
def machines(root: Path) -> None:
    (root / "config").mkdir()
    (root / "config/machines.yaml").write_text(MACHINES)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "machines: {each: [lokal]}",
            (
                "3:19: 'machines.each[0]': config/machines.yaml names no machine 'lokal'; did you mean 'local'? "
                "(allowed: local, dgx, ada)"
            ),
        ),
        (
            "machines: [local, dgx]",
            "3:11: 'machines' must be a map such as {each: [local, dgx]} or {any: [local, dgx]}",
        ),
        ("machines: {each: dgx}", "3:11: 'machines' must have a list for 'each': [dgx]"),
        ("machines: {any: []}", "3:17: 'machines.any' names no machine"),
        ("machines: {each: [local, local]}", "3:18: 'machines.each' names 'local' twice"),
        ("machines: {each: [local], any: [dgx]}", "3:27: 'machines' has both 'each' and 'any'; write one of them"),
        (
            "machines: {}",
            (
                "3:11: 'machines' names no machine; leave it out to run on the machine of the profile "
                "(allowed: each, any, stages)"
            ),
        ),
        (
            "machines: {stages: {sorte: local}}",
            (
                "3:21: 'machines.stages': sums has no shared stage 'sorte'; did you mean 'sorted'? "
                "(allowed: numbers, sorted)"
            ),
        ),
        ("machines: {all: [local]}", "3:12: unknown key 'machines.all' (allowed: each, any, stages)"),
    ],
)
def test_a_mistake_in_the_machines_has_its_place(mistakes: Callable[[str], list[str]], text: str, line: str) -> None:
    assert mistakes(text) == [line]


def test_every_point_runs_on_each_machine(plan: Callable[[str], Plan]) -> None:
    study = plan("parameters: {count: [1, 2]}\nmachines: {each: [local, dgx]}")
    assert [experiment.name for experiment in study] == [
        ("local", "count=1"),
        ("dgx", "count=1"),
        ("local", "count=2"),
        ("dgx", "count=2"),
    ]
    assert study.machines == ["local", "dgx"]
    assert len({experiment.key for experiment in study}) == 4
    assert len({experiment.fingerprint for experiment in study}) == 2


def test_names_show_the_machine_only_if_there_are_several(plan: Callable[[str], Plan]) -> None:
    lines = "parameters: {count: [1, 2]}\nmachines:"
    one, two = (plan(f"{lines} {{each: {names}}}") for names in ("[dgx]", "[dgx, ada]"))
    assert one.full_name(one[0]) == "count=1"
    assert two.full_name(two[0]) == "count=1 on dgx"
    assert [experiment.name for experiment in two.finder.find("count=1 on ada")] == [("ada", "count=1")]


def test_a_condition_selects_the_experiments_of_a_machine(plan: Callable[[str], Plan]) -> None:
    study = plan("parameters: {count: [1, 2]}\nmachines: {each: [local, dgx]}")
    chosen = PlanSelection(where='machine == "dgx"').of(study)
    assert [experiment.name for experiment in chosen] == [("dgx", "count=1"), ("dgx", "count=2")]
    selected = [entry["selected"] for entry in chosen.to_json()["experiments"]]
    assert selected == [False, True, False, True]


def test_a_file_of_names_selects_experiments_of_one_machine(plan: Callable[[str], Plan], root: Path) -> None:
    study = plan("parameters: {count: [1, 2]}\nmachines: {each: [local, dgx]}")
    (root / "names").write_text("dgx/count=2\n")
    assert [experiment.name for experiment in PlanSelection(only="names").of(study)] == [("dgx", "count=2")]


def test_a_setting_replaces_the_machines(root: Path) -> None:
    path = root / "study.yaml"
    path.write_text("study: study\napplication: sums\n")
    study = load_plan(path, root, "local", {"machines": "{each: [ada, dgx]}"})
    assert study.machines == ["ada", "dgx"]


def test_a_stage_runs_on_its_machine_and_others_on_that_of_the_profile(plan: Callable[[str], Plan]) -> None:
    study = plan("machines: {each: [ada], stages: {sorted: dgx}}")
    assert {stage.name: study.machine_of(stage) for stage in study.stages.values()} == {
        "numbers": "local",
        "sorted": "dgx",
    }
    assert study.machines == ["ada"]
    assert study.all_machines == ["ada", "local", "dgx"]


def test_plans_are_compared_by_machine(plan: Callable[[str], Plan]) -> None:
    one, two = (plan(f"parameters: {{count: [1]}}\nmachines: {{each: {names}}}") for names in ("[dgx]", "[dgx, ada]"))
    assert compare_plans(one, two).added == ["count=1 on ada"]


def test_each_machine_counts_toward_the_largest_number_of_experiments(root: Path, plan: Callable[[str], Plan]) -> None:
    plan("parameters: {count: [1, 2]}\nmachines: {each: [local, dgx]}")
    with pytest.raises(Exception, match="the study has 4 experiments, of which at most 3 are possible"):
        load_plan(root / "study.yaml", root, "local", most=3)


def test_an_experiment_stays_where_it_has_a_result(root: Path, plan: Callable[[str], Plan]) -> None:
    free = plan("parameters: {count: [1, 2, 3]}\nmachines: {any: [local, dgx, ada]}")
    first = free[0]
    other = next(name for name in ("local", "dgx", "ada") if name != first.machine)
    seen = []

    def has_result(*name: str) -> bool:
        seen.append(name)
        return name == ("study", other, first.id, first.fingerprint)

    placed = load_plan(root / "study.yaml", root, "local", has_result=has_result)
    assert [entry.machine for entry in placed] == [other, *(entry.machine for entry in free.experiments[1:])]
    assert seen


def test_a_record_with_another_fingerprint_keeps_no_experiment(tmp_path: Path) -> None:
    record = tmp_path / "study/records/dgx/a=1.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"fingerprint": "b" * 64}))
    assert not result_finder(tmp_path)("study", "dgx", "a=1", "a" * 64)


def test_an_experiment_that_runs_on_another_machine_stays_there(tmp_path: Path) -> None:
    job = StudyPaths(tmp_path, "study").job("dgx", "a=1")
    job.folder.mkdir(parents=True)
    RemotePlace("dgx", "", 1, "a" * 64, "study/records/dgx/a=1.json").write(job)
    assert result_finder(tmp_path)("study", "dgx", "a=1", "a" * 64)
    assert not result_finder(tmp_path)("study", "dgx", "a=1", "b" * 64)


shares = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 100), min_size=1)


@given(st.text(), shares, st.integers(1, 100))
def test_adding_a_machine_moves_experiments_to_it_alone(name: str, machines: dict[str, int], slots: int) -> None:
    before = choose_machine(name, machines)
    assert choose_machine(name, machines | {"new": slots}) in {before, "new"}


@given(st.text(), shares)
def test_the_order_of_machines_does_not_matter(name: str, machines: dict[str, int]) -> None:
    assert choose_machine(name, machines) == choose_machine(name, dict(reversed(machines.items())))


def test_shares_follow_the_slots() -> None:
    machines = {"a": 1, "b": 3, "c": 6}
    chosen = [choose_machine(f"study/x={number}", machines) for number in range(10_000)]
    for name, slots in machines.items():
        assert chosen.count(name) == pytest.approx(1000 * slots, rel=0.1)
