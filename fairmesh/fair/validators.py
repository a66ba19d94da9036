"""Run the validators of communities without a network, if they are installed: the extra ``fair``.

The validator of RO-Crate fetches JSON-LD contexts from the web. These requests are answered from
``fairmesh.fair.vocabulary``; all other addresses fail.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fairmesh.fair.citation import DATACITE
from fairmesh.fair.croissant import CROISSANT
from fairmesh.fair.datapackage import DATA_PACKAGE
from fairmesh.fair.vocabulary import CONTEXTS
from fairmesh.files import read_json

PROFILE = "provenance-run-crate-0.5"
SKIPPED = {
    "process-run-crate-0.5_5.1": "asks for an absolute address of the main workflow, which must be a file of the crate"
}
"""Recommendations that cannot be followed, and why."""


def validate(folder: Path) -> dict[str, list[str]]:
    """Run all installed validators.

    Parameters
    ----------
    folder : Path
        The package.

    Returns
    -------
    dict of str to list of str
        Findings by name of the validator.
    """
    installed = {name: check for name, (module, check) in VALIDATORS.items() if find_spec(module)}
    return {name: check(folder) for name, check in installed.items()}


def ro_crate(folder: Path, severity: str = "RECOMMENDED") -> list[str]:
    """Check the crate against Provenance Run Crate 0.5, what is required and what is recommended."""
    from rocrate_validator import services  # noqa: PLC0415  seconds, which only this check pays

    with tempfile.TemporaryDirectory() as cache, _contexts(cache):
        settings = services.ValidationSettings(
            rocrate_uri=str(folder.resolve()),
            profile_identifier=PROFILE,
            requirement_severity=severity,
            skip_checks=list(SKIPPED),
            offline=True,
            cache_path=Path(cache) / "http",
        )
        issues = services.validate(settings).get_issues()
    return [f"{issue.check.identifier}: {issue.message} ({issue.violatingEntity or 'the crate'})" for issue in issues]


@contextmanager
def _contexts(cache: str) -> Iterator[None]:
    """Answer requests of the validator's web client from the vocabulary, and refuse all others."""
    from rocrate_validator.utils.http import HttpRequester  # noqa: PLC0415

    requester = HttpRequester.initialize_cache(offline=True, cache_path=f"{cache}/http")
    vars(requester)["get"] = _serve
    try:
        yield
    finally:
        del vars(requester)["get"]
        HttpRequester.reset()


def _serve(url: str, **_: Any) -> Any:
    from requests import Response  # noqa: PLC0415

    response = Response()
    response.url = url
    response.status_code = 200 if url in CONTEXTS else 504
    response.headers["Content-Type"] = "application/ld+json"
    response._content = json.dumps({"@context": CONTEXTS.get(url, {})}).encode()
    return response


def croissant(folder: Path) -> list[str]:
    """Check ``croissant.json``, and load every record that it describes."""
    import mlcroissant  # noqa: PLC0415

    try:
        with _quiet():
            dataset = mlcroissant.Dataset(jsonld=str(folder / CROISSANT))
            for records in dataset.metadata.record_sets:
                for _ in dataset.records(record_set=records.uuid):
                    pass
    except Exception as error:  # noqa: BLE001  any exception is a finding
        return [f"{CROISSANT}: {type(error).__name__}: {error}"]
    return [f"{CROISSANT}: {error}" for error in sorted(dataset.metadata.issues.errors)]


@contextmanager
def _quiet() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def frictionless(folder: Path) -> list[str]:
    """Check ``datapackage.json``, and every row of every table against its schema."""
    from frictionless import Package, system  # noqa: PLC0415

    with system.use_context(trusted=False):
        report = Package(str(folder / DATA_PACKAGE)).validate()
    rows = report.flatten(["name", "rowNumber", "fieldName", "message"])
    return [f"{DATA_PACKAGE}: " + ", ".join(str(cell) for cell in row if cell is not None) for row in rows]


def datacite(folder: Path) -> list[str]:
    """Check ``datacite.json`` against DataCite's schema 4.5."""
    from datacite import schema45  # noqa: PLC0415

    record = read_json(folder / DATACITE)
    errors = sorted(schema45.validator.iter_errors(record), key=lambda error: list(map(str, error.path)))
    return [f"{DATACITE}: {'.'.join(map(str, error.path)) or 'the record'}: {error.message}" for error in errors]


VALIDATORS: dict[str, tuple[str, Callable[[Path], list[str]]]] = {
    "roc-validator": ("rocrate_validator", ro_crate),
    "mlcroissant": ("mlcroissant", croissant),
    "frictionless": ("frictionless", frictionless),
    "datacite": ("datacite", datacite),
}
"""Validators by name: the module that they need, and the function that runs them."""
