"""A study of the toy application, really run, and its package: built once, copied for every test that changes it."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fairmesh import schema
from fairmesh.fair.documents import Described
from fairmesh.files import read_json, write_json
from fairmesh.study import load_plan
from fairmesh.workflow.export import export
from fairmesh.workflow.packing import package

ROOT = Path(__file__).parents[2]
CFFCONVERT = ROOT / ".venv-cff/bin/cffconvert"  # it cannot share an environment with the others
PUBLISHER: dict[str, Any] = {
    "title": "Toys",
    "licence": "CC-BY-4.0",
    "authors": [
        {
            "name": "Ada Example",
            "orcid": "0000-0002-1825-0097",
            "affiliation": "University of Virginia",
            "affiliation_url": "https://ror.org/0153tk833",
        }
    ],
    "organisation": "University of Virginia",
    "organisation_url": "https://ror.org/0153tk833",
    "access": "Open to everybody.",
    "keywords": ["benchmark"],
    "funding": [{"funder": "National Science Foundation", "url": "https://ror.org/021nxhr62", "award": "2200409"}],
    "url": "https://example.org/results/",
}
STUDY = {
    "study": "sweep",
    "title": "A study of toys",
    "application": "toy",
    "measure": "shared",
    "parameters": {"value": [1, 3], "size": 4},
    "repeat": 2,
}


@dataclass(frozen=True)
class Results:
    """A results folder with the study ``sweep``."""

    home: Path

    @property
    def study(self) -> Path:
        return self.home / "sweep"

    def record(self, identity: str) -> Path:
        return self.study / "records/local" / f"{identity}.json"

    def forget(self, identity: str) -> None:
        """Remove a result: the record, and the commit that it is a copy of."""
        self.record(identity).unlink()
        (self.study / "experiments/local" / identity / "commit.json").unlink()

    def publisher(self, **changes: Any) -> None:
        """Change who publishes, as the next run of the workflow would write it into the plan."""
        plan = read_json(self.study / "plan.json")
        write_json(self.study / "plan.json", plan | {"publisher": plan["publisher"] | changes})

    def describe(self) -> Described | None:
        return package(self.home, "sweep", ROOT)[2]

    def crate(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = read_json(self.study / "ro-crate-metadata.json")["@graph"]
        return found

    def change_crate(self, identity: str, **properties: Any) -> None:
        """Change an entity of the crate, as somebody with an editor would."""
        content = read_json(self.study / "ro-crate-metadata.json")
        (entity,) = [item for item in content["@graph"] if item["@id"] == identity]
        entity |= properties
        content["@graph"] = [{k: v for k, v in item.items() if v is not None} for item in content["@graph"]]
        write_json(self.study / "ro-crate-metadata.json", content)

    def entity(self, identity: str) -> dict[str, Any]:
        (found,) = [entity for entity in self.crate() if entity["@id"] == identity]
        return found


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the study and describe it; nobody may change this one."""
    return run_study(tmp_path_factory.mktemp("fair"), PUBLISHER, STUDY).home


def run_study(place: Path, publisher: dict[str, Any], study: dict[str, Any]) -> Results:
    """Run a study without Snakemake, and describe it."""
    with chdir(place):
        Path("config").mkdir()
        Path("config/config.yaml").write_text(schema.dump_yaml({"study": "sweep", "publisher": publisher}))
        Path("study.yaml").write_text(schema.dump_yaml(study))
        script = export(load_plan(Path("study.yaml").absolute(), ROOT, "local"), Path("home"), Path())
        environment = {name: text for name, text in os.environ.items() if not name.startswith("FAIRMESH")}
        subprocess.run(["bash", script], env=environment | {"OMP_NUM_THREADS": "1"}, check=True, capture_output=True)
    assert Results(place / "home").describe() is not None
    return Results(place / "home")


@pytest.fixture
def results(finished: Path, tmp_path: Path) -> Results:
    """Return a copy of the results, which may be changed."""
    shutil.copytree(finished, tmp_path / "results", symlinks=True)
    return Results(tmp_path / "results")
