"""The table of a study and the statistics of its repeats."""

from __future__ import annotations

import csv
import math
import statistics
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fairmesh.printing import escape_cell
from fairmesh.results import load_study, table, write_csv
from fairmesh.results.statistics import summarize
from tests.results.builder import Folder, build


def written(folder: Folder, path: Path) -> list[dict[str, str]]:
    write_csv(table(load_study(folder.results, folder.study)), path)
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_columns_are_those_of_the_reference(tmp_path: Path) -> None:
    rows = written(build(tmp_path / "results"), tmp_path / "results.csv")
    expected = (
        "machine id state reason epochs width repeat learning_rate seed accuracy accuracy_low accuracy_high "
        "training_time seconds cpu_s peak_bytes read_bytes write_bytes energy_j energy_method attempt run node"
    )
    assert list(rows[0]) == expected.split()
    assert len(rows) == 12


def test_whole_numbers_stay_whole_and_what_is_absent_stays_empty(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    folder.finish(folder.add(epochs=100), {"accuracy": 1.0, "count": 3})
    folder.add(width=4)
    done, waiting = written(folder, tmp_path / "results.csv")
    assert (done["epochs"], done["accuracy"], done["count"], done["attempt"]) == ("100", "1.0", "3", "1")
    assert (waiting["state"], waiting["count"], waiting["seconds"], waiting["node"]) == ("waiting", "", "", "")


def test_a_node_has_the_schedulers_name_where_there_is_one(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    folder.start(folder.add(epochs=1), "failed")
    folder.start(folder.add(epochs=2), "failed", node="n2")
    assert [row["node"] for row in written(folder, tmp_path / "results.csv")] == ["node-7", "n2"]


def test_names_that_are_taken_say_what_they_are(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    folder.finish(folder.add(state="hot", epochs=2), {"seconds": 1.5, "epochs": 2.5})
    (row,) = written(folder, tmp_path / "results.csv")
    assert (row["state"], row["parameter_state"]) == ("done", "hot")
    assert (row["seconds"], row["metric_seconds"], row["metric_epochs"]) == ("90.0", "1.5", "2.5")


def test_the_same_results_give_the_same_file(tmp_path: Path) -> None:
    folder = build(tmp_path / "results")
    written(folder, tmp_path / "one.csv")
    before = (tmp_path / "one.csv").stat().st_mtime_ns
    written(folder, tmp_path / "one.csv")
    assert (tmp_path / "one.csv").stat().st_mtime_ns == before


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters='\n\r",;'), min_size=1),
    st.lists(st.integers(), max_size=3),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=4))
@example(["\r", "\n", "\r\n", 'a"b', "a,b"])
@example(["=cmd|' /C calc'!A0", "@SUM(1)", "-1.5", "+a", "'=1"])
def test_every_value_comes_back_from_the_file(values: list[Any]) -> None:
    with TemporaryDirectory() as place:
        folder = Folder(Path(place) / "results")
        for number, _ in enumerate(values):
            folder.add(number=number)
        for point, value in zip(folder.points, values, strict=True):
            point["parameters"]["found"] = value
        folder.write_plan()
        rows = written(folder, Path(place) / "results.csv")
    assert len(rows) == len(values)
    for row, value in zip(rows, values, strict=True):
        if value is None:
            assert row["found"] == ""
        elif isinstance(value, str):
            assert row["found"] == escape_cell(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            assert Decimal(row["found"].removeprefix("'")) == Decimal(repr(value))


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([2**63 - 1, -(2**63)], "Int64"),
        ([2**64 - 1, 1, None], "UInt64"),
        ([2**64, 1], "str"),
        ([2**64 - 1, -1], "str"),
        ([2**53, 0.5], "Float64"),
        ([2**53 + 1, 0.5], "str"),
        ([10**400, 0.5], "str"),
        ([-(10**400), 1], "str"),
    ],
)
def test_integers_of_any_size_keep_all_of_their_digits(tmp_path: Path, values: list[Any], dtype: str) -> None:
    folder = Folder(tmp_path / "results")
    for number, _ in enumerate(values):
        folder.add(number=number)
    for point, value in zip(folder.points, values, strict=True):
        point["parameters"]["found"] = value
    folder.write_plan()
    frame = table(load_study(folder.results, folder.study))
    assert frame["found"].dtype == dtype
    assert [None if pd.isna(cell) else Decimal(str(cell)) for cell in frame["found"]] == [
        None if value is None else Decimal(value) for value in values
    ]
    frame.to_parquet(tmp_path / "results.parquet")
    assert pd.read_parquet(tmp_path / "results.parquet")["found"].astype(str).tolist() == (
        frame["found"].astype(str).tolist()
    )


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_a_summary_agrees_with_its_definition(values: list[float]) -> None:
    found = summarize(values)
    assert found is not None
    assert found.sd is not None
    assert min(values) == found.minimum <= found.mean + 1e-6
    mean = math.fsum(values) / len(values)
    squares = math.fsum((value - mean) ** 2 for value in values)
    assert found.sd == pytest.approx(math.sqrt(squares / (len(values) - 1)), rel=1e-6, abs=1e-6)
    assert found.mean == pytest.approx(statistics.mean(values))


def test_no_measurement_has_no_summary() -> None:
    assert summarize([]) is None
