"""Values of every kind are safe in paths, shells and Snakemake's wildcards and targets, and come back exactly."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.e2e.workplace import RECORDS_ONLY, ROOT, Workplace

pytestmark = pytest.mark.e2e

VALUES = [
    "a/b",
    "..",
    "../../evil",
    "a,b",
    "a+b",
    "x=y",
    "two words",
    "'single' and \"double\"",
    "$(touch evil) `touch evil` ${HOME} ; touch evil #",
    "-rf",
    "--help",
    "line\nbreak\ttab",
    "{wildcards.experiment} {z} {{ 1 }}",
    "%j %A *?[a]",
    "~root",
    "grün 雲 ☁",
    "null",
    "1e-3",
    "",
    "x" * 300,
    "y" * 99 + "/" * 201,
    "0",
]


@pytest.fixture
def hostile(workplace: Workplace) -> Workplace:
    """Return a workplace in which every one of these values was run."""
    workplace.study({"note": VALUES})
    workplace.run(*RECORDS_ONLY)
    return workplace


def test_any_value_is_run_and_comes_back(hostile: Workplace) -> None:
    records = [json.loads(path.read_text()) for path in (hostile.results / "sweep/records/local").iterdir()]
    assert sorted(record["parameters"]["note"] for record in records) == sorted(VALUES)
    assert set(hostile.experiments_started().values()) == {1}
    assert not list(hostile.folder.rglob("evil*"))
    assert "experiments have results" in hostile.run(*RECORDS_ONLY)

    plan = json.loads((hostile.results / "sweep/plan.json").read_text())
    targets = [
        f"experiment:study=sweep,machine=local,experiment={experiment['id']}" for experiment in plan["experiments"]
    ]
    inner = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--mode", "remote", "--cores", "1"]
    inner += ["--allowed-rules", "experiment", "--nolock", "--forceall", "--dry-run", "--ignore-incomplete"]
    inner += ["--configfile", "profiles/local/machine.yaml", "--target-jobs", *targets]
    done = subprocess.run(inner, cwd=hostile.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"experiment       {len(VALUES)}" in done.stdout + done.stderr
