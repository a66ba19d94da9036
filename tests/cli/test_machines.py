"""The machines that there are, and who uses them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairmesh import cli
from tests.results.builder import Folder


def test_machines_profiles_and_studies_are_brought_together(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "config/machines.yaml").write_text(
        "local: {kind: local}\n"
        "slurm: {kind: profile, scheduler: slurm, unsatisfiable_jobs: wait, resources: {slurm_account: climate},\n"
        "  gpus: {a100: {gres: 'gpu:a100:1'}}}\n"
    )
    far = Folder(project / "results", "far")
    far.finish(far.add("cray", epochs=1), {"accuracy": 1.0}, machine="slurm")
    assert cli.main(["machines", "--json"]) == 0
    machines = {machine["machine"]: machine for machine in json.loads(capsys.readouterr().out)}
    local, slurm, cray = machines["local"], machines["slurm"], machines["cray"]
    assert (local["machine"], local["default"], local["studies"]) == ("local", True, ["more", "quick"])
    assert list(slurm["profiles"]) == ["slurm", "slurm-lean"]
    assert (slurm["resources"], slurm["unsatisfiable_jobs"], slurm["studies"]) == (
        {"slurm_account": "climate"},
        "wait",
        ["far"],
    )
    assert (cray["machine"], cray["is_configured"], cray["studies"]) == ("cray", False, ["far"])
    assert cli.main(["machines"]) == 0
    heads, *rows = capsys.readouterr().out.splitlines()
    assert heads.startswith("machine  kind ")
    assert rows[0].startswith("local *  local ")
    assert "slurm_account=climate" in rows[1]
    assert 'a100: {"gres":"gpu:a100:1"}' in rows[1]
    assert "not in machines.yaml" in rows[2]


def test_mistakes_of_the_file_are_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "config/machines.yaml").write_text("local: {kind: lokal}\n")
    assert cli.main(["machines"]) == 2
    assert capsys.readouterr().err.startswith(
        "config/machines.yaml:1:15: 'local.kind' must be 'local', 'profile', 'ssh' or 'cloud'"
    )
