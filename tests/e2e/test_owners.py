"""One study run by two people of two organizations, each on a machine called laptop: merged, compared, published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairmesh import schema
from fairmesh.fair import validators
from tests.e2e.workplace import Workplace

pytestmark = pytest.mark.e2e

PEOPLE = {
    "ada": {
        "organisation": "University of Amsterdam",
        "organisation_url": "https://ror.org/04dkp9463",
        "authors": [
            {
                "name": "Ada Example",
                "orcid": "0000-0002-1825-0097",
                "affiliation": "University of Amsterdam",
                "affiliation_url": "https://ror.org/04dkp9463",
            }
        ],
        "licence": "CC-BY-4.0",
    },
    "bob": {
        "organisation": "Vrije Universiteit",
        "organisation_url": "https://ror.org/008xxew50",
        "authors": [{"name": "Bob Example"}],
        "licence": "CC-BY-4.0",
    },
}
OTHER = "laptop.vrije-universiteit"


def test_results_of_two_owners_are_merged_compared_and_published(workplace: Workplace) -> None:
    workplace.study({"value": [1, 2], "seconds": 0.2}, repeat=2)
    machines = schema.dump_yaml({name: {"kind": "local"} for name in ("local", "laptop")})
    (workplace.folder / "config/machines.yaml").write_text(machines)
    for name, publisher in PEOPLE.items():
        workplace.configure(results=f"of-{name}", publisher=publisher)
        workplace.run("--config", "machine=laptop", "--omit-from", "publish")
    said = workplace.fairmesh("merge", "of-ada", "of-bob", "--into", "merged")
    assert said.splitlines()[:2] == ["sweep: 4 results of laptop merged", f"sweep: 4 results of {OTHER} merged"]
    assert f"laptop of Vrije Universiteit is {OTHER} here" in said
    workplace.configure(results="merged", publisher=PEOPLE["ada"])
    compared = json.loads(workplace.fairmesh("compare", "--by", "machine", "sweep", "--json"))
    assert [machine["owner"] for machine in compared["machines"]] == [
        "Ada Example, University of Amsterdam",
        "Bob Example, Vrije Universiteit",
    ]
    seconds = next(quantity for quantity in compared["quantities"] if quantity["name"] == "seconds")
    assert [change["pairs"] for change in seconds["machines"] if change] == [4]
    rows = json.loads(workplace.fairmesh("results", "sweep", "--all", "--where", "person == 'Bob Example'", "--json"))
    assert {row["machine"] for row in rows["rows"]} == {OTHER}
    workplace.fairmesh("site", "--site", "public")
    page = (workplace.folder / "public/studies/sweep/machines.html").read_text(encoding="utf-8")
    assert OTHER in page
    workplace.fairmesh("crate", "merged/sweep")
    assert validators.validate(workplace.folder / "merged/sweep") == {name: [] for name in validators.VALIDATORS}
    assert agents(workplace.folder / "merged/sweep") == {
        "laptop": "https://orcid.org/0000-0002-1825-0097",
        OTHER: "https://ror.org/008xxew50",
    }


def agents(study: Path) -> dict[str, str]:
    """Return who ran the experiments of each machine, according to the crate."""
    graph = json.loads((study / "ro-crate-metadata.json").read_text())["@graph"]
    return {
        entity["description"].rpartition(" on ")[2]: entity["agent"]["@id"]
        for entity in graph
        if entity["@id"].startswith("#experiment/")
    }
