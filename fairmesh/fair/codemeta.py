"""``codemeta.json`` of this software, from pyproject.toml and CITATION.cff: ``python -m fairmesh.fair.codemeta``."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from fairmesh.fair.publisher import Person
from fairmesh.files import json_text, write_if_changed
from fairmesh.identifiers import ORCID, SPDX
from fairmesh.schema import load_yaml

CODEMETA = "codemeta.json"
CONTEXT = "https://w3id.org/codemeta/3.0"


def codemeta(root: Path) -> dict[str, Any]:
    """Return the content of ``codemeta.json``.

    Parameters
    ----------
    root : Path
        The folder of pyproject.toml and CITATION.cff.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = load_yaml(root / "CITATION.cff").plain()
    minimum = project["requires-python"].removeprefix(">=")
    fields = {
        "@context": CONTEXT,
        "type": "SoftwareSourceCode",
        "name": project["name"],
        "description": project["description"],
        "version": project["version"],
        "license": f"{SPDX}{project['license']}",
        "author": [_author(item) for item in citation["authors"]],
        "keywords": project["keywords"],
        "programmingLanguage": {"type": "ComputerLanguage", "name": "Python", "version": f">={minimum}"},
        "runtimePlatform": f"Python {minimum} or newer",
        "operatingSystem": [_last(item) for item in project["classifiers"] if item.startswith("Operating System")],
        "developmentStatus": "wip",
        "softwareRequirements": [_name(item) for item in project["dependencies"]],
        "codeRepository": citation.get("repository-code", ""),
        "identifier": citation.get("doi", ""),
    }
    return {key: value for key, value in fields.items() if value not in ("", [])}


def _author(entry: dict[str, Any]) -> dict[str, Any]:
    if "name" in entry:
        return {"type": "Organization", "name": entry["name"]}
    person = Person(f"{entry['family-names']}, {entry['given-names']}")
    known = {"type": "Person", "givenName": person.given, "familyName": person.family}
    orcid = str(entry.get("orcid") or "").removeprefix(ORCID)
    return known | ({"id": f"{ORCID}{orcid}"} if orcid else {})


def _last(classifier: str) -> str:
    return classifier.rpartition(" :: ")[2]


def _name(requirement: str) -> str:
    """Return the name of a requirement.

    >>> _name("snakemake>=9.27,<10")
    'snakemake'
    """
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


if __name__ == "__main__":
    if write_if_changed(Path(CODEMETA), json_text(codemeta(Path()))):
        print(f"wrote {CODEMETA}")
