"""``croissant.json``: tables and files as a Croissant 1.0 dataset, which machine-learning tools load."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from fairmesh.fair.columns import BOOLEAN, INTEGER, NUMBER, Column, of_file
from fairmesh.fair.inventory import File, Inventory
from fairmesh.fair.package import RESULTS, Package
from fairmesh.fair.publisher import Person
from fairmesh.identifiers import DOI, ORCID, SPDX, spdx_identifier
from fairmesh.runner.protocol import CONFIG, EXPERIMENT, LOG, MLLOG, TELEMETRY

CROISSANT = "croissant.json"
CONFORMS = "http://mlcommons.org/croissant/1.0"
_OWN_TERMS = """
    citeAs column conformsTo equivalentProperty extract field fileProperty fileObject fileSet format includes
    isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated replace samplingRate separator
    source subField transform
"""
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    **{term: f"cr:{term}" for term in _OWN_TERMS.split()},
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
}
"""The terms of the specification."""

_TYPES = {INTEGER: "sc:Integer", NUMBER: "sc:Float", BOOLEAN: "sc:Boolean"}


def of_results(package: Package, columns: list[Column]) -> dict[str, Any]:
    """Return the content of ``croissant.json`` for the results of a study.

    Parameters
    ----------
    package : Package
        The study.
    columns : list of Column
        Those of ``results.csv``.
    """
    made = _dataset(package.study.name, package.title, package.description, package)
    made |= {"version": _semantic(package.version), "keywords": package.keywords, "identifier": package.address}
    made |= {"citeAs": cite(package)}
    file = package.inventory.files[RESULTS]
    return _ordered(made, [_file(file, file.path)], [_records(file.path, "results", columns)])


def of_stage(package: Package, path: str, commit: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the content of ``croissant.json`` for the data of a shared stage.

    Parameters
    ----------
    package : Package
        A study that uses them.
    path : str
        The stage's commit in the package.
    commit : dict
        Its content.
    folder : Path
        The folder of the stage, in which the data are.
    """
    name = path.rpartition("/")[2].removesuffix(".json")
    application = package.application
    title = f"{application.get('title') or application['name']}: prepared data {name}"
    made = _dataset(name, title, _prepared(package, commit), package)
    made |= {"dateCreated": str(commit.get("ended") or "")[:10]}
    made |= {"version": _semantic(str(commit.get("fingerprint") or "")[:12]), "keywords": package.keywords}
    made |= {"citeAs": str(application.get("citation") or cite(package))}
    data = [file for file in _recorded(package, commit, folder) if file.name not in _RUNNERS_OWN]
    tables = [(file, of_file(folder / file.path)) for file in data if file.name.endswith(".csv")]
    records = [_records(file.path, _plain(file.path), columns) for file, columns in tables if columns]
    return _ordered(made, [_file(file, file.path) for file in data], records)


def _recorded(package: Package, commit: dict[str, Any], folder: Path) -> list[File]:
    """Return the files of a stage that match its commit, with paths from its folder."""
    inventory, entries = Inventory(folder.parent), commit.get("files")
    recorded = inventory.add_recorded(folder.name, entries if isinstance(entries, list) else [], f"stage {folder.name}")
    package.inventory.problems += inventory.problems
    return [replace(file, path=file.path.removeprefix(f"{folder.name}/")) for file in recorded]


_RUNNERS_OWN = {CONFIG, EXPERIMENT, LOG, TELEMETRY, MLLOG, "process.json"}


def _prepared(package: Package, commit: dict[str, Any]) -> str:
    given = commit.get("parameters") if isinstance(commit.get("parameters"), dict) else {}
    with_ = ", ".join(f"{name} = {value}" for name, value in (given or {}).items())
    name = f"{package.application['name']} {package.application['version']}"
    return f"What {name} prepared with {with_ or 'no parameter'}."


def _dataset(name: str, title: str, description: str, package: Package) -> dict[str, Any]:
    owner = package.owner
    licence = spdx_identifier(owner.licence)
    return {
        "name": name,
        "alternateName": title,
        "description": description,
        "conformsTo": CONFORMS,
        "license": f"{SPDX}{licence}" if licence else owner.licence,
        "url": f"{DOI}{owner.doi}" if owner.doi else owner.text("url"),
        "creator": [_person(author) for author in owner.authors],
        "publisher": {"@type": "sc:Organization", "name": owner.organization.name} if owner.organization else None,
        "datePublished": package.publication.first,
        "dateModified": package.publication.modified,
    }


def _person(person: Person) -> dict[str, Any]:
    kind = "sc:Organization" if person.is_group else "sc:Person"
    url = f"{ORCID}{person.orcid}" if person.orcid else person.ror
    return {"@type": kind, "name": person.full} | ({"url": url} if url else {})


def cite(package: Package) -> str:
    """Return a citation in one line."""
    names = ", ".join(author.full for author in package.owner.authors)
    parts = [names, f"({package.publication.first[:4]})", f"{package.title}, version {package.version}."]
    organization = package.owner.organization
    parts += [f"{organization.name}." if organization else "", package.address]
    return " ".join(filter(None, parts))


def _semantic(version: str) -> str:
    """Return a semantic version that contains the hash of the results.

    >>> _semantic("0a1b2c")
    '1.0.0+0a1b2c'
    """
    return f"1.0.0+{version}" if version else ""


def _file(file: File, where: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": _plain(file.path),
        "name": _plain(file.path),
        "contentUrl": where,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": file.media_type,
        "sha256": file.sha256,
    }


def _records(path: str, name: str, columns: Iterable[Column]) -> dict[str, Any]:
    fields: dict[str, dict[str, Any]] = {}
    for column in columns:
        own = _unused(f"{name}/{_plain(column.name)}", fields)
        fields[own] = {
            "@type": "cr:Field",
            "@id": own,
            "name": own,
            "description": _told(column),
            "dataType": _data_type(column),
            "source": {"fileObject": {"@id": _plain(path)}, "extract": {"column": column.name}},
        }
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "field": list(fields.values())}


def _unused(name: str, used: Iterable[str]) -> str:
    """Return a unique name: names that differ only in forbidden characters would collide."""
    return name if name not in used else _unused(f"{name}-", used)


def _data_type(column: Column) -> str:
    """Return a column's type; only floats and texts can be missing."""
    if column.has_gaps and column.type in {INTEGER, BOOLEAN}:
        return "sc:Float" if column.type == INTEGER else "sc:Text"
    return _TYPES.get(column.type, "sc:Text")


def _told(column: Column) -> str:
    unit = f" Unit: {column.unit}." if column.unit and column.unit != "1" else ""
    return (column.description or column.title or column.name) + unit


def _plain(text: str) -> str:
    """Return a name without characters that the specification forbids.

    >>> _plain("attempts/1/a b.csv")
    'attempts-1-a-b.csv'
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-") or "column"


def _ordered(about: dict[str, Any], files: list[Any], records: list[Any]) -> dict[str, Any]:
    properties = {key: value for key, value in about.items() if value not in ("", None, [])}
    return {"@context": CONTEXT, "@type": "sc:Dataset", **properties, "distribution": files} | (
        {"recordSet": records} if records else {}
    )
