"""The wheel alone is enough: a project without a clone of this repository in reach."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from fairmesh import schema
from tests.e2e.wheel import ROOT, Installation
from tests.e2e.workplace import RECORDS_ONLY

pytestmark = pytest.mark.e2e

# What `snakedeploy deploy-workflow https://github.com/a/fairmesh DIR --tag v1` writes (snakedeploy 0.17.1).
DEPLOYED = """\
from snakemake.utils import min_version


min_version("6.10.0")


configfile: "config/config.yaml"


# declare https://github.com/a/fairmesh as a module
module fairmesh:
    snakefile: 
        github("a/fairmesh", path="workflow/Snakefile", tag="v1")
    config:
        config


# use all rules from https://github.com/a/fairmesh
use rule * from fairmesh
"""  # noqa: W291


@pytest.fixture
def project(tmp_path: Path, installation: Installation) -> Path:
    """Return a project, written by hand, of the toy application."""
    folder = tmp_path / "my project"
    (folder / "config").mkdir(parents=True)
    bundled = installation.packages / "fairmesh/bundled"
    shutil.copy(bundled / "workflow/Snakefile", folder)
    (folder / "config/config.yaml").write_text("study: ./study.yaml\n")
    study = {"study": "sweep", "application": "toy", "measure": "shared", "parameters": {"value": [1, 2]}}
    (folder / "study.yaml").write_text(schema.dump_yaml(study))
    shutil.copytree(ROOT / "tests/toy", folder / "toy", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(bundled / "profiles", folder / "profiles")
    return folder


def test_nothing_of_a_clone_is_in_reach(installation: Installation, tmp_path: Path) -> None:
    code = "import fairmesh, sys; print(fairmesh.__file__, *sys.path, sep='\\n')"
    file, *path = installation.run("python", "-c", code, folder=tmp_path).splitlines()
    assert Path(file).is_relative_to(installation.packages)
    assert str(ROOT) not in path
    assert f" from {installation.packages / 'fairmesh'} (Python " in installation.run(
        "fairmesh", "--version", folder=tmp_path
    )


def test_the_wheel_holds_what_stands_in_the_top_folder(installation: Installation) -> None:
    bundled = installation.packages / "fairmesh/bundled"
    for name in ("workflow", "profiles", "examples/progress"):
        assert files_in(bundled / name) == files_in(ROOT / name)
    assert (bundled / "config/machines.yaml").is_file()


def files_in(folder: Path) -> set[Path]:
    """Return the files in a folder, relative to it."""
    files = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {path for path in files if "__pycache__" not in path.parts}


def test_the_extras_name_all_packages_that_are_imported(installation: Installation, tmp_path: Path) -> None:
    code = "import fairmesh.site.build, fairmesh.monitor.main, fairmesh.service.app, fairmesh.client"
    installation.run("python", "-c", code, folder=tmp_path)


def test_cloudmask_names_the_packages_that_it_needs(installation: Installation, tmp_path: Path) -> None:
    said = installation.run("python", "-m", "cloudmask", "infer", "--model", "m.keras", "a", folder=tmp_path, status=1)
    assert said.startswith("cloudmask: there is no package 'h5py' here: pip install 'boto3>=")
    assert said.count("\n") == 1


def test_a_project_runs(installation: Installation, project: Path) -> None:
    installation.run("snakemake", "--profile", "profiles/local", folder=project)
    assert has_results(project)
    assert (project / "site/public/index.html").is_file()
    assert "Congratulations" in installation.run("snakemake", "--profile", "profiles/local", "--lint", folder=project)


def has_results(project: Path) -> bool:
    """Return whether both experiments have a record."""
    return len(list((project / "results/sweep/records/local").glob("*.json"))) == 2


def test_a_deployed_workflow_runs(
    installation: Installation, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "repository"
    shutil.copytree(ROOT / "workflow", repository / "workflow")
    for command in ("init --quiet", "add .", "-c user.name=a -c user.email=a commit --quiet -m a", "tag v1"):
        subprocess.run(["git", *command.split()], cwd=repository, check=True)
    (tmp_path / "gitconfig").write_text(f'[url "{repository.as_uri()}"]\ninsteadOf = https://github.com/a/fairmesh\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (project / "Snakefile").unlink()
    (project / "workflow").mkdir()
    (project / "workflow/Snakefile").write_text(DEPLOYED)
    installation.run("snakemake", "--profile", "profiles/local", *RECORDS_ONLY, folder=project)
    assert has_results(project)
    assert "ended" in installation.run("fairmesh", "status", "./study.yaml", folder=project)


def test_without_an_extra_only_the_website_is_missing(bare_installation: Installation, project: Path) -> None:
    said = bare_installation.run("snakemake", "--profile", "profiles/local", folder=project)
    assert "missing on the website: everything: the website needs packages that are not installed: " in said
    assert "website: " not in said.replace("missing on the website: ", "")
    assert "value=2" in bare_installation.run("fairmesh", "results", "./study.yaml", "--all", folder=project)
    assert (project / "results/sweep/ro-crate-metadata.json").is_file()
    bare_installation.run("fairmesh", "crate", "./study.yaml", "--zip", folder=project)
    assert "'altair>=" in bare_installation.run("fairmesh", "site", folder=project, status=2)
