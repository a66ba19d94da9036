"""The validators of others on a real package, with the network cut off, and what each is there to catch."""

from __future__ import annotations

import csv
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairmesh import cli
from fairmesh.fair import package as packages
from fairmesh.fair import validators
from fairmesh.fair.scorecard import score
from fairmesh.files import file_sha256, read_json, write_json
from tests.fair.conftest import CFFCONVERT, PUBLISHER, ROOT, STUDY, Results, run_study


@pytest.fixture(autouse=True)
def cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the network off, so that whoever asks for it fails."""

    def refuse(*_: Any) -> None:
        raise OSError("the network is cut off")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_every_validator_accepts_the_package(results: Results) -> None:
    assert validators.validate(results.study) == {name: [] for name in validators.VALIDATORS}


def test_the_crate_of_very_many_experiments_is_accepted(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "MANY", 3)
    results.describe()
    assert validators.ro_crate(results.study) == []


@pytest.mark.long
def test_every_validator_takes_what_is_hostile_for_text(tmp_path: Path) -> None:
    hostile = "=cmd|' /C calc'!A0 </script><img src=x> {{7*7}} [x](javascript:alert(1)) \"q\" \u202e"
    author = PUBLISHER["authors"][0] | {"name": hostile, "affiliation": hostile}
    texts = {"title": hostile, "access": hostile, "keywords": [hostile], "organisation": hostile, "authors": [author]}
    study = STUDY | {"title": hostile, "parameters": {"note": [hostile, "x"]}}
    results = run_study(tmp_path, PUBLISHER | texts, study)
    assert validators.validate(results.study) == {name: [] for name in validators.VALIDATORS}
    assert score(results.study).counts["fails"] == 0
    subprocess.run([CFFCONVERT, "--validate", "-i", results.study / "CITATION.cff"], check=True)
    with (results.study / "results.csv").open(newline="") as file:
        assert {row["note"] for row in csv.DictReader(file)} == {f"'{hostile}", "x"}


def test_the_document_of_the_prepared_data_is_accepted_and_loads(results: Results) -> None:
    (found,) = results.home.glob("stages/toy/*/croissant.json")
    assert validators.croissant(found.parent) == []


def no_licence(results: Results) -> None:
    results.change_crate("./", license=None)


def no_instrument(results: Results) -> None:
    results.change_crate("#run", instrument=None)


def no_file(results: Results) -> None:
    (results.study / "results.csv").unlink()


def wrong_hash(results: Results) -> None:
    content = read_json(results.study / "croissant.json")
    content["distribution"][0]["sha256"] = "0" * 64
    write_json(results.study / "croissant.json", content)


def no_column(results: Results) -> None:
    content = read_json(results.study / "croissant.json")
    content["recordSet"][0]["field"][0]["source"]["extract"]["column"] = "gone"
    write_json(results.study / "croissant.json", content)


def wrong_value(results: Results) -> None:
    path = results.study / "results.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0]["seconds"] = "long"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    content = read_json(results.study / "datapackage.json")
    content["resources"][0] |= {"hash": f"sha256:{file_sha256(path)}", "bytes": path.stat().st_size}
    write_json(results.study / "datapackage.json", content)


def no_creators(results: Results) -> None:
    record = read_json(results.study / "datacite.json")
    write_json(results.study / "datacite.json", {key: value for key, value in record.items() if key != "creators"})


@pytest.mark.parametrize(
    ("validator", "plant"),
    [
        ("roc-validator", no_licence),
        pytest.param("roc-validator", no_instrument, marks=pytest.mark.long),
        pytest.param("roc-validator", no_file, marks=pytest.mark.long),
        ("mlcroissant", wrong_hash),
        ("mlcroissant", no_column),
        ("frictionless", wrong_value),
        ("frictionless", no_file),
        ("datacite", no_creators),
    ],
)
def test_a_validator_finds_what_it_is_there_for(
    results: Results, validator: str, plant: Callable[[Results], None]
) -> None:
    plant(results)
    assert validators.VALIDATORS[validator][1](results.study)


def test_an_address_beyond_the_two_contexts_is_refused(results: Results) -> None:
    content = read_json(results.study / "ro-crate-metadata.json")
    content["@context"].append("https://example.org/context")
    write_json(results.study / "ro-crate-metadata.json", content)
    assert validators.ro_crate(results.study)


def test_their_verdicts_count_for_the_standards_of_the_community(
    results: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    no_instrument(results)
    assert cli.main(["fair", str(results.study), "--validators"]) == 1
    told = read_json(results.study / "fair.json")
    assert told["validators"] == dict.fromkeys(validators.VALIDATORS, "passed") | {"roc-validator": "faults"}
    assert "R1.3: roc-validator: " in capsys.readouterr().out


@pytest.mark.parametrize("name", ["package", "software"])
def test_cffconvert_accepts_the_citation(results: Results, name: str) -> None:
    path = results.study / "CITATION.cff" if name == "package" else ROOT / "CITATION.cff"
    done = subprocess.run([CFFCONVERT, "--validate", "-i", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    bibtex = subprocess.run([CFFCONVERT, "-f", "bibtex", "-i", path], capture_output=True, text=True, check=True)
    assert ("Example, Ada" if name == "package" else "fairmesh") in bibtex.stdout.replace("Ada Example", "Example, Ada")


def test_cffconvert_refuses_a_citation_without_authors(results: Results, tmp_path: Path) -> None:
    text = (results.study / "CITATION.cff").read_text()
    (tmp_path / "CITATION.cff").write_text(text.replace("authors:", "author:"))
    done = subprocess.run([CFFCONVERT, "--validate", "-i", tmp_path / "CITATION.cff"], capture_output=True, check=False)
    assert done.returncode != 0
