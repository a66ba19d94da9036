"""A study without Snakemake: rendered by the command, moved elsewhere, run by its script."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fairmesh import schema
from tests.e2e.workplace import RECORDS_ONLY, Workplace
from tests.shells import check_script

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]


def test_a_rendered_study_has_all_its_results_where_it_was_moved(tmp_path: Path) -> None:
    study = {
        "study": "sweep",
        "application": str(ROOT / "tests/toy"),
        "measure": "shared",
        "parameters": {"value": [1, 2], "size": [2, 3]},
        "repeat": 2,
    }
    (tmp_path / "study.yaml").write_text(schema.dump_yaml(study))
    command = [sys.executable, "-m", "fairmesh.cli", "render", "study.yaml", "--out", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "8 experiments of sweep for local in out",
        "with a copy of toy: 2 files, 0.0 MB",
        "start them, also after moving the folder: bash out/sweep/submit.sh",
    ]
    home = tmp_path / 'a cluster\'s "scratch"'
    shutil.move(tmp_path / "out", home)
    check_script(*home.rglob("*.sh"))
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": os.environ["HOME"]}
    script = ["bash", str(home / "sweep/submit.sh")]
    first = subprocess.run(script, cwd="/", env=environment, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "10 done, 0 failed, 0 done before, of 10" in first.stdout
    plan = json.loads((home / "sweep/plan.json").read_text())
    for experiment in plan["experiments"]:
        record = json.loads((home / f"sweep/records/local/{experiment['id']}.json").read_text())
        assert record["fingerprint"] == experiment["fingerprint"]
        total = sum(range(experiment["parameters"]["size"])) * experiment["parameters"]["value"]
        assert 0 <= record["metrics"]["score"]["value"] - total < 0.01
    again = subprocess.run(script, cwd="/", env=environment, capture_output=True, text=True, check=True)
    assert again.stdout.splitlines() == ["0 done, 0 failed, 10 done before, of 10"]


@pytest.mark.long
def test_the_workflow_takes_over_a_folder_that_ran_without_it(workplace: Workplace) -> None:
    workplace.study({"value": [1, 2]})
    command = [sys.executable, "-m", "fairmesh.cli", "render", "study.yaml", "--out", "out"]
    subprocess.run(command, cwd=workplace.folder, check=True)
    subprocess.run(["bash", workplace.folder / "out/sweep/submit.sh"], check=True)
    workplace.configure(results="out")
    workplace.study({"value": [1, 2, 3]})
    workplace.run(*RECORDS_ONLY)
    assert set(workplace.starts()) == {"value=3"}, "only what is new"
    assert len(list(workplace.folder.glob("out/sweep/records/local/*.json"))) == 3


def test_a_templates_mistake_ends_the_workflow_with_its_line(workplace: Workplace) -> None:
    workplace.study({"value": [1]}, template="own.jinja")
    assert "study.yaml:7:11: 'template': there is no file 'own.jinja'" in workplace.run("-n", status=2)
    (workplace.folder / "own.jinja").write_text(
        '{% extends "parent" %}\n{% block setup %}\n{{ nobody }}\n{% endblock %}'
    )
    output = workplace.run(*RECORDS_ONLY, status=1)
    assert "own.jinja:3: 'nobody' is undefined" in output
    assert "Traceback" not in output
