"""What is imported from Cloudmesh runs: a small sweep with a template, and a workflow of three nodes."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from fairmesh import cli
from tests.e2e.workplace import RECORDS_ONLY, ROOT, Workplace

pytestmark = pytest.mark.e2e

CONFIG = """
paths: {basket: "/baskets/{os.USER}/it's {experiment.kind}"}
batch: {time: "0:05:00"}
experiment:
  kind: "red,green apple"
  weight: "[2-3]"
  repeat: "1,2"
"""
TEMPLATE = """#!/usr/bin/env bash
#SBATCH --job-name={ee.identifier}
#SBATCH --time={batch.time}
#SBATCH --mail-type=END

export PRICE=5
say () {
    echo "# cloudmesh status="$1" progress=$2 pid=$$"
}
say running 10
echo "basket: {paths.basket}" > basket.txt
bash weigh.sh {experiment.weight} {experiment.repeat} '{experiment.kind}'
say done 100
exit 0
"""
WEIGH = """
printf '{"total": %d, "letters": %d}' "$(($1 * PRICE + $2))" "${#3}" > metrics.json
"""


@pytest.fixture
def farm(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    monkeypatch.chdir(workplace.folder)
    monkeypatch.setenv("USER", "ada")
    workplace.configure(study="config/studies/sweep.yaml")
    return workplace


def metrics(workplace: Workplace, identity: str) -> dict[str, float]:
    return {name: metric["value"] for name, metric in workplace.record(identity)["metrics"].items()}


def test_an_imported_sweep_runs(farm: Workplace) -> None:
    source = farm.folder / "old"
    source.mkdir()
    (source / "farm.in.yaml").write_text(CONFIG)
    (source / "farm.in.slurm").write_text(TEMPLATE)
    (source / "weigh.sh").write_text(WEIGH)
    assert cli.main(["import", "old/farm.in.yaml", "old/farm.in.slurm", "--name", "sweep"]) == 0
    shutil.rmtree(source)
    farm.run(*RECORDS_ONLY)
    ids = {
        f"kind={kind}+weight={weight}+repeat={at}"
        for kind in ("red", "green~20apple")
        for weight in (2, 3)
        for at in (1, 2)
    }
    assert farm.recorded() == ids
    assert metrics(farm, "kind=green~20apple+weight=3+repeat=2") == {"total": 17, "letters": 11}
    attempt = farm.job("kind=green~20apple+weight=3+repeat=2") / "attempts/1"
    assert (attempt / "basket.txt").read_text() == "basket: /baskets/ada/it's green apple\n"
    assert farm.status("kind=red+weight=2+repeat=1")["progress"] == 100
    farm.run(*RECORDS_ONLY)
    assert not (attempt.parent / "2").exists()


@pytest.mark.long
def test_an_imported_workflow_runs(farm: Workplace) -> None:
    source = ROOT / "tests/cloudmesh/data/flow/flow.yaml"
    assert cli.main(["import", os.path.relpath(source), "--name", "sweep"]) == 0
    farm.run(*RECORDS_ONLY)
    assert metrics(farm, "defaults") == {"bottles": 3}
    log = (farm.job("defaults") / "attempts/1/job.log").read_text()
    assert log == "3 litres\n"


def test_a_file_of_cloudmesh_is_planned_and_not_run(farm: Workplace, capfd: pytest.CaptureFixture[str]) -> None:
    (farm.folder / "farm.in.yaml").write_text("experiment: {kind: 'red,green'}\n")
    farm.configure(study="./farm.in.yaml")
    output = farm.run("-n", status=2)
    assert "farm.in.yaml: the file does not say what its experiments run" in output
    assert "Traceback" not in output
    (farm.folder / "farm.in.yaml").write_text("application: {name: ./toy}\nexperiment: {value: '1,2', node: a}\n")
    output = farm.run(*RECORDS_ONLY)
    assert "toy has no such parameters: node are free text" in output
    results = Path(farm.results, "farm/records/local")
    assert sorted(path.stem for path in results.iterdir()) == ["node=a+value=1", "node=a+value=2"]
    assert json.loads((results / "node=a+value=2.json").read_text())["parameters"]["node"] == "a"
