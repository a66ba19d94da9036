"""One bad file takes no other with it: whatever is wrong with it, every reader goes on, or says so in a clear line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairmesh.cli import main
from fairmesh.files import write_json
from fairmesh.results import load_study
from fairmesh.site.build import load_views
from fairmesh.site.pages import Omissions
from tests.readers.spoilt import (
    DEEP,
    DELETE,
    RAW,
    READERS,
    WHOLE,
    WRONG,
    failure,
    make_folder,
    make_pipe,
    places,
    spoil,
)
from tests.results.builder import build

KINDS = {
    "plan": "quick/plan.json",
    "record": "quick/records/local/epochs=2+width=8+repeat=1.json",
    "status": "quick/experiments/local/epochs=2+width=8+repeat=2/attempts/1/status.json",
    "status of a failed one": "quick/experiments/local/epochs=4+width=8+repeat=2/attempts/1/status.json",
    "experiment": "quick/experiments/local/epochs=2+width=8+repeat=1/experiment.json",
    "run": "quick/runs/this-run/run.json",
    "environment": "environments/*.json",
}
QUICK = [name for name in READERS if name not in {"pages", "crate"}]  # charts take seconds
RUN = {"uuid": "this-run", "started": "2026-11-20T10:00:00.000Z", "ended": None, "owner": {"host": "h", "pid": 3}}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return results of two studies in a working folder."""
    place = tmp_path_factory.mktemp("spoilt")
    built = build(place / "results", epochs=(2, 4))
    build(place / "results", "other", (2,))
    write_json(built.folder / "runs/this-run/run.json", RUN)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("PATH", "")
        yield place / "results"


def found(results: Path, kind: str) -> Path:
    return next(results.glob(KINDS[kind]))


def failures(results: Path, tmp_path: Path) -> dict[str, str]:
    said = {name: failure(name, results, tmp_path) for name in QUICK}
    return {name: text for name, text in said.items() if text}


def put_back(path: Path, data: bytes) -> None:
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.write_bytes(data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_no_json_file_stops_no_reader(results: Path, tmp_path: Path, kind: str) -> None:
    path = found(results, kind)
    data = path.read_bytes()
    try:
        for text in WHOLE:
            path.write_text(text, encoding="latin-1")
            assert failures(results, tmp_path) == {}, text[:20]
        for make in (make_pipe, make_folder):
            put_back(path, data)
            make(path)
            assert failures(results, tmp_path) == {}, make
    finally:
        put_back(path, data)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_value_of_the_wrong_kind_stops_no_reader(
    results: Path, tmp_path: Path, kind: str, data: st.DataObject
) -> None:
    path = found(results, kind)
    before = path.read_bytes()
    place = data.draw(st.sampled_from([path for path in places(json.loads(before)) if path]))
    new, raw = data.draw(
        st.sampled_from([*((value, "") for value in [DELETE, *WRONG]), *((None, text) for text in RAW)])
    )
    try:
        spoil(path, place, new, raw)
        assert failures(results, tmp_path) == {}
    finally:
        put_back(path, before)


def test_a_bad_record_is_named_by_every_verb_and_the_rest_is_shown(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = found(results, "record")
    data = path.read_bytes()
    line = f"{path}: cannot be read: nested too deeply; left out"
    try:
        path.write_text(DEEP)
        for words in (["status"], ["results"], ["results", "--csv", "--all"], ["compare", str(results / "other")]):
            code = main([*words, str(results / "quick")])
            said = capsys.readouterr()
            assert line in said.err.splitlines(), words
            assert said.out, words
            assert code == 1, words
        study = load_study(results, "quick")
        assert len(study.done) == 5
        assert study.problems == [line]
    finally:
        put_back(path, data)


def test_a_broken_plan_takes_no_other_study_with_it(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = found(results, "plan")
    data = path.read_bytes()
    try:
        path.write_text(DEEP)
        for verb in ("status", "results"):
            assert main([verb, str(results)]) == 1
            said = capsys.readouterr()
            assert said.err == f"{path}: cannot be read: nested too deeply\n"
            assert "other" in said.out
        omissions = Omissions()
        assert [view.study.name for view in load_views(results, omissions)] == ["other"]
        assert omissions.studies == {"quick": f"{path}: cannot be read: nested too deeply"}
    finally:
        put_back(path, data)
