"""Results in a git repository: what is committed, and what works in a clone of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.workplace import RECORDS_ONLY, Workplace

pytestmark = pytest.mark.e2e

WHO = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
KEPT = {".gitignore", "environments", "sweep"}
KEPT_OF_STUDY = {
    "CITATION.cff",
    "README.md",
    "SHA256SUMS",
    "applications",
    "croissant.json",
    "datacite.json",
    "datapackage.json",
    "environments",
    "fair.json",
    "plan.json",
    "project",
    "publication.json",
    "published.json",
    "records",
    "results.csv",
    "ro-crate-metadata.json",
    "ro-crate-preview.html",
    "stages",
}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *WHO, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def shared(workplace: Workplace) -> Workplace:
    """Return a project in a repository, whose study of two values and a shared stage is done and committed."""
    workplace.study({"value": [1, 2], "size": [3]}, repeat=2, title="Two sums")
    git(workplace.folder, "init", "-q")
    workplace.run()
    (workplace.folder / ".gitignore").write_text(".snakemake/\n/site/\n/starts\n/profiles\n/clone/\n__pycache__/\n")
    git(workplace.folder, "add", "--all")
    git(workplace.folder, "commit", "-qm", "Two sums")
    return workplace


@pytest.fixture
def clone(shared: Workplace) -> Workplace:
    """Return a clone of the project whose files are of any age."""
    git(shared.folder, "clone", "-q", ".", "clone")
    folder = shared.folder / "clone"
    for index, path in enumerate(sorted(folder.joinpath("results").rglob("*"))):  # stages after records
        os.utime(path, (1_600_000_000 + index,) * 2)
    place = object.__new__(Workplace)
    vars(place).update(vars(shared), folder=folder, _started=[])
    (folder / "profiles").symlink_to(shared.folder / "profiles", target_is_directory=True)
    return place


def test_what_is_worth_a_commit_is_committed_and_nothing_else(shared: Workplace) -> None:
    committed = git(shared.folder, "ls-files", "results").splitlines()
    assert {Path(name).parts[1] for name in committed} == KEPT
    assert {Path(name).parts[2] for name in committed if name.startswith("results/sweep/")} == KEPT_OF_STUDY
    assert [name for name in committed if Path(name).parent.name == "stages"] == [
        name for name in committed if name.startswith("results/sweep/stages/numbers-") and name.endswith(".json")
    ]
    shared.run()
    assert git(shared.folder, "status", "--porcelain") == "", "a run without anything to do changes nothing"


def test_a_clone_shows_the_results_and_says_what_is_missing(clone: Workplace) -> None:
    said = clone.fairmesh("results", "sweep")
    assert "sweep: Two sums" in said
    assert "4 experiments: 4 done" in said
    assert "All results have only their records here" in said
    assert clone.fairmesh("status", "sweep").endswith("4 done\n")
    assert "only the records are here, without logs: value=1 #1" in clone.fairmesh(
        "logs", "value=1,#1", "--study", "sweep"
    )
    clone.fairmesh("site")
    page = (clone.folder / "site/public/studies/sweep/index.html").read_text()
    assert "value" in page
    assert "only their records here" in page
    assert git(clone.folder, "status", "--porcelain") == ""


@pytest.mark.parametrize("verb", ["snakemake", "fairmesh run"])
def test_a_clone_runs_nothing_again(clone: Workplace, verb: str) -> None:
    clone.forget_starts()
    said = clone.run(*RECORDS_ONLY) if verb == "snakemake" else clone.fairmesh("run", "study.yaml")
    assert "choose another name" not in said
    assert not clone.starts(), said
    assert not [line for line in git(clone.folder, "status", "--porcelain").splitlines() if line.startswith("??")]


def test_a_new_value_in_a_clone_starts_only_what_is_new(clone: Workplace) -> None:
    clone.forget_starts()
    clone.study({"value": [1, 2, 4], "size": [3]}, repeat=2, title="Two sums")
    clone.run(*RECORDS_ONLY)
    assert set(clone.experiments_started()) == {"size=3+value=4+repeat=1", "size=3+value=4+repeat=2"}
    clone.forget_starts()
    clone.run(*RECORDS_ONLY)
    assert not clone.starts()


@pytest.mark.parametrize("how", ["again", "rerun", "forced"])
def test_a_clone_makes_the_shared_stage_before_it_measures_again(clone: Workplace, how: str) -> None:
    if how == "rerun":
        clone.edit("toy/toy.py", "total * float(value) + noise", "total * float(value) + noise + 1")
        clone.study({"value": [1, 2], "size": [3]}, repeat=2, title="Two sums", on_code_change="rerun")
    clone.forget_starts()
    arguments = {"again": ("--config", "again=true"), "rerun": (), "forced": ("--forcerun", "experiment")}[how]
    clone.run(*RECORDS_ONLY, *arguments)
    starts = clone.starts()
    assert next(iter(starts)).startswith("numbers-")
    assert (len(starts), set(starts.values())) == (5, {1})
    assert len(list((clone.results / "sweep/history/local").glob("*/*.json"))) == 4
    clone.forget_starts()
    clone.run(*RECORDS_ONLY)
    assert not clone.starts()


def test_results_of_a_clone_stay_if_a_shared_stage_fails(clone: Workplace) -> None:
    clone.edit("toy/toy.py", '"""Write the shared stage\'s file."""', 'raise SystemExit("toy: no stage")')
    clone.forget_starts()
    said = clone.run(*RECORDS_ONLY, "--config", "again=true", status=1)
    assert "4 experiments did not begin to run again; the earlier results still count" in said
    changed = git(clone.folder, "status", "--porcelain").splitlines()
    assert not [line for line in changed if "records" in line or "history" in line]
    clone.forget_starts()
    clone.run(*RECORDS_ONLY)
    assert not clone.starts()


def test_a_deleted_stage_is_made_for_new_experiments_alone(shared: Workplace) -> None:
    shutil.rmtree(shared.results / "stages")
    test_a_new_value_in_a_clone_starts_only_what_is_new(shared)


def test_a_result_of_a_clone_is_reproduced(clone: Workplace) -> None:
    said = clone.fairmesh("reproduce", "results/sweep", "--experiment", "value=2", "--yes")
    assert said.startswith("value=2 #1 on local, recorded ")
    assert "the results agree" in said


def test_the_file_is_written_once(workplace: Workplace) -> None:
    workplace.study({"value": [1]})
    workplace.run(*RECORDS_ONLY)
    ignore = workplace.results / ".gitignore"
    assert "/*/run.lock" in ignore.read_text()
    ignore.write_text("# my own\n")
    workplace.run(*RECORDS_ONLY)
    assert ignore.read_text() == "# my own\n"
    ignore.unlink()
    workplace.run(*RECORDS_ONLY)
    assert not ignore.exists()
