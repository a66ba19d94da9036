"""From a study file to its experiments."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairmesh import schema
from fairmesh.files import canonical_json, text_sha256
from fairmesh.study import Plan, load_plan

Planner = Callable[[str], Plan]
ROOT = Path(__file__).parents[2]


def ids(plan: Plan) -> list[str]:
    return [experiment.id for experiment in plan.experiments]


def test_axes_are_crossed_and_the_first_varies_slowest(plan: Planner) -> None:
    assert ids(plan("parameters:\n  rate: [1.0, 0.25]\n  count: [2, 1]\nrepeat: 2")) == [
        "count=2+rate=1+repeat=1",
        "count=2+rate=1+repeat=2",
        "count=1+rate=1+repeat=1",
        "count=1+rate=1+repeat=2",
        "count=2+rate=0.25+repeat=1",
        "count=2+rate=0.25+repeat=2",
        "count=1+rate=0.25+repeat=1",
        "count=1+rate=0.25+repeat=2",
    ]


def test_a_study_without_axes_is_one_experiment(plan: Planner) -> None:
    assert ids(plan("")) == ["defaults"]


def test_an_axis_of_one_value_is_in_the_id(plan: Planner) -> None:
    assert ids(plan("parameters: {count: 3, gpu: a100}\nrepeat: 1")) == ["count=3+gpu=a100+repeat=1"]


def test_all_parameters_have_values_in_the_applications_order(plan: Planner) -> None:
    (experiment,) = plan("parameters: {label: 012, n: 3}").experiments
    assert list(experiment.parameters.items()) == [
        ("count", 3),
        ("rate", 0.5),
        ("label", "012"),
        ("exact", False),
        ("order", "up"),
        ("seed", 7),
    ]
    assert experiment.axes == {"count": 3, "label": "012"}


def test_a_plain_scalar_given_to_a_text_is_its_source_text(plan: Planner) -> None:
    values = plan("parameters: {label: [1.10, 1e-3, on, 0x10, true]}").axes["label"]
    assert values == ["1.10", "1e-3", "on", "0x10", "true"]


def test_the_seed_follows_the_repeat(plan: Planner) -> None:
    experiments = plan("parameters: {seed: [10, 20]}\nrepeat: 2").experiments
    assert [experiment.parameters["seed"] for experiment in experiments] == [10, 11, 20, 21]
    assert [experiment.axes["seed"] for experiment in experiments] == [10, 10, 20, 20]


def test_framework_axes_override_the_applications_resources(plan: Planner) -> None:
    (experiment,) = plan("parameters: {gpu: a100, mem_mb: 400}").experiments
    assert experiment.resources == {"mem_mb": 400, "runtime": 5, "threads": 2}


def test_a_stage_is_shared_by_all_that_agree_on_what_it_uses(plan: Planner) -> None:
    made = plan("parameters: {count: [1, 2], order: [up, down], rate: [1, 2]}")
    assert [(item.name, item.parameters) for item in made.stages.values()] == [
        ("numbers", {"count": 1}),
        ("sorted", {"order": "up"}),
        ("sorted", {"order": "down"}),
        ("numbers", {"count": 2}),
        ("sorted", {"order": "up"}),
        ("sorted", {"order": "down"}),
    ]
    for fingerprint, stage in made.stages.items():
        assert (stage.fingerprint, stage.key) == (fingerprint, fingerprint[:12])
        assert all(made.stages[need].name == name for name, need in stage.needs.items())
    assert next(iter(made.stages.values())).resources == {"mem_mb": 100, "runtime": 5}
    assert made.experiments[0].stages == {"sorted": list(made.stages)[1]}


def test_fingerprints_are_the_hash_of_the_canonical_json(plan: Planner) -> None:
    made = plan("parameters: {label: 'a \"b\" é', rate: 1e-5}\nrepeat: 1")
    own = {"application": "sums", "version": "1.0"}
    numbers = own | {
        "command": ["python", "-m", "sums.numbers", "--count={{ count }}"],
        "parameters": {"count": 10},
        "stages": {},
    }
    ordered = own | {
        "command": ["python", "-m", "sums.sort"],
        "parameters": {"order": "up"},
        "stages": {"numbers": text_sha256(canonical_json(numbers))},
    }
    experiment = own | {
        "command": ["python", "-m", "sums.add", "{{ stage.sorted }}"],
        "parameters": made.experiments[0].parameters,
        "stages": {"sorted": text_sha256(canonical_json(ordered))},
    }
    assert list(made.stages) == [text_sha256(canonical_json(numbers)), text_sha256(canonical_json(ordered))]
    assert made.experiments[0].fingerprint == text_sha256(canonical_json(experiment))


def test_a_grown_axis_another_order_and_a_comment_rename_nothing(plan: Planner) -> None:
    before = {
        experiment.id: experiment.fingerprint
        for experiment in plan("parameters: {count: [1, 2], rate: [1, 2]}").experiments
    }
    after = {
        experiment.id: experiment.fingerprint
        for experiment in plan("# more\nparameters:\n  rate: [3, 2, 1.0]\n  n: [2, 1]  # alias\n").experiments
    }
    assert before.items() < after.items()


def test_resources_and_machine_are_not_in_the_fingerprint(plan: Planner, root: Path) -> None:
    (one,) = plan("parameters: {mem_mb: 100, gpu: a100}").experiments
    (other,) = load_plan(root / "study.yaml", root, "dgx").experiments
    (plain,) = plan("").experiments
    assert one.fingerprint == other.fingerprint == plain.fingerprint
    assert one.key != other.key


def test_an_exclude_removes_the_points_at_which_every_value_matches(plan: Planner) -> None:
    made = plan(
        "parameters: {count: [1, 2], rate: [1, 2]}\nrepeat: 2\n"
        "exclude:\n  - {n: 1, rate: 2.0, label: 1.10}\n  - {count: 2, order: down}\n"
    )
    assert ids(made)[::2] == ["count=1+rate=1+repeat=1", "count=2+rate=1+repeat=1", "count=2+rate=2+repeat=1"]
    assert made.warnings == ["study.yaml:7:5: this exclude removes nothing"]


def test_the_plan_as_json_has_the_keys_of_the_format(plan: Planner) -> None:
    content = json.loads(json.dumps(plan("title: T\nparameters: {count: 1}").to_json()))
    assert list(content) == [
        *("format", "study", "title", "application", "axes", "machines", "selection", "experiments"),
    ]
    assert content["application"] == {"name": "sums", "version": "1.0"}
    assert list(content["experiments"][0]) == [
        *("machine", "id", "key", "parameters", "axes", "resources", "stages", "fingerprint", "selected"),
    ]


def test_an_application_may_be_named_by_a_path_from_the_studys_folder(root: Path) -> None:
    (root / "config" / "studies").mkdir(parents=True)
    study = root / "config" / "studies" / "mine.yaml"
    study.write_text("study: mine\napplication: ../../sums\n")
    assert load_plan("mine", root, "local").application.folder.resolve() == root / "sums"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    axes=st.fixed_dictionaries(
        {},
        optional={
            "count": st.lists(st.integers(1, 1000), min_size=1, max_size=3, unique=True),
            "rate": st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=3, unique=True),
            "label": st.lists(st.text(), min_size=1, max_size=3, unique_by=str.lower),
            "exact": st.lists(st.booleans(), min_size=1, unique=True),
        },
    )
)
def test_any_values_give_as_many_distinct_experiments_and_come_back(
    plan: Planner, axes: dict[str, list[object]]
) -> None:
    made = plan(schema.dump_yaml({"parameters": axes}) if axes else "")
    count = 1
    for values in axes.values():
        count *= len(values)
    assert len({experiment.id.lower() for experiment in made.experiments}) == len(made.experiments) == count
    assert made.axes == axes


@pytest.mark.parametrize("study", sorted((ROOT / "config" / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_study_bears_the_name_of_its_file(study: Path) -> None:
    assert load_plan(study, ROOT, "local").study == study.stem


CHAIN = """
name: chain
version: "1"
stages:
  first: {command: ["true"], uses: [size]}
  second: {command: ["true"], needs: [first]}
  aside: {command: ["true"]}
  last: {command: ["true"], needs: [second, aside]}
parameters:
  size: {type: integer, default: 1}
  epochs: {type: integer, default: 1}
"""


@pytest.mark.parametrize(
    ("chosen", "done", "needed"),
    [
        (slice(None), (), ["first 1", "second", "first 2", "second", "aside"]),
        (slice(0, 1), (), ["first 1", "second", "aside"]),
        (slice(0, 1), ("second",), ["aside"]),
        (slice(0, 0), (), []),
    ],
)
def test_stages_that_are_needed_indirectly_are_needed(
    tmp_path: Path, chosen: slice, done: tuple[str, ...], needed: list[str]
) -> None:
    (tmp_path / "application.yaml").write_text(CHAIN)
    study = tmp_path / "mine.yaml"
    study.write_text("study: mine\napplication: ./application.yaml\nparameters: {size: [1, 2]}\n")
    plan = load_plan(study, tmp_path, "local")
    found = plan.needed_stages(plan.experiments[chosen], lambda stage: stage.name in done)
    names = [" ".join([stage.name, *map(str, stage.parameters.values())]) for stage in found]
    assert sorted(names) == sorted(needed)
    for place, stage in enumerate(found):
        assert not set(stage.needs.values()) & {later.fingerprint for later in found[place:]}
