"""Write all documents of a study from its records: metadata, README and preview."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import jinja2
import pandas as pd

from fairmesh.fair import columns, croissant
from fairmesh.fair.citation import CITATION, DATACITE, citation_cff, datacite
from fairmesh.fair.crate import DESCRIPTOR, PREVIEW, README, SUMS, crate
from fairmesh.fair.croissant import CROISSANT, cite
from fairmesh.fair.datapackage import DATA_PACKAGE, data_package
from fairmesh.fair.dates import Publication
from fairmesh.fair.inventory import Inventory
from fairmesh.fair.package import APPLICATIONS, Package
from fairmesh.fair.scorecard import FAIR, missing_of_application
from fairmesh.files import file_sha256, json_text, write_if_changed
from fairmesh.names import number_text
from fairmesh.printing import count_text, escape_markdown
from fairmesh.results import MetricValue, StudyResults
from fairmesh.runner.manifest import sum_line
from fairmesh.runner.protocol import STAGES

SHOWN = 500  # experiments in the tables; results.csv has all


def readme(package: Package, missing: list[str]) -> str:
    """Return the content of ``README.md``."""
    made = _environment(autoescape=False)
    made.filters["md"] = escape_markdown
    return made.get_template("README.md.jinja").render(package=package, missing=missing, cite=cite(package))


def preview(package: Package, missing: list[str]) -> str:
    """Return the content of ``ro-crate-preview.html``, a self-contained page."""
    rows = [
        (experiment, [_measured(experiment.outcome.metrics.get(metric.name)) for metric in package.study.metrics])
        for experiment in islice(package.experiments, SHOWN)
    ]
    top = [file for file in package.inventory if "/" not in file.path]
    rendered = _environment(autoescape=True).get_template("preview.html.jinja")
    return rendered.render(package=package, missing=missing, cite=cite(package), rows=rows, top=top)


def _measured(measured: MetricValue | None) -> str:
    return number_text(float(f"{measured.value:.6g}")) if measured else ""


def _environment(*, autoescape: bool) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("fairmesh.fair"),
        autoescape=autoescape,  # noqa: S701  Markdown has an escape of its own, the filter md
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


DOCUMENTS = (DATA_PACKAGE, CROISSANT, DATACITE, CITATION, README, DESCRIPTOR, PREVIEW, SUMS)


@dataclass(frozen=True)
class Described:
    """The result of writing the documents.

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
    """Write the documents of a study whose folder is self-contained.

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
    described = columns.of_results(study, frame)
    _write(package.inventory, DATA_PACKAGE, json_text(data_package(package, described)))
    _write(package.inventory, CROISSANT, json_text(croissant.of_results(package, described)))
    _write(package.inventory, DATACITE, json_text(datacite(package)))
    _write(package.inventory, CITATION, citation_cff(package))
    _write(package.inventory, README, readme(package, missing))
    write_if_changed(folder / DESCRIPTOR, _lines(crate(package)))
    write_if_changed(folder / PREVIEW, preview(package, missing))
    write_if_changed(folder / SUMS, _sums(package.inventory))
    return Described(package, missing)


def _missing_of(package: Package) -> list[str]:
    missing, name = missing_of_application(package.application), package.application["name"]
    if not any(path.startswith(f"{APPLICATIONS}/") for path in package.inventory.files):
        missing.append(f"{APPLICATIONS}/{name}: its code; call `fairmesh crate` on a computer that has it")
    dirty = sum(_was_dirty(package.environment(experiment)) for experiment in package.done)
    ran = f"{count_text(dirty, 'experiment')} ran with changes of {name} that were not committed"
    changes = f"git: {ran}; commit them and run again"
    return [*missing, *([changes] if dirty else [])]


def _was_dirty(environment: dict[str, Any]) -> bool:
    code = environment.get("code")
    application = code.get("application") if isinstance(code, dict) else None
    return isinstance(application, dict) and application.get("dirty") is True


def _write(inventory: Inventory, name: str, text: str) -> None:
    write_if_changed(inventory.folder / name, text)
    inventory.add(name)


def _describe_stages(package: Package) -> None:
    """Write ``croissant.json`` beside the data of shared stages on this computer."""
    home = package.study.folder.parent / STAGES / str(package.application["name"])
    for path, commit in package.stages.items():
        folder = home / path.rpartition("/")[2].removesuffix(".json")
        if folder.is_dir() and commit.get("fingerprint"):
            write_if_changed(folder / CROISSANT, json_text(croissant.of_stage(package, path, commit, folder)))


def _sums(inventory: Inventory) -> str:
    """Return the content of SHA256SUMS, for every other file."""
    hashes = {file.path: file.sha256 for file in inventory}
    hashes |= {name: file_sha256(inventory.folder / name) for name in (DESCRIPTOR, PREVIEW)}
    return "".join(sum_line(sha256, path) for path, sha256 in sorted(hashes.items()))


def _lines(document: dict[str, Any]) -> str:
    """Return the crate as JSON with one entity a line."""
    entities = ",\n  ".join([json.dumps(entity, ensure_ascii=False, allow_nan=False) for entity in document["@graph"]])
    return f'{{\n "@context": {json.dumps(document["@context"])},\n "@graph": [\n  {entities}\n ]\n}}\n'
