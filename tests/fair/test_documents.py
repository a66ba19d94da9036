"""What the documents say, that they say it twice alike, and what becomes of hostile or broken input."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairmesh import schema
from fairmesh.fair import package as packages
from fairmesh.fair.citation import datacite, zenodo
from fairmesh.fair.documents import DOCUMENTS, describe
from fairmesh.fair.publisher import Owner, Person
from fairmesh.files import read_json, write_json
from fairmesh.results import load_study, table, write_csv
from fairmesh.runner import owner
from tests.fair.conftest import PUBLISHER, ROOT, Results
from tests.fair.spoiling import spoil
from tests.results.builder import Folder
from tests.site.conftest import HOSTILE, hostile_study

FIRST = "size=4+value=1+repeat=1"


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return time of change and bytes of every document."""
    return {name: ((folder / name).stat().st_mtime_ns, (folder / name).read_bytes()) for name in DOCUMENTS}


def identifier(results: Results) -> Any:
    results.describe()
    return results.entity("./")["identifier"]


def test_what_is_built_again_is_the_same_to_the_byte_and_not_touched(results: Results) -> None:
    results.describe()
    before = contents(results.study)
    results.describe()
    assert contents(results.study) == before


def test_the_identifier_follows_from_the_fingerprints_and_the_version_from_the_results(results: Results) -> None:
    before, version = identifier(results), results.entity("./")["version"]
    record = read_json(results.record(FIRST))
    write_json(results.record(FIRST), record | {"seconds": 99.0})
    assert identifier(results) == before
    assert results.entity("./")["version"] != version
    plan = read_json(results.study / "plan.json")
    plan["experiments"][-1]["fingerprint"] = "0" * 64
    write_json(results.study / "plan.json", plan)
    assert identifier(results) != before


def test_an_experiment_is_an_action_with_all_that_belongs_to_it(results: Results) -> None:
    record = read_json(results.record(FIRST))
    action = results.entity(f"#experiment/{record['key']}")
    assert action["@type"] == "CreateAction"
    assert action["startTime"] == record["started"].replace("Z", "+00:00")
    assert action["instrument"] == {"@id": "https://example.org/toy#toy-1-measure"}
    agent = results.entity(action["agent"]["@id"])
    assert (agent["@id"], agent["@type"]) == ("https://orcid.org/0000-0002-1825-0097", "Person")
    values = {
        entity["name"]: entity["value"] for entity in map(results.entity, names(action["object"])) if "value" in entity
    }
    assert values == record["parameters"]
    files = {
        entity["@id"]: entity for entity in map(results.entity, names(action["result"])) if entity["@type"] == "File"
    }
    for entry in record["files"]:
        found = files[f"experiments/local/{FIRST}/{entry['path']}"]
        assert (found["sha256"], found["contentSize"]) == (entry["sha256"], str(entry["bytes"]))
    (measured,) = [
        entity for entity in map(results.entity, names(action["result"])) if entity["@type"] == "PropertyValue"
    ]
    assert measured["value"] == record["metrics"]["score"]["value"]
    assert [results.entity(name)["value"] for name in names(action["environment"])] == ["1"]


def names(references: Any) -> list[str]:
    found = references if isinstance(references, list) else [references]
    return [entity["@id"] for entity in found]


def test_the_image_of_a_container_has_its_digest(results: Results) -> None:
    record = read_json(results.record(FIRST))
    path = results.home / f"environments/{record['environment']}.json"
    image, digest = "registry.example/toy:1", "sha256:" + "a" * 64
    write_json(path, read_json(path) | {"container": {"kind": "podman", "image": image, "digest": digest}})
    results.describe()
    (reference,) = names(results.entity(f"#experiment/{record['key']}")["containerImage"])
    entity = results.entity(reference)
    assert (entity["@type"], entity["name"], entity["sha256"]) == ("ContainerImage", image, "a" * 64)


def test_the_checksums_are_those_of_the_files(results: Results) -> None:
    done = subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=results.study, check=False)
    assert done.returncode == 0
    listed = {line.partition("  ")[2] for line in (results.study / "SHA256SUMS").read_text().splitlines()}
    assert {"ro-crate-metadata.json", "results.csv", "applications/toy/toy.py", "project/Snakefile"} <= listed


