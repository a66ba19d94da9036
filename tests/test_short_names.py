"""Short names of experiments, and the experiments that a text names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairmesh.errors import InputError
from fairmesh.names import REPEAT, experiment_id, experiment_key, value_text
from fairmesh.short_names import ExperimentFinder, ShortNames, value_label

Axes = Mapping[str, Any]


@dataclass(frozen=True)
class Experiment:
    """An experiment of a study, or a stage without a machine."""

    machine: str
    id: str
    axes: Axes

    @property
    def key(self) -> str:
        return experiment_key("toy", self.machine, self.id)


def experiments(points: list[Axes], *machines: str) -> list[Experiment]:
    return [Experiment(machine, experiment_id(axes), axes) for machine in machines or ("local",) for axes in points]


def finder(points: list[Axes], *machines: str, stages: tuple[str, ...] = ()) -> ExperimentFinder[Experiment]:
    found = [*(Experiment("", stage, {}) for stage in stages), *experiments(points, *machines)]
    return ExperimentFinder("toy", found, ShortNames(points, ("size", "method")))


def cross(**axes: list[Any]) -> list[Axes]:
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


GRID = cross(size=[128, 256, 512], method=["slices", "loops"], device=["cpu"], repeat=[1, 2])
POINTS_SHOWN = (
    "size=128 method=slices, size=128 method=loops, size=256 method=slices, size=256 method=loops, "
    "size=512 method=slices"
)
SECOND = {"size": 512, "method": "slices", "device": "cpu", "repeat": 2}

TEXTS = st.text(st.characters(codec="utf-8")) | st.text(" ,+=#~\"'[]{}…/12ab\n", max_size=8) | st.text(min_size=45)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(TEXTS, SCALARS, max_size=2)
POINTS = st.lists(st.dictionaries(st.sampled_from(["size", "method", "a", "repeats"]), VALUES), min_size=1, max_size=6)


@given(POINTS, st.integers(0, 3))
@example([{"a": "x"}, {"a": "x", "method": "b"}], 2)
@example([{"a": "a b"}, {"a": "a~20b"}], 0)
@example([{"a": "a", "size": 2}, {"a": "a size=2"}], 0)
@example([{"a": "x" * 60}, {"a": "x" * 61}, {"a": "x" * 60 + " "}], 0)
def test_every_short_name_finds_its_experiment_alone(points: list[Axes], repeats: int) -> None:
    different = list({experiment_id(axes): axes for axes in points}.values())
    whole = [{**axes, REPEAT: number} for axes in different for number in range(1, repeats + 1)] or different
    names, search = ShortNames(whole), finder(whole)
    for axes in whole:
        assert [found.axes for found in search.find(names.of(axes))] == [axes]
        point = {name: value for name, value in axes.items() if name != REPEAT}
        assert {experiment_id({**found.axes, REPEAT: 0}) for found in search.find(names.of_point(axes))} == {
            experiment_id({**point, REPEAT: 0})
        }


@given(POINTS)
def test_every_id_and_key_finds_its_experiment_alone(points: list[Axes]) -> None:
    different = list({experiment_id(axes): axes for axes in points}.values())
    search = finder(different)
    for experiment in experiments(different):
        assert [search.find_one(text).id for text in (experiment.id, experiment.key)] == [experiment.id] * 2


@given(st.text())
def test_any_other_text_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError) as error:
        finder(GRID).find(f"{text}?")
    assert len(error.value.problems) == 1


@given(VALUES)
def test_a_label_can_be_printed(value: Any) -> None:
    assert value_label(value).isprintable()


@pytest.mark.parametrize(
    ("points", "axes", "name"),
    [
        (GRID, SECOND, "size=512 method=slices #2"),
        (cross(size=[1, 2], repeat=[1]), {"size": 2, "repeat": 1}, "size=2"),
        (cross(epochs=[4]), {"epochs": 4}, "epochs=4"),
        (cross(epochs=[4], repeat=[1, 2]), {"epochs": 4, "repeat": 2}, "epochs=4 #2"),
        ([{}], {}, "defaults"),
        (cross(repeat=[1, 2]), {"repeat": 2}, "defaults #2"),
        ([{"size": 1}, {"size": 1, "method": "a"}], {"size": 1}, "size=1"),
        ([{"size": 1}, {"size": 1, "method": "a"}], {"size": 1, "method": "a"}, "method=a"),
        (cross(rate=[0.001, 1e-05]), {"rate": 1e-05}, "rate=1e-5"),
        (cross(flag=[True, False]), {"flag": True}, "flag=true"),
        (cross(text=["", "ü b", "1"]), {"text": "ü b"}, 'text="ü b"'),
        (cross(layers=[[1, 2], [3]]), {"layers": [1, 2]}, "layers=[1,2]"),
        (cross(text=["x" * 60, "y"]), {"text": "x" * 60}, "text=xxxxxxxxxxxxxxxxxxxxxxxx…42f2d973"),
    ],
)
def test_a_short_name_has_the_axes_that_vary(points: list[Axes], axes: Axes, name: str) -> None:
    assert ShortNames(points, ("size", "method")).of(axes) == name


@pytest.mark.parametrize(
    "text",
    [
        "size=512 method=slices #2",
        "size=512,method=slices,repeat=2",
        "method=slices+size=512+repeat=2",
        " method=slices ,  size=512 #2 ",
        "size=512,method=slices#2",
        "size=512.0,method=slices,#2",
        "size=0x200,method=slices,#2",
        "device=cpu,size=512,method=slices,#2",
        "size=512,method=slices,#2 on local",
        "local/size=512,method=slices,#2",
        "device=cpu+method=slices+repeat=2+size=512",
    ],
)
def test_a_name_has_many_spellings(text: str) -> None:
    assert finder(GRID).find_one(text).axes == SECOND


@pytest.mark.parametrize(
    ("points", "text", "value"),
    [
        (cross(rate=[0.001, 0.01]), "rate=1e-3", 0.001),
        (cross(flag=[True, False]), "flag=True", True),
        (cross(text=["", "a b, c", "1"]), "text=a b, c", "a b, c"),
        (cross(text=["", "a b", "1"]), "text=a~20b", "a b"),
        (cross(text=["", "a b", "1"]), "text=1", "1"),
        (cross(text=["", "a b", "1"]), "text=", ""),
        (cross(text=["a=b", "b"]), "text=a=b", "a=b"),
        (cross(text=["a#2", "b"], repeat=[2]), "text=a#2", "a#2"),
        (cross(layers=[[1, 2], [3]]), "layers=[1, 2]", [1, 2]),
        (cross(text=["x" * 60, "y"]), "text=" + "x" * 60, "x" * 60),
    ],
)
def test_a_value_has_many_spellings(points: list[Axes], text: str, value: Any) -> None:
    (found,) = finder(points).find(text)
    assert value_text(next(iter(found.axes.values()))) == value_text(value)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (
            "size=512,method=loops",
            ["device=cpu+method=loops+size=512+repeat=1", "device=cpu+method=loops+size=512+repeat=2"],
        ),
        ("data-0", ["data-01234"]),
    ],
)
def test_a_name_without_a_repeat_means_all_of_them(text: str, ids: list[str]) -> None:
    assert [found.id for found in finder(GRID, stages=("data-01234",)).find(text)] == sorted(ids)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sise=512", "'sise=512': toy has no axis 'sise'; did you mean 'size'?"),
        ("gpu=1", "'gpu=1': toy has no axis 'gpu' (allowed: size, method, device, repeat)"),
        ("size=513", "'size=513': size has 128, 256, 512"),
        ("size=51", "'size=51': size has 128, 256, 512"),
        ("method=slice", "'method=slice': method has slices, loops; did you mean 'slices'?"),
        ("size=128 #3", "'size=128 #3': repeat has 1, 2"),
        ("size=128,size=256", "'size=128,size=256' gives size two values, 128 and 256"),
        (
            "size=128",
            "'size=128' fits 2 points of toy: size=128 method=slices, size=128 method=loops; they differ in method",
        ),
        *(
            (text, f"{text!r} fits 6 points of toy: {POINTS_SHOWN}, ...; they differ in size and method")
            for text in ("#1", "device")
        ),
        ("slices", "study toy has no experiment 'slices'"),
        ("size=128,method=loops on dgx", "'size=128,method=loops on dgx': method has slices, loops"),
    ],
)
def test_what_is_wrong_is_said_by_axes(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        finder(GRID).find(text)
    assert str(error.value) == message


def test_values_that_do_not_occur_together_are_named() -> None:
    with pytest.raises(InputError, match="'a=1,b=2': toy has no experiment with these values together"):
        finder([{"a": 1, "b": 1}, {"a": 2, "b": 2}]).find("a=1,b=2")


def test_one_experiment_is_wanted_where_several_fit() -> None:
    with pytest.raises(InputError) as error:
        finder(GRID).find_one("size=512,method=loops")
    assert str(error.value) == (
        "'size=512,method=loops' fits 2 experiments: size=512 method=loops #1, size=512 method=loops #2"
    )


def test_a_point_is_found_on_all_machines_or_one() -> None:
    search = finder(cross(size=[1, 2]), "local", "dgx")
    assert [found.machine for found in search.find("size=2")] == ["local", "dgx"]
    assert search.find_one("size=2 on dgx").machine == "dgx"
    assert search.find_one("dgx/size=2").machine == "dgx"
    with pytest.raises(InputError, match=r"fits 2 experiments: size=2 on local, size=2 on dgx"):
        search.find_one("size=2")


def test_deep_brackets_are_a_value_that_is_unknown() -> None:
    with pytest.raises(InputError, match="size has"):
        finder(GRID).find("size=" + "[" * 100_000)
    assert json.loads(value_label("a\tb")) == "a\tb"
