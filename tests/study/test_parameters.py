"""The algebra of parameter spaces: what every sweep comes to, against a plain computation of the same."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairmesh import schema
from fairmesh.errors import InputError
from fairmesh.study import Plan

Planner = Callable[[str], Plan]


def points(plan: Plan) -> list[dict[str, Any]]:
    return [experiment.axes for experiment in plan.experiments]


@pytest.mark.parametrize(
    ("parameters", "ids"),
    [
        ("{count: [1, 2], rate: [3, 4]}", "count=1+rate=3 count=1+rate=4 count=2+rate=3 count=2+rate=4"),
        ("{product: [{count: [1, 2]}, {rate: 3}]}", "count=1+rate=3 count=2+rate=3"),
        ("{zip: [{count: [1, 2]}, {rate: [3, 4]}]}", "count=1+rate=3 count=2+rate=4"),
        ("{zip: {count: [1, 2], rate: [3, 4]}}", "count=1+rate=3 count=2+rate=4"),
        ("{union: [{count: 1}, {rate: [1, 2]}, {}]}", "count=1 rate=1 rate=2 defaults"),
        ("{order: [up, down], zip: {count: [1, 2], rate: [3, 4]}}", "2 x 2"),
        ("{zip: [{count: [1, 2]}, {union: [{rate: 3}, {label: x}]}]}", "count=1+rate=3 count=2+label=x"),
        (
            "{union: [{order: up, count: {from: 1, to: 2, step: 1}}, {order: down, rate: {from: 1, to: 4, count: 2}}]}",
            "count=1+order=up count=2+order=up order=down+rate=1 order=down+rate=4",
        ),
        ("{count: '[1-3]'}", "count=1 count=2 count=3"),
        ("{count: '3', label: '3', rate: '1e-1'}", "count=3+label=~223~22+rate=0.1"),
        ("{label: 'a[0-1],b'}", "label=a0 label=a1 label=b"),
        ("{label: ['a,b']}", "label=a~2cb"),
        ("{count: [1, 2], rate: {values: 'count * 2'}}", "count=1+rate=2 count=2+rate=4"),
        (
            "{rate: {values: '[count, n * 2]'}, count: [1, 2]}",
            "count=1+rate=1 count=1+rate=2 count=2+rate=2 count=2+rate=4",
        ),
        ("{seed: {values: 'range(count)'}, count: 2, rate: {values: 'seed + 1'}}", "2"),
        ("{count: 3, union: [{order: up}, {order: down, rate: {values: 'count'}}]}", "2"),
        ("{mem_mb: {values: 'count * 100'}, count: [1, 2]}", "count=1+mem_mb=100 count=2+mem_mb=200"),
        ("{zip: {count: [1, 1, 2], rate: [3, 4, 3]}}", "count=1+rate=3 count=1+rate=4 count=2+rate=3"),
        ("{zip: [{count: [1, 2]}, {rate: {values: '[5, 6]'}}]}", "count=1+rate=5 count=2+rate=6"),
    ],
)
def test_a_space_has_these_points(plan: Planner, parameters: str, ids: str) -> None:
    found = [experiment.id for experiment in plan(f"parameters: {parameters}").experiments]
    if "=" in ids or ids == "defaults":
        assert found == ids.split()
    else:
        assert len(found) == {"2 x 2": 4, "2": 2}[ids]


def test_the_order_of_keys_changes_neither_ids_nor_fingerprints(plan: Planner) -> None:
    text = "{{{0}}}"
    axes = ["order: [up, down]", "zip: [{count: [1, 2]}, {rate: [3, 4]}]", "label: {values: 'order ~ count'}"]
    seen = [
        {
            experiment.id: experiment.fingerprint
            for experiment in plan("parameters: " + text.format(", ".join(keys))).experiments
        }
        for keys in itertools.permutations(axes)
    ]
    assert all(fingerprints == seen[0] for fingerprints in seen)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("exclude: [{count: 1}]", "count=2+gpu=a count=2+gpu=b"),
        ("exclude: [{n: 1, gpu: a}]", "count=1+gpu=b count=2+gpu=a count=2+gpu=b"),
        ("exclude: [{gpu: [a, c]}]", "count=1+gpu=b count=2+gpu=b"),
        ("exclude: [{gpu: {matches: '[ab]'}, count: 1}]", "count=2+gpu=a count=2+gpu=b"),
        ("exclude: [{count: {matches: '1|3'}}]", "count=2+gpu=a count=2+gpu=b"),
        ("exclude: ['count > 1 and gpu == \"a\"']", "count=1+gpu=a count=1+gpu=b count=2+gpu=b"),
        ("exclude: ['rate == 0.5 and n < 2']", "count=2+gpu=a count=2+gpu=b"),
        ("derive: {_x: 'count * 10'}\nexclude: ['_x > 10']", "count=1+gpu=a count=1+gpu=b"),
        ("derive: {_x: 'count * 10'}\nexclude: [{_x: 20}]", "count=1+gpu=a count=1+gpu=b"),
        ("exclude: ['true']\ninclude: [{count: 7}]", "count=7"),
        (
            "exclude: ['count > 1']\ninclude: [{count: [8, 9], gpu: b}]",
            "count=1+gpu=a count=1+gpu=b count=8+gpu=b count=9+gpu=b",
        ),
    ],
)
def test_what_is_excluded_and_included(plan: Planner, text: str, ids: str) -> None:
    made = plan("parameters: {count: [1, 2], gpu: [a, b]}\n" + text)
    assert [experiment.id for experiment in made.experiments] == ids.split()
    assert made.warnings == []


def test_derived_values_are_parameters_and_resources_but_no_axes(plan: Planner) -> None:
    made = plan(
        "parameters: {count: [1, 4]}\nderive: {runtime: '30 + _long', _long: 'count * 8', rate: 'count / 2'}\n"
        "include: [{count: 5, runtime: 7}]\nrepeat: 2\n"
    )
    found = [
        (experiment.id, experiment.resources["runtime"], experiment.parameters["rate"])
        for experiment in made.experiments[::2]
    ]
    assert found == [
        ("count=1+repeat=1", 38, 0.5),
        ("count=4+repeat=1", 62, 2),
        ("count=5+runtime=7+repeat=1", 7, 2.5),
    ]


def test_an_included_point_may_say_which_repeat_it_is(plan: Planner) -> None:
    made = plan("parameters: {count: 1}\ninclude: [{count: 3, repeat: 7}]\nrepeat: 2")
    assert [experiment.id for experiment in made.experiments] == [
        "count=1+repeat=1",
        "count=1+repeat=2",
        "count=3+repeat=7",
    ]


def test_a_study_may_consist_of_included_points_alone(plan: Planner) -> None:
    made = plan("include: [{count: 1, rate: 2}, {count: 3}]")
    assert [experiment.id for experiment in made.experiments] == ["count=1+rate=2", "count=3"]


def test_a_derived_resource_that_is_null_is_not_asked_for(plan: Planner) -> None:
    made = plan("parameters: {count: [1, 2]}\nderive: {qos: \"'long' if count > 1 else null\", mem_mb: 'null'}")
    assert [experiment.resources for experiment in made.experiments] == [
        {"runtime": 5, "threads": 2},
        {"runtime": 5, "threads": 2, "qos": "long"},
    ]


def test_a_name_that_a_point_has_not_is_null_in_expressions(
    plan: Planner, mistakes: Callable[[str], list[str]]
) -> None:
    space = "parameters: {union: [{count: 1}, {count: 2, mem_mb: 700}]}\n"
    made = plan(space + "exclude: ['mem_mb != null and mem_mb > 500']")
    assert [experiment.id for experiment in made.experiments] == ["count=1"]
    (line,) = mistakes(space + "exclude: ['mem_mb > 500']")
    assert line.startswith("4:11: 'exclude[0]' cannot be computed for count=1: '>' not supported between instances of ")
    assert line.endswith("'NoneType' and 'int'; there mem_mb is null, for which 'NAME != null' asks")


def test_a_derived_parameter_is_computed_anew_where_it_changes(plan: Planner) -> None:
    (one,) = plan("derive: {rate: '2 * 0.5'}").experiments
    (same,) = plan("parameters: {rate: 1}").experiments
    assert one.fingerprint == same.fingerprint
    assert one.id == "defaults"


def test_a_key_left_out_stays_left_out(plan: Planner) -> None:
    made = plan("parameters: {union: [{count: 100}, {gpu: a}]}")
    assert [experiment.axes for experiment in made.experiments] == [{"count": 100}, {"gpu": "a"}]
    assert type(made.experiments[0].axes["count"]) is int
    assert made.axes == {"count": [100], "gpu": ["a"]}


def test_two_names_for_one_computation_are_warned_of(plan: Planner) -> None:
    made = plan("parameters: {union: [{count: 10}, {rate: 0.5}, {gpu: a}]}")
    assert made.warnings == ["study.yaml:3:1: count=10 and rate=0.5 compute the same"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "parameters: {zip: {count: [1, 2], rate: [1, 2, 3]}}",
            "3:19: 'parameters.zip' pairs members of equal length, but these have: count 2, rate 3",
        ),
        (
            "parameters: {zip: [{count: 2}, {rate: {values: '[1, 2]'}}]}",
            "3:19: 'parameters.zip' pairs members of equal length, but these have: count 1, rate 2",
        ),
        (
            "parameters: {zip: {count: [1, 2], rate: {values: 'count'}}}",
            (
                "3:19: 'parameters.zip' pairs rate with count, from which it is computed"
                " (allowed: a computed axis stands outside of the zip)"
            ),
        ),
        (
            "parameters: {zip: 3}",
            "3:19: 'parameters.zip' must be a list of maps, each a space of its own, or one map of axes, not 3",
        ),
        (
            "parameters: {zip: []}",
            (
                "3:19: 'parameters.zip' must be a list of maps, each a space of its own, or one map of axes,"
                " not an empty one"
            ),
        ),
        (
            "parameters: {union: {count: 1}}",
            "3:21: 'parameters.union' must be a list of maps, each a space of its own, not a map",
        ),
        (
            "parameters: {union: [3]}",
            "3:22: 'parameters.union[0]' must be a map of axes, or of product, zip and union, not 3",
        ),
        (
            "parameters: {product: [{count: 1}, {n: 2}]}",
            "3:23: 'parameters.product[1]' has the axis 'count', which 'parameters.product[0]' has already",
        ),
        (
            "parameters: {count: 1, zip: {n: [1]}}",
            "3:24: 'parameters.zip' has the axis 'count', which 'parameters.count' has already",
        ),
        ("parameters: {union: [{count: [1, 2]}, {count: 2}]}", "3:1: the point count=2 is there twice"),
        ("parameters: {count: 1}\ninclude: [{count: 1}]", "3:1: the point count=1 is there twice"),
        ("parameters: {count: {values: 'count'}}", "3:13: 'parameters' computes count from itself"),
        (
            "parameters: {count: {values: 'rate'}, rate: {values: 'count'}}",
            "3:13: 'parameters' computes count, rate from each other",
        ),
        (
            "parameters: {count: {values: 'rat'}}",
            (
                "3:30: 'parameters.count.values': there is no parameter or axis 'rat'; did you mean 'rate'?"
                " (allowed: count, rate, label, exact, order, seed, n)"
            ),
        ),
        (
            "parameters: {count: {values: 'gpu'}}",
            (
                "3:30: 'parameters.count.values': there is no axis 'gpu' in this study"
                " (allowed: count, rate, label, exact, order, seed, n)"
            ),
        ),
        (
            "parameters: {count: {values: 3 +}}",
            "3:30: 'parameters.count.values' is not an expression: it ends where more is expected",
        ),
        ("parameters: {count: {values: ~}}", "3:30: 'parameters.count.values' must be an expression in quotes"),
        (
            "parameters: {count: {values: '1 / (order == \"up\")'}, order: [up, down]}",
            "3:30: 'parameters.count.values' cannot be computed for order=down: division by zero",
        ),
        (
            "parameters: {count: {values: 'rate'}, rate: [1, 1.5]}",
            (
                "3:30: 'parameters.count.values' must be a whole number of at least 1 and at most 1000,"
                " not 1.5 for rate=1.5"
            ),
        ),
        (
            "parameters: {count: {values: '[1, 1]'}}",
            "3:30: 'parameters.count.values' gives [1, 1], which has a value twice",
        ),
        ("parameters: {count: {values: '[]'}}", "3:30: 'parameters.count.values' gives [], which has no value"),
        (
            "parameters: {count: {values: 'range(1, 10**10**10)'}}",
            (
                "3:30: 'parameters.count.values' is not an expression:"
                " a ** b ** c can be read in two ways; write parentheses"
            ),
        ),
        (
            "parameters: {count: {values: '[1] * 10**9'}}",
            "3:30: 'parameters.count.values' cannot be computed: more than 100000 characters or members are too many",
        ),
        ("parameters: {count: {from: 1}}", "3:21: 'parameters.count.to' is missing"),
        ("parameters: {count: {from: 1, to: 2}}", "3:21: 'parameters.count' needs 'step' or 'count'"),
        (
            "parameters: {count: {from: 1, to: 3, stp: 1}}",
            "3:38: unknown key 'parameters.count.stp'; did you mean 'step'? (allowed: from, to, step, count, scale)",
        ),
        (
            "parameters: {count: {from: 1, to: 2, count: 3}}",
            "3:21: 'parameters.count' must be a whole number of at least 1 and at most 1000, not 1.5",
        ),
        (
            "parameters: {count: {from: 1, to: 1000000000, step: 1}}",
            "3:21: 'parameters.count' has more than 1000000 values",
        ),
        (
            "parameters: {count: {a: 1}}",
            (
                "3:21: 'parameters.count' must be a list, one value, {from: ..., to: ..., step: ...} or"
                " {values: an expression}, not a map with the keys a"
            ),
        ),
        (
            "parameters: {count: [1-5]}",
            (
                "3:22: 'parameters.count' must be a whole number of at least 1 and at most 1000, not '1-5';"
                " did you mean '\"[1-5]\"'?"
            ),
        ),
        (
            "parameters: {count: '[1-3'}",
            (
                "3:21: 'parameters.count' has a '[' without its ']'"
                " (allowed: a list holds texts with commas or brackets as they are)"
            ),
        ),
        ("parameters: {count: '1,1'}", "3:21: 'parameters.count' has the value 1 twice"),
        ("parameters: {count: 'a[1-2]'}", None),
        (
            "parameters: {count: [{a: 1}]}",
            "3:22: 'parameters.count' must be a whole number of at least 1 and at most 1000, not a map",
        ),
        (
            "parameters: {count: [[1]]}",
            "3:22: 'parameters.count' must be a whole number of at least 1 and at most 1000, not a list",
        ),
        (
            "derive: {a: '1'}",
            (
                "3:10: 'derive.a' is no parameter, no resource, and does not begin with _"
                " (allowed: count, rate, label, exact, order, seed, n, Snakemake's resources, _...)"
            ),
        ),
        (
            "derive: {gpu: '1'}",
            (
                "3:10: 'derive.gpu' is no parameter, no resource, and does not begin with _"
                " (allowed: count, rate, label, exact, order, seed, n, Snakemake's resources, _...)"
            ),
        ),
        ("parameters: {count: 1}\nderive: {n: '2'}", "4:10: 'derive.n': 'count' already gets its values elsewhere"),
        ("derive: {_a: _b, _b: _a}", "3:9: 'derive' computes names from each other: _a -> _b -> _a"),
        ("derive: {runtime: '1 +'}", "3:19: 'derive.runtime' is not an expression: it ends where more is expected"),
        ("derive: {runtime: [1]}", "3:19: 'derive.runtime' must be an expression in quotes"),
        ("derive: {runtime: 'count / 4'}", "3:19: 'derive.runtime' must be a whole number of at least 1, not 2.5"),
        (
            "exclude: ['cont > 3']",
            (
                "3:11: 'exclude[0]': there is no parameter or axis 'cont'; did you mean 'count'?"
                " (allowed: count, rate, label, exact, order, seed, n)"
            ),
        ),
        ("exclude: ['count >']", "3:11: 'exclude[0]' is not an expression: it ends where more is expected"),
        (
            "exclude: ['count > label']",
            "3:11: 'exclude[0]' cannot be computed: '>' not supported between instances of 'int' and 'str'",
        ),
        (
            "exclude: [{label: {matches: '('}}]",
            "3:29: 'exclude[0].label.matches': '(' is not a regular expression: missing ) at position 1",
        ),
        ("exclude: [{label: {match: a}}]", "3:19: 'exclude[0].label' must be a text, not a map"),
        ("include: [{cont: 1}]", None),
        ("include: [3]", "3:11: 'include[0]' must be a map of axes, or of product, zip and union, not 3"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(
    mistakes: Callable[[str], list[str]], text: str, line: str | None
) -> None:
    found = mistakes(text)
    if line is None:
        assert len(found) >= 1
        assert all(line.startswith("3:") for line in found)
    else:
        assert found == [line]


def test_a_range_that_does_not_meet_its_end_is_warned_of(plan: Planner) -> None:
    made = plan("parameters: {count: {from: 1, to: 10, step: 4}}")
    assert [experiment.axes["count"] for experiment in made.experiments] == [1, 5, 9]
    assert made.warnings == ["study.yaml:3:21: 'parameters.count' ends at 9, and not at 10"]


_VALUES = {
    "count": st.integers(1, 9),
    "rate": st.sampled_from([0.5, 1, 2.5]),
    "label": st.text("ab/,+ '\"$~é\n", max_size=4),
}


@st.composite
def spaces(
    draw: st.DrawFn, names: tuple[str, ...] = ("count", "rate", "label"), depth: int = 2
) -> tuple[Any, list[Any]]:
    """Return a space as it stands in a file, and its points."""
    kind = draw(st.sampled_from(["axes", "axes", "product", "zip", "union"] if depth and len(names) > 1 else ["axes"]))
    if kind == "axes":
        chosen = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        axes = {name: draw(st.lists(_VALUES[name], min_size=1, max_size=3, unique=True)) for name in chosen}
        return axes, [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    if kind == "union":
        members = [draw(spaces((name,), depth - 1)) for name in names]
        return {"union": [node for node, _ in members]}, [point for _, found in members for point in found]
    members = [draw(spaces((name,), depth - 1)) for name in names[:2]]
    if kind == "product":
        crossed = itertools.product(*(found for _, found in members))
        return {"product": [node for node, _ in members]}, [first | second for first, second in crossed]
    shortest = min(len(found) for _, found in members)
    short = [({name: values[:shortest] for name, values in node.items()}, found[:shortest]) for node, found in members]
    paired = zip(*(found for _, found in short), strict=True)
    return {"zip": [node for node, _ in short]}, [first | second for first, second in paired]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(space=spaces(), repeat=st.integers(1, 3))
def test_any_space_is_what_a_plain_computation_says(plan: Planner, space: tuple[Any, list[Any]], repeat: int) -> None:
    node, expected = space
    made = plan(schema.dump_yaml({"parameters": node, "repeat": repeat}))
    repeated = [point | {"repeat": number} for point in expected for number in range(1, repeat + 1)]
    assert [json.dumps(value, sort_keys=True) for value in points(made)] == [
        json.dumps(value, sort_keys=True) for value in repeated
    ]
    ids = [experiment.id for experiment in made.experiments]
    assert len(set(ids)) == len(ids)
    assert ids == [
        experiment.id for experiment in plan(schema.dump_yaml({"parameters": node, "repeat": repeat})).experiments
    ]


_TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["[1-3]", "1,2"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["count", "rate", "label", "gpu", "zip", "union", "product", "values", "from", "to", "step"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.dictionaries(
        st.sampled_from(["parameters", "derive", "exclude", "include", "repeat", "title"]), _TREES, max_size=4
    )
)
def test_no_file_gives_anything_but_a_plan_or_clear_lines(plan: Planner, content: dict[str, Any]) -> None:
    with contextlib.suppress(InputError):
        assert plan(schema.dump_yaml(content) if content else "").experiments