def test_very_many_experiments_are_one_data_set_each(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    small = len(results.crate())
    monkeypatch.setattr(packages, "MANY", 3)
    results.describe()
    assert len(results.crate()) < small
    action = results.entity(f"#experiment/{read_json(results.record(FIRST))['key']}")
    assert names(action["result"]) == [f"experiments/local/{FIRST}/"]
    folder = results.study / "experiments/local" / FIRST
    lines = [
        line.replace(f"experiments/local/{FIRST}/", "")
        for line in (results.study / "SHA256SUMS").read_text().splitlines()
        if f"/{FIRST}/" in line
    ]
    told = "".join(f"{line}\n" for line in sorted(lines, key=lambda line: line.split("  ")[1]))
    done = subprocess.run(["sha256sum", "--check", "--quiet"], cwd=folder, input=told, text=True, check=False)
    assert done.returncode == 0
    manifest = subprocess.run(["sha256sum"], input=told, text=True, capture_output=True, check=True)
    assert manifest.stdout.split()[0] == results.entity(f"experiments/local/{FIRST}/")["sha256"]


def test_every_column_has_a_type_a_meaning_and_its_unit(results: Results) -> None:
    package = read_json(results.study / "datapackage.json")
    fields = {field["name"]: field for field in package["resources"][0]["schema"]["fields"]}
    with (results.study / "results.csv").open(newline="") as file:
        assert list(fields) == next(csv.reader(file))
    assert fields["seconds"] | {"description": ""} == {
        "name": "seconds",
        "type": "number",
        "title": "Seconds",
        "description": "",
        "unit": "s",
    }
    assert fields["size"]["constraints"] == {"minimum": 1}
    assert fields["score"]["description"] == "A number that follows from the parameters alone"
    assert [resource["name"].partition("-")[0] for resource in package["resources"][1:3]] == ["history", "telemetry"]


def test_the_prepared_data_have_a_document_beside_them(results: Results) -> None:
    (found,) = results.home.glob("stages/toy/*/croissant.json")
    (file,) = read_json(found)["distribution"]
    assert (found.parent / file["contentUrl"]).name == "numbers.json"


@pytest.mark.parametrize("files", [None, 7, [1], [{"path": 1}], [{"path": "gone", "sha256": "0" * 64, "bytes": 1}]])
def test_a_broken_commit_of_a_stage_is_named_and_the_rest_builds(results: Results, files: Any) -> None:
    (marker,) = (results.study / "stages").iterdir()
    write_json(marker, read_json(marker) | {"files": files})
    described = results.describe()
    assert described
    problems = described.package.inventory.problems
    assert all(problem.startswith(f"stage {marker.stem}: ") for problem in problems)
    assert bool(problems) == bool(isinstance(files, list))


@pytest.mark.parametrize("broken", ["{", "[]", '{"fingerprint": 1}'])
def test_a_broken_record_is_named_and_the_rest_builds(results: Results, broken: str) -> None:
    text = broken
    if broken.startswith('{"'):
        record = read_json(results.record(FIRST))
        text = json.dumps(record | {"metrics": {"score": "no"}})
    results.record(FIRST).write_text(text)
    described = results.describe()
    assert described
    assert [
        problem for problem in described.package.inventory.problems if FIRST in problem
    ] or "fingerprint" not in text
    assert "3 experiments with Toy 1 over value and repeat. 1 more without" in results.entity("./")["description"]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"path": "attempts/1/gone.csv", "sha256": "0" * 64, "bytes": 1}, "attempts/1/gone.csv is missing"),
        ({"path": "../../../../plan.json", "sha256": "0" * 64, "bytes": 1}, "lies outside of its folder"),
        ({"path": "/etc/passwd", "sha256": "0" * 64, "bytes": 1}, "lies outside of its folder"),
        ({"path": "attempts/1/job.log", "sha256": "0" * 64, "bytes": 1}, "differs in size from the record"),
        ({"path": "attempts/1/job.log"}, "an entry of its list of files cannot be read"),
        ("attempts/1/job.log", "an entry of its list of files cannot be read"),
    ],
)
def test_a_file_that_is_not_as_recorded_is_named_and_left_out(results: Results, entry: Any, said: str) -> None:
    record = read_json(results.record(FIRST))
    others = [file for file in record["files"] if file["path"] != "attempts/1/job.log"]
    write_json(results.record(FIRST), record | {"files": [*others, entry]})
    described = results.describe()
    assert described
    (problem,) = described.package.inventory.problems
    assert problem.startswith(f"{FIRST} on local: ")
    assert said in problem
    assert f"experiments/local/{FIRST}/attempts/1/job.log" not in {entity["@id"] for entity in results.crate()}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_stands_in_a_record_the_rest_builds(spoilt: Results, where: st.DataObject) -> None:
    good = read_json(spoilt.record(FIRST))
    others = [path for path in spoilt.record(FIRST).parent.iterdir() if path != spoilt.record(FIRST)]
    write_json(spoilt.record(FIRST), spoil(good, where))
    try:
        assert spoilt.describe()
        assert {f"#experiment/{read_json(other)['key']}" for other in others} <= {
            entity["@id"] for entity in spoilt.crate()
        }
    finally:
        write_json(spoilt.record(FIRST), good)


