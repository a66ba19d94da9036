"""All documents of a study, written from its records; what says the same as before is not touched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fairmesh.fair import columns, croissant
from fairmesh.fair.citation import CITATION, DATACITE, citation_cff, datacite
from fairmesh.fair.crate import DESCRIPTOR, PREVIEW, README, SUMS, crate
from fairmesh.fair.croissant import CROISSANT
from fairmesh.fair.datapackage import DATA_PACKAGE, data_package
from fairmesh.fair.inventory import Inventory
from fairmesh.fair.package import APPLICATIONS, Package
from fairmesh.fair.preview import preview, readme
from fairmesh.fair.publication import Publication
from fairmesh.fair.scorecard import FAIR
from fairmesh.files import file_sha256, json_text, write_if_changed
from fairmesh.results import StudyResults
from fairmesh.runner.manifest import sum_line
from fairmesh.runner.protocol import STAGES

DOCUMENTS = (DATA_PACKAGE, CROISSANT, DATACITE, CITATION, README, DESCRIPTOR, PREVIEW, SUMS)


@dataclass(frozen=True)
class Described:
    """What the documents say, and what they cannot.

    Parameters
    ----------
    package : Package
        The study with its files.
    missing : list of str
        What nobody has stated: the key of the configuration, and what it is.
    """

    package: Package
    missing: list[str]


def describe(
    study: StudyResults, frame: pd.DataFrame, notes: Sequence[str] = (), given: Publication | None = None
) -> Described | None:
    """Write the documents of a study whose folder holds all that belongs to it.

    Parameters
    ----------
    study : StudyResults
        The study; ``results.csv`` is in its folder.
    frame : pandas.DataFrame
        What is in it.
    notes : sequence of str
        What else is missing.
    given : Publication or None
        Version and days of what this is a copy of.

    Returns
    -------
    Described or None
        None as long as no experiment has a result: there is nothing to describe, and no document stays.
    """
    folder = study.folder
    package = Package.gather(study, given)
    missing = [*package.owner.missing(), *_missing_of(package), *notes]
    if not package.ended:
        for name in (*DOCUMENTS, FAIR):
            (folder / name).unlink(missing_ok=True)
        return None
    package.publication.write(folder)
    _describe_stages(package)
    found = columns.of_results(study, frame)
    _write(package.inventory, DATA_PACKAGE, json_text(data_package(package, found)))
    _write(package.inventory, CROISSANT, json_text(croissant.of_results(package, found)))
    _write(package.inventory, DATACITE, json_text(datacite(package)))
    _write(package.inventory, CITATION, citation_cff(package))
    _write(package.inventory, README, readme(package, missing))
    write_if_changed(folder / DESCRIPTOR, _lines(crate(package)))
    write_if_changed(folder / PREVIEW, preview(package, missing))
    write_if_changed(folder / SUMS, _sums(package.inventory))
    return Described(package, missing)


def _missing_of(package: Package) -> list[str]:
    application, name = package.application, package.application["name"]
    wanted = {
        "licence": "its licence, as an SPDX identifier",
        "url": "the address of its code or its page",
        "authors": "who wrote it",
        "description": "what it does",
    }
    missing = [f"{name}/application.yaml: {key}: {text}" for key, text in wanted.items() if not application.get(key)]
    if not any(path.startswith(f"{APPLICATIONS}/") for path in package.inventory.files):
        missing.append(f"{APPLICATIONS}/{name}: its code; call `fairmesh crate` on a computer that has it")
    dirty = sum(_was_dirty(package.environment(each)) for each in package.done)
    changes = f"git: {dirty} experiments ran with changes of {name} that were not committed; commit them and run again"
    return [*missing, *([changes] if dirty else [])]


def _was_dirty(environment: dict[str, Any]) -> bool:
    code = environment.get("code")
    application = code.get("application") if isinstance(code, dict) else None
    return isinstance(application, dict) and application.get("dirty") is True


def _write(inventory: Inventory, name: str, text: str) -> None:
    write_if_changed(inventory.folder / name, text)
    inventory.add(name)


def _describe_stages(package: Package) -> None:
    """Write ``croissant.json`` beside the data that shared stages prepared, as far as they are on this computer."""
    home = package.study.folder.parent / STAGES / str(package.application["name"])
    for path, commit in package.stages.items():
        folder = home / path.rpartition("/")[2].removesuffix(".json")
        if folder.is_dir() and commit.get("fingerprint"):
            write_if_changed(folder / CROISSANT, json_text(croissant.of_stage(package, path, commit, folder)))


def _sums(inventory: Inventory) -> str:
    """Return the lines that ``sha256sum --check`` takes, for every file but itself."""
    hashes = {file.path: file.sha256 for file in inventory}
    hashes |= {name: file_sha256(inventory.folder / name) for name in (DESCRIPTOR, PREVIEW)}
    return "".join(sum_line(sha256, path) for path, sha256 in sorted(hashes.items()))


def _lines(found: dict[str, Any]) -> str:
    """Return the crate with a line an entity: quick to write, and to compare."""
    entities = ",\n  ".join([json.dumps(each, ensure_ascii=False, allow_nan=False) for each in found["@graph"]])
    return f'{{\n "@context": {json.dumps(found["@context"])},\n "@graph": [\n  {entities}\n ]\n}}\n'
