"""The scorecard: what it makes of a good package, and each planted fault, which the validators of others let pass."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairmesh import cli
from fairmesh.errors import FairmeshError
from fairmesh.fair import package as packages
from fairmesh.fair.documents import DOCUMENTS
from fairmesh.fair.scorecard import PRINCIPLES, missing_of_application, score
from fairmesh.files import read_json, write_json
from tests.fair.conftest import Results
from tests.fair.spoiling import spoil

FIRST = "size=4+value=1+repeat=1"
LOG = f"experiments/local/{FIRST}/attempts/1/job.log"


def action(results: Results) -> str:
    return f"#experiment/{read_json(results.record(FIRST))['key']}"


def no_time(results: Results) -> None:
    results.change_crate(action(results), endTime="yesterday")


def no_zone(results: Results) -> None:
    results.change_crate(action(results), startTime="2026-11-20T10:00:00")


def ended_first(results: Results) -> None:
    results.change_crate(action(results), startTime="2099-01-01T00:00:00.000+00:00")


def wrong_hash(results: Results) -> None:
    results.change_crate("results.csv", sha256="0" * 64)


def other_bytes(results: Results) -> None:
    path = results.study / LOG
    path.write_bytes(path.read_bytes()[::-1])


def missing_file(results: Results) -> None:
    (results.study / LOG).unlink()


def dangling(results: Results) -> None:
    results.change_crate("./", author={"@id": "https://orcid.org/0000-0001-0000-0000"})


def free_text(results: Results) -> None:
    results.change_crate("./", license="free for all")


def two_licences(results: Results) -> None:
    package = read_json(results.study / "datapackage.json")
    write_json(results.study / "datapackage.json", package | {"licenses": [{"name": "MIT"}]})


def outside(results: Results) -> None:
    results.change_crate("results.csv", **{"@id": "../results.csv"})


def bucket(results: Results) -> None:
    results.change_crate("results.csv", **{"@id": "s3://bucket/results.csv"})


def no_part(results: Results) -> None:
    parts = results.entity("./")["hasPart"]
    results.change_crate("./", hasPart=[part for part in parts if part["@id"] != "results.csv"])


def unknown_word(results: Results) -> None:
    results.change_crate("./", colour="blue")


def twice(results: Results) -> None:
    content = read_json(results.study / "ro-crate-metadata.json")
    content["@graph"].append(content["@graph"][-1])
    write_json(results.study / "ro-crate-metadata.json", content)


def no_identifier(results: Results) -> None:
    results.change_crate("./", identifier="results of Tuesday")


def no_agent(results: Results) -> None:
    results.change_crate(action(results), agent=None)


def no_media_type(results: Results) -> None:
    results.change_crate("results.csv", encodingFormat="a table")


def no_profile(results: Results) -> None:
    results.change_crate("./", conformsTo=None)


def no_access(results: Results) -> None:
    results.change_crate("./", conditionsOfAccess=None)


def bad_date(results: Results) -> None:
    results.change_crate("./", datePublished="lately")


def no_creators(results: Results) -> None:
    record = read_json(results.study / "datacite.json")
    write_json(results.study / "datacite.json", record | {"creators": []})


def no_croissant(results: Results) -> None:
    (results.study / "croissant.json").unlink()


FAULTS: list[tuple[Callable[[Results], None], str, str]] = [
    (no_time, "R1.2", "endTime is no time with a zone: 'yesterday'"),
    (no_zone, "R1.2", "startTime is no time with a zone"),
    (ended_first, "R1.2", "ended before it started"),
    (wrong_hash, "R1.2", "results.csv is not the file that was described"),
    (other_bytes, "R1.2", "job.log is not the file that was described"),
    (missing_file, "A1", "job.log is missing"),
    (dangling, "I3", "author refers to https://orcid.org/0000-0001-0000-0000, which is not there"),
    (free_text, "R1.1", "the licence is a text that no machine understands"),
    (two_licences, "R1.1", "datapackage.json says 'MIT' where the crate says 'CC-BY-4.0'"),
    (outside, "A1.1", "../results.csv lies outside of the package"),
    (bucket, "A1.1", "s3://bucket/results.csv is not an address of the web"),
    (no_part, "F3", "results.csv is no part of the data set"),
    (unknown_word, "I1", "colour is in no context"),
    (twice, "I1", "is described 2 times"),
    (no_identifier, "F1", "neither a DOI nor a UUID"),
    (no_agent, "R1.2", "has no agent"),
    (no_media_type, "R1", "results.csv has no media type"),
    (no_profile, "I2", "provenance/0.5"),
    (no_access, "A1.2", "does not say who may have the data"),
    (bad_date, "F2", "datePublished is no date: 'lately'"),
    (no_creators, "F4", "datacite.json has no creators"),
    (no_croissant, "R1.3", "croissant.json does not say"),
]


def findings(folder: Path) -> dict[str, list[str]]:
    return {verdict.principle.code: verdict.findings for verdict in score(folder).verdicts}


def test_there_are_the_fifteen(results: Results) -> None:
    assert len({principle.code for principle in PRINCIPLES}) == 15
    assert [lines for lines in findings(results.study).values() if lines] == []
    assert score(results.study).counts == {"met": 11, "prepared": 4, "fails": 0}


@pytest.mark.parametrize(("plant", "code", "said"), FAULTS, ids=[plant.__name__ for plant, _, _ in FAULTS])
def test_a_planted_fault_is_found(results: Results, plant: Callable[[Results], None], code: str, said: str) -> None:
    plant(results)
    assert [line for line in findings(results.study)[code] if said in line]


def test_a_manifest_that_is_not_that_of_the_files_is_found(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "MANY", 3)
    results.describe()
    assert score(results.study).counts["fails"] == 0
    other_bytes(results)
    assert [line for line in findings(results.study)["R1.2"] if "job.log is not the file that SHA256SUMS" in line]
    results.change_crate(f"experiments/local/{FIRST}/", sha256="0" * 64)
    assert [line for line in findings(results.study)["R1.2"] if "its manifest in SHA256SUMS" in line]


def test_a_deposit_meets_what_was_prepared(results: Results) -> None:
    results.publisher(dois={"sweep": "https://doi.org/10.5281/zenodo.1234567"})
    results.describe()
    assert score(results.study).counts == {"met": 15, "prepared": 0, "fails": 0}
    assert read_json(results.study / "datacite.json")["doi"] == "10.5281/zenodo.1234567"


def test_what_nobody_stated_fails_and_is_asked_for(results: Results) -> None:
    results.publisher(licence="", access="", authors=[])
    results.describe()
    made = score(results.study)
    assert {verdict.principle.code for verdict in made.verdicts if verdict.state == "fails"} == {
        "F2",
        "F4",
        "A1.2",
        "R1.1",
    }
    assert [question.partition(":")[0] for question in made.asks] == [
        "publisher.authors",
        "publisher.licence",
        "publisher.access",
    ]


def test_the_command_fails_on_a_fall_and_writes_what_it_found(
    results: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["fair", str(results.home)]) == 0
    assert "sweep: 11 met, 4 prepared for deposit, 0 failed" in capsys.readouterr().out
    missing_file(results)
    assert cli.main(["fair", str(results.study)]) == 1
    assert f"A1: {LOG} is missing" in capsys.readouterr().out
    assert cli.main(["fair", str(results.study), "--json"]) == 1
    (told,) = json.loads(capsys.readouterr().out)
    assert told == read_json(results.study / "fair.json")
    assert (told["met"], told["prepared"], told["fails"], told["of"]) == (11, 3, 1, 15)


def test_a_folder_without_a_crate_is_wrong_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fair", str(tmp_path)]) == 2
    assert "has no ro-crate-metadata.json" in capsys.readouterr().err


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([name for name in (*DOCUMENTS, "plan.json") if name.endswith(".json")]), st.data())
def test_whatever_stands_in_a_document_is_no_traceback(
    finished: Path, spoilt: Path, name: str, where: st.DataObject
) -> None:
    good = read_json(finished / "sweep" / name)
    write_json(spoilt / name, spoil(good, where))
    try:
        with suppress(FairmeshError):  # what is no crate at all
            assert score(spoilt).to_json()["of"] == 15
    finally:
        write_json(spoilt / name, good)


@pytest.fixture(scope="session")
def spoilt(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the package whose documents may be spoilt, if they are mended afterwards."""
    place = tmp_path_factory.mktemp("spoilt") / "sweep"
    shutil.copytree(finished / "sweep", place)
    return place


