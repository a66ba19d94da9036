"""A new project runs as it is, with the wheel alone: its first study, its checks and its website."""

from __future__ import annotations

import re
import subprocess
from html import unescape
from pathlib import Path

import pytest

from tests.e2e.wheel import Installation

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("application", ["python", "shell"])
def test_a_new_project_runs_as_it_is(installation: Installation, tmp_path: Path, application: str) -> None:
    arguments = ["--application", application, "--title", 'Darts: "π" & more', "--author", "Ada Example"]
    installation.run("fairmesh", "init", "my bänch", *arguments, folder=tmp_path)
    project = tmp_path / "my bänch"
    installation.run("fairmesh", "check", "--all", folder=project)
    study = project / "config/studies/first.yaml"  # exclusive experiments would wait for those of other tests
    study.write_text(study.read_text().replace("measure: exclusive", "measure: shared   "))
    said = installation.run("snakemake", "--profile", "profiles/local", folder=project)
    assert len(list((project / "results/first/records/local").glob("*.json"))) == 9, said
    assert '<title>Darts: "π" & more</title>' in unescape((project / "site/public/index.html").read_text())
    assert "all 9 experiments have results" in installation.run(
        "snakemake", "--profile", "profiles/local", folder=project
    )
    command = ["git", "status", "--short", "--untracked-files=all"]
    unknown = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout
    assert not re.search(r"site/public|\.snakemake|\.fairmesh/|__pycache__", unknown)
