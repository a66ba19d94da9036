"""The documents appear with every run of the real Snakemake, and change only with what they speak of."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from fairmesh import cli
from fairmesh.fair import validators
from fairmesh.fair.documents import DOCUMENTS
from fairmesh.fair.scorecard import score
from fairmesh.files import read_json
from tests.e2e.workplace import Workplace
from tests.fair.conftest import PUBLISHER

pytestmark = pytest.mark.e2e


def times(workplace: Workplace) -> dict[str, int]:
    """Return when each document changed."""
    return {name: (workplace.results / "sweep" / name).stat().st_mtime_ns for name in (*DOCUMENTS, "results.csv")}


def entities(workplace: Workplace) -> dict[str, dict[str, Any]]:
    graph = read_json(workplace.results / "sweep/ro-crate-metadata.json")["@graph"]
    return {item["@id"]: item for item in graph}


def test_documents_come_with_the_run_and_change_with_what_they_speak_of(workplace: Workplace) -> None:
    workplace.configure(publisher=PUBLISHER)
    workplace.study({"value": [1, 3]}, title="A study of toys")
    workplace.run()
    before = times(workplace)
    published = read_json(workplace.results / "sweep/published.json")
    assert published["fair"] == {"met": 11, "prepared": 4, "fails": 0}
    assert published["missing"] == []
    assert score(workplace.results / "sweep").counts == published["fair"]
    assert "experiments have results" in workplace.run()
    assert times(workplace) == before
    workplace.configure(publisher=PUBLISHER | {"licence": "CC0-1.0"})
    workplace.run()
    changed = {name for name, time in times(workplace).items() if time != before[name]}
    assert changed == set(DOCUMENTS)
    assert entities(workplace)["./"]["license"] == {"@id": "https://spdx.org/licenses/CC0-1.0"}
    assert sum(workplace.starts().values()) == 3


@pytest.mark.long
def test_a_failed_experiment_is_a_failed_action_of_a_good_crate(workplace: Workplace) -> None:
    workplace.configure(publisher=PUBLISHER)
    workplace.study({"behaviour": ["good", "exit"]})
    workplace.run(status=1)
    failed = [entity for entity in entities(workplace).values() if "Failed" in str(entity.get("actionStatus"))]
    errors = {entity["@id"]: entity["error"] for entity in failed if "error" in entity}
    assert errors.pop("#run") == "1 of 2 experiments ended without a result"
    assert list(errors.values()) == ["failed: exit code 3"]
    assert validators.ro_crate(workplace.results / "sweep") == []
    assert score(workplace.results / "sweep").counts["fails"] == 0


@pytest.mark.long
def test_the_commits_of_the_code_are_in_the_environment(workplace: Workplace) -> None:
    def git(*arguments: str) -> str:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        command = ["git", "-C", str(workplace.folder / "toy"), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "The toy")
    git("remote", "add", "origin", "https://ada:secret@example.org/toy.git")
    workplace.study({"value": [1]})
    assert "not stated yet; `fairmesh crate sweep` says which" in workplace.run()
    (environment,) = (workplace.results / "sweep/environments").iterdir()
    assert read_json(environment)["code"]["application"] == {
        "commit": git("rev-parse", "HEAD"),
        "dirty": False,
        "repository": "https://example.org/toy.git",
    }
    (tool,) = [entity for entity in entities(workplace).values() if entity.get("name") == "Toy: Measure"]
    assert tool["codeRepository"] == "https://example.org/toy.git"
    (workplace.folder / "toy/notes.txt").write_text("not committed")
    workplace.run("--forcerun", "experiment")
    found = {path.name for path in (workplace.results / "sweep/environments").iterdir()} - {environment.name}
    (name,) = found
    assert read_json(workplace.results / "environments" / name)["code"]["application"]["dirty"]
    missing = read_json(workplace.results / "sweep/published.json")["missing"]
    assert "git: 1 experiment ran with changes of toy that were not committed; commit them and run again" in missing


def test_what_ran_under_snakemake_is_reproduced(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace.folder)
    workplace.study({"value": [1, 3]}, repeat=2)
    workplace.run()
    assert cli.main(["reproduce", "results/sweep", "--experiment", "value=1+repeat=2", "--yes"]) == 0
    assert cli.main(["reproduce", "results/sweep", "--to", "other", "--set", "seed=9", "--yes"]) == 1
