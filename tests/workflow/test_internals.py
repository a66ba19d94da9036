"""Snakemake's names that its documentation does not promise, and the lock files of a dead run."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmesh.workflow import internals


def test_only_the_files_that_name_the_study_are_removed(tmp_path: Path) -> None:
    for number, line in enumerate(["results/sweep/records/a.json", "results/sweeping/b.json", "other"]):
        (tmp_path / f"{number}.output.lock").write_text(f"x\n{line}\n")
    internals.remove_locks(tmp_path, Path("results/sweep"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.output.lock", "2.output.lock"]


def test_no_folder_of_locks_is_fine(tmp_path: Path) -> None:
    internals.remove_locks(tmp_path / "nothing", Path("results"))
    assert list(tmp_path.iterdir()) == []


def test_snakemake_has_all_names_that_are_used() -> None:
    assert internals.missing_names() == []


def test_a_name_that_went_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(internals.NAMES, "DAG", ("needrun_jobs", "gone"))
    assert internals.missing_names() == ["DAG.gone"]