@pytest.mark.parametrize("text", ["{", "[]", '{"@graph": [1]}', '{"@graph": {}}'])
def test_what_is_no_crate_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "ro-crate-metadata.json").write_text(text)
    with pytest.raises(FairmeshError, match="not a crate"):
        score(tmp_path)


@pytest.mark.parametrize("name", ["datacite.json", "plan.json", "SHA256SUMS"])
def test_a_document_that_cannot_be_read_is_named(
    results: Results, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = results.study / name
    path.unlink()
    os.mkfifo(path)
    assert cli.main(["fair", str(results.home)]) == 1
    out, err = capsys.readouterr()
    assert err == f"{path}: cannot be read: not a regular file; left out\n"
    assert out.startswith("sweep: ")


@pytest.mark.parametrize("text", ["{", "[" * 100_000, '{"@graph": NaN}'])
def test_a_crate_that_cannot_be_read_takes_no_other_with_it(
    results: Results, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    broken = results.home / "another/ro-crate-metadata.json"
    broken.parent.mkdir()
    broken.write_text(text)
    assert cli.main(["fair", str(results.home)]) == 1
    out, err = capsys.readouterr()
    assert err.startswith(f"{broken}: not a crate: ")
    assert out.startswith("sweep: ")


@pytest.mark.parametrize(
    ("application", "keys"),
    [
        ({"name": "toy", "licence": "MIT", "authors": [{"name": "A"}]}, ["url", "description"]),
        ({"name": "toy"}, ["licence", "url", "authors", "description"]),
        (None, []),
    ],
)
def test_missing_entries_of_the_application_are_named(application: object, keys: list[str]) -> None:
    missing = missing_of_application(application)
    assert [line.split(": ")[:2] for line in missing] == [["application.yaml of toy", key] for key in keys]