@pytest.fixture(scope="session")
def spoilt(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Return a copy of the results whose records may be spoilt, if they are mended afterwards."""
    place = tmp_path_factory.mktemp("spoilt-records") / "results"
    shutil.copytree(finished, place)
    return Results(place)


def test_without_a_result_there_is_no_document(results: Results) -> None:
    for path in (*results.study.glob("records/*/*"), *results.study.glob("experiments/*/*/commit.json")):
        path.unlink()
    assert results.describe() is None
    assert [name for name in DOCUMENTS if (results.study / name).exists()] == []


def test_a_folder_that_is_gone_is_named_once_and_its_record_stays(results: Results) -> None:
    shutil.rmtree(results.study / "experiments/local" / FIRST)
    described = results.describe()
    assert described
    assert described.package.inventory.problems == [
        f"{FIRST} on local: its folder is gone, with all that its record lists"
    ]
    assert results.entity(f"records/local/{FIRST}.json")


def test_what_is_hostile_stays_text_in_every_document(tmp_path: Path) -> None:
    folder = hostile_study(tmp_path / "results")
    study = load_study(folder.results, folder.study)
    frame = table(study)
    write_csv(frame, folder.folder / "results.csv")
    assert describe(study, frame)
    preview = (folder.folder / "ro-crate-preview.html").read_text()
    assert "<img" not in preview
    assert "<script" not in preview
    assert "&lt;img src=x" in preview
    readme = re.sub(r"\\(.)", "", (folder.folder / "README.md").read_text())
    assert "<img" not in readme
    assert "\n# no" not in readme
    for name in ("ro-crate-metadata.json", "croissant.json", "datapackage.json", "datacite.json"):
        assert HOSTILE in str(read_json(folder.folder / name)) or repr(HOSTILE)[1:-1] in str(
            read_json(folder.folder / name)
        )


def test_a_formula_is_no_formula_in_the_table(tmp_path: Path) -> None:
    formula = "=cmd|' /C calc'!A0"
    folder = Folder(tmp_path / "results")
    folder.application["parameters"]["text"] = {"type": "string", "default": "", "enum": [formula, "x"]}
    for text in (formula, "x"):
        folder.finish(folder.add(text=text), {"accuracy": 0.5})
    write_csv(table(load_study(folder.results, "quick")), folder.folder / "results.csv")
    with (folder.folder / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == [f"'{formula}", "x"]


@pytest.mark.parametrize(
    ("name", "given", "family"),
    [
        ("Ada Example", "Ada", "Example"),
        ("Gregor von Laszewski", "Gregor", "von Laszewski"),
        ("Ludwig van der Rohe", "Ludwig", "van der Rohe"),
        ("Garcia Lopez, Maria", "Maria", "Garcia Lopez"),
        ("Plato", "", "Plato"),
    ],
)
def test_a_name_has_its_parts(name: str, given: str, family: str) -> None:
    assert (Person(name).given, Person(name).family) == (given, family)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"authors": []}, "publisher.authors"),
        ({"authors": [{"name": "Ada Example", "affiliation": "X"}]}, "publisher.authors[0].orcid"),
        ({"authors": [{"name": "Ada Example", "orcid": "1", "affiliation": "X"}]}, "publisher.authors[0].orcid"),
        ({"authors": [{"name": "A B", "orcid": "0000-0002-1825-0097"}]}, "publisher.authors[0].affiliation"),
        ({"licence": ""}, "publisher.licence"),
        ({"licence": "free for all"}, "publisher.licence"),
        ({"organisation": ""}, "publisher.organisation"),
        ({"access": ""}, "publisher.access"),
    ],
)
def test_what_is_missing_is_asked_for_by_name(change: dict[str, Any], key: str) -> None:
    asked = [line.partition(":")[0] for line in Owner(PUBLISHER | change, "sweep").missing()]
    assert key in asked
    assert Owner(PUBLISHER, "sweep").missing() == []


def test_code_that_is_not_there_is_missed(results: Results) -> None:
    for folder in (results.home / "applications", results.study / "applications"):
        shutil.rmtree(folder)
    described = results.describe()
    assert described
    assert "applications/toy: its code; call `fairmesh crate` on a computer that has it" in described.missing


def test_codemeta_is_as_the_project_is_now() -> None:
    from fairmesh.fair.codemeta import CODEMETA, codemeta  # noqa: PLC0415

    assert read_json(ROOT / CODEMETA) == codemeta(ROOT), "run `make docs`"


@pytest.mark.parametrize(
    ("author", "zenodo_name", "creator", "cff"),
    [
        (
            {"name": "The Anh Nguyen", "orcid": "orcid.org/0000000218250097"},
            "Nguyen, The Anh",
            {"nameType": "Personal", "givenName": "The Anh", "familyName": "Nguyen"},
            {"given-names": "The Anh", "family-names": "Nguyen", "orcid": "https://orcid.org/0000-0002-1825-0097"},
        ),
        ({"name": "Suharto"}, "Suharto", {"name": "Suharto", "nameType": "Personal"}, {"family-names": "Suharto"}),
        (
            {"name": "Climate Lab", "ror": "0153tk833"},
            "Climate Lab",
            {"name": "Climate Lab", "nameType": "Organizational"},
            {"name": "Climate Lab", "website": "https://ror.org/0153tk833"},
        ),
        (
            {"name": "The developers", "type": "organisation"},
            "The developers",
            {"name": "The developers", "nameType": "Organizational"},
            {"name": "The developers"},
        ),
    ],
)
def test_an_author_is_a_person_unless_it_is_stated_otherwise(
    author: dict[str, str], zenodo_name: str, creator: dict[str, str], cff: dict[str, str], results: Results
) -> None:
    results.publisher(authors=[author])
    described = results.describe()
    assert described
    assert zenodo(described.package)["creators"][0]["name"] == zenodo_name
    found = datacite(described.package)["creators"][0]
    assert found | creator == found
    assert ("familyName" in found) == ("familyName" in creator)
    assert schema.load_yaml(results.study / "CITATION.cff").plain()["authors"] == [cff]
    assert ("0000-0002-1825-0097" in json.dumps(results.crate())) == ("orcid" in author)


def test_the_first_day_of_publication_stays_and_a_change_of_results_has_its_own(results: Results) -> None:
    write_json(results.study / "publication.json", {"first": "2025-01-31", "latest": "2025-01-31", "version": ""})
    today = datetime.now(UTC).date().isoformat()
    for _ in range(2):
        described = results.describe()
        assert described
        root = results.entity("./")
        assert (root["datePublished"], root["dateModified"]) == ("2025-01-31", today)
        ended = max(read_json(path)["ended"] for path in results.study.glob("records/local/*.json"))
        assert root["dateCreated"] == ended[:10]
        cited = datacite(described.package)
        assert cited["publicationYear"] == "2025"
        assert {"date": today, "dateType": "Updated"} in cited["dates"]
        assert str(schema.load_yaml(results.study / "CITATION.cff").plain()["date-released"]) == today
        croissant = read_json(results.study / "croissant.json")
        assert (croissant["datePublished"], croissant["dateModified"]) == ("2025-01-31", today)


def test_a_first_publication_is_of_today_and_was_not_modified(results: Results) -> None:
    (results.study / "publication.json").unlink()
    results.describe()
    assert results.entity("./")["datePublished"] == datetime.now(UTC).date().isoformat()
    assert "dateModified" not in results.entity("./")


@pytest.mark.parametrize(
    ("state", "selected", "status"),
    [
        ("failed", True, "Failed"),
        ("cancelled", True, "Failed"),
        ("waiting", True, "Active"),
        ("waiting", False, "Completed"),
    ],
)
def test_the_run_is_said_to_have_ended_as_it_did(results: Results, state: str, selected: bool, status: str) -> None:
    plan = read_json(results.study / "plan.json")
    (point,) = [point for point in plan["experiments"] if point["id"] == FIRST]
    point["selected"] = selected
    write_json(results.study / "plan.json", plan)
    results.forget(FIRST)
    folder = results.study / f"experiments/local/{FIRST}"
    if state == "waiting":
        for name in ("attempts", "claims"):
            shutil.rmtree(folder / name)
    else:
        path = folder / "attempts/1/status.json"
        write_json(path, read_json(path) | {"state": state, "reason": "why"})
    if state == "running":
        write_json(folder / "claims/1", owner.current_process())
    assert results.describe()
    for name in ("#run", "#organize"):
        assert results.entity(name)["actionStatus"] == f"http://schema.org/{status}ActionStatus"
        assert ("endTime" in results.entity(name)) == (status != "Active")
    error = "1 of 4 experiments ended without a result" if status == "Failed" else None
    assert results.entity("#run").get("error") == error


def test_the_engine_has_a_version_where_no_run_of_it_and_no_environment_of_a_job_says_it(results: Results) -> None:
    for path in (results.study / "environments").glob("*.json"):
        found = read_json(path)
        found["python"]["packages"].pop("snakemake", None)
        path.unlink()
        write_json(path, found)
    results.describe()
    assert results.entity("https://snakemake.github.io/")["softwareVersion"] == version("snakemake")
