"""``datapackage.json``: the tables of a package with a schema for every column, as a Frictionless Data Package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fairmesh.fair.columns import TELEMETRY, Column, of_file
from fairmesh.fair.inventory import File
from fairmesh.fair.package import RESULTS, Experiment, Package
from fairmesh.fair.publisher import Person
from fairmesh.identifiers import ORCID, SPDX, spdx_identifier
from fairmesh.runner.protocol import HISTORY
from fairmesh.runner.protocol import TELEMETRY as TELEMETRY_FILE

DATA_PACKAGE = "datapackage.json"
_KEPT = ("minimum", "maximum", "enum", "required")


def data_package(package: Package, columns: list[Column]) -> dict[str, Any]:
    """Return the content of ``datapackage.json``.

    Parameters
    ----------
    package : Package
        The study; of very many experiments only ``results.csv`` is described.
    columns : list of Column
        Those of ``results.csv``.
    """
    owner = package.owner
    licence = spdx_identifier(owner.licence)
    fields = {
        "profile": "data-package",
        "name": _slug(package.study.name),
        "id": package.address,
        "title": package.title,
        "description": package.description,
        "version": package.version,
        "created": package.ended,
        "homepage": owner.text("url"),
        "keywords": package.keywords,
        "licenses": [{"name": licence, "path": f"{SPDX}{licence}"}] if licence else [],
        "contributors": list(map(_contributor, owner.authors)),
        "resources": list(_resources(package, columns)),
    }
    return {key: value for key, value in fields.items() if value not in ("", [])}


def _contributor(person: Person) -> dict[str, str]:
    fields = {
        "title": person.full,
        "path": f"{ORCID}{person.orcid}" if person.orcid else person.ror,
        "organization": person.affiliation.name if person.affiliation else "",
        "role": "author",
    }
    return {key: text for key, text in fields.items() if text}


def _resources(package: Package, columns: list[Column]) -> Iterator[dict[str, Any]]:
    file = package.inventory.files[RESULTS]
    yield _resource(file, "results", f"All experiments of {package.title}", columns, ["machine", "id"])
    for experiment in [] if package.is_large else package.done:
        yield from _of_experiment(package, experiment)


def _of_experiment(package: Package, experiment: Experiment) -> Iterator[dict[str, Any]]:
    """Describe the tables of an experiment: history, telemetry, and those in ``tables/``."""
    outcome = experiment.outcome
    for file in experiment.files:
        table = file.path.rpartition("/tables/")[2] if "/tables/" in file.path else file.name
        if not table.endswith(".csv") or not ("/tables/" in file.path or file.name in {HISTORY, TELEMETRY_FILE}):
            continue
        columns = _telemetry() if file.name == TELEMETRY_FILE else of_file(package.study.folder / file.path)
        if columns:
            name = _slug(f"{table.removesuffix('.csv')}-{outcome.key}")
            yield _resource(file, name, f"{table.removesuffix('.csv')} of {outcome.id} on {outcome.machine}", columns)


def _telemetry() -> list[Column]:
    return [Column(name, kind, description=text, has_gaps=True) for name, (kind, text) in TELEMETRY.items()]


def _resource(file: File, name: str, title: str, columns: list[Column], key: list[str] | None = None) -> dict[str, Any]:
    schema: dict[str, Any] = {"fields": list(map(_field, columns)), "missingValues": [""]}
    return {
        "profile": "tabular-data-resource",
        "name": name,
        "path": file.path,
        "title": title,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": file.bytes,
        "hash": f"sha256:{file.sha256}",
        "schema": schema | ({"primaryKey": key} if key else {}),
    }


def _field(column: Column) -> dict[str, Any]:
    field = {
        "name": column.name,
        "type": column.type,
        "title": column.title,
        "description": column.description,
        "unit": column.unit,
        "constraints": {key: column.constraints[key] for key in _KEPT if key in column.constraints},
    }
    return {key: value for key, value in field.items() if value not in ("", {})}


def _slug(text: str) -> str:
    """Return a name in the form of the specification.

    >>> _slug("Scenes of 2026/A")
    'scenes-of-2026-a'
    """
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-") or "data"
