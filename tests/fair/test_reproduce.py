"""A result measured again: from a copy of a crate in an empty folder, from an experiment, from a record."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fairmesh import cli
from fairmesh.files import read_json, write_json
from tests.fair.conftest import Results

FIRST = "size=4+value=1+repeat=1"
BEST = "size=4+value=3+repeat=1"


def reproduce(*arguments: str) -> int:
    return cli.main(["reproduce", *arguments, "--yes"])


@pytest.fixture
def changed(crate: Path) -> Path:
    """Take away what says that the files of the crate are as they were."""
    (crate / "SHA256SUMS").unlink()
    return crate


@pytest.fixture
def crate(results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy what the checksums name into an empty folder, and take everything else away."""
    for line in [*(results.study / "SHA256SUMS").read_text().splitlines(), "-  SHA256SUMS"]:
        path = line.partition("  ")[2]
        (tmp_path / "empty/crate" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(results.study / path, tmp_path / "empty/crate" / path)
    shutil.rmtree(results.home)
    monkeypatch.chdir(tmp_path / "empty")
    return tmp_path / "empty/crate"


def test_the_best_of_a_crate_agrees(crate: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert reproduce("crate") == 0
    out = capfd.readouterr().out
    assert out.startswith("value=3 #1 on local, recorded ")
    assert "agrees, the same number\nthe results agree\n" in out
    assert not (crate / "runner.pyz").exists()


def test_a_file_in_the_way_is_wrong_input(crate: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (crate.parent / "taken").write_text("mine\n")
    assert reproduce("crate", "--to", "taken") == 2
    assert capfd.readouterr().err == "--to: taken is a file, not a folder\n"
    assert (crate.parent / "taken").read_text() == "mine\n"


def test_with_another_seed_it_says_that_it_does_not(crate: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert reproduce("crate", "--experiment", FIRST, "--set", "seed=7") == 1
    out = capfd.readouterr().out
    assert "changed: seed = 7, recorded with 1\n" in out
    assert "differs, by " in out
    assert "the results do not agree: 1 of 1 metrics differ\n" in out


def test_within_a_stated_tolerance_it_does_agree(changed: Path) -> None:
    plan = read_json(changed / "plan.json")
    plan["application"]["metrics"]["score"]["tolerance"] = 0.01
    write_json(changed / "plan.json", plan)
    assert reproduce("crate", "--set", "seed=7") == 0


def test_a_recorded_number_that_is_not_so_is_found(changed: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = changed / f"records/local/{FIRST}.json"
    write_json(path, read_json(path) | {"metrics": {"score": {"value": 7, "low": None, "high": None}}})
    assert reproduce(str(path), "--json") == 1
    told = json.loads(capfd.readouterr().out)
    assert (told["experiment"], told["agrees"], told["metrics"][0]["state"]) == (FIRST, False, "differs")


def test_the_folder_of_an_experiment_will_do(crate: Path) -> None:
    assert reproduce(f"crate/experiments/local/{FIRST}") == 0
    record = next(Path("reproduction/run").glob("sweep/experiments/*/*/commit.json"))
    assert read_json(record)["fingerprint"] == read_json(crate / f"records/local/{FIRST}.json")["fingerprint"]


def test_the_settings_of_threads_are_those_of_then(crate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    assert reproduce("crate") == 0
    (environment,) = Path("reproduction/run/environments").glob("[!.]*.json")
    assert read_json(environment)["variables"]["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["crate", "--experiment", "size=4+value=1+repeat=9"], 2, "repeat has 1, 2"),
        (["crate/results.csv"], 2, "no result that can be reproduced"),
        (["nowhere"], 2, "no result that can be reproduced"),
        (["crate", "--set", "speed=7"], 2, "speed"),
        (["crate", "--set", "seed=7,8"], 2, "one value each, not 2 experiments"),
        (["crate", "--set", "behaviour=exit"], 1, "ended without a result"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    crate: Path, arguments: list[str], status: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert reproduce(*arguments) == status
    err = capfd.readouterr().err
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize("setting", ["seed=x", "seed=7,8", "speed=7", "value="])
def test_of_a_wrong_setting_nothing_is_left(crate: Path, setting: str) -> None:
    assert reproduce("crate", "--to", "deep/down", "--set", setting) == 2
    assert [path.name for path in Path.cwd().iterdir()] == ["crate"]


def test_each_reproduction_measures_in_a_folder_of_its_own(crate: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert reproduce("crate") == 0
    before = {path: path.read_bytes() for path in Path("reproduction").rglob("*") if path.is_file()}
    assert reproduce("crate", "--experiment", FIRST, "--set", "seed=x") == 2
    capfd.readouterr()
    assert reproduce("crate") == 0
    out = capfd.readouterr().out
    assert "these commands will run in reproduction-2, " in out
    assert "2 done, 0 failed, 0 done before, of 2" in out
    assert f"[2/2] {out.partition(' on ')[0]}\n" in out, "the recorded name"
    assert reproduce("crate", "--to", "reproduction") == 2
    assert capfd.readouterr().err == ("--to: reproduction already holds a reproduction; name another folder\n")
    assert {path: path.read_bytes() for path in Path("reproduction").rglob("*") if path.is_file()} == before


def test_what_runs_and_what_differs_is_shown_and_not_run_unasked(
    crate: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (environment,) = (crate / "environments").glob("*.json")
    known = read_json(environment)
    (crate / "SHA256SUMS").unlink()
    write_json(environment, known | {"processor": known["processor"] | {"name": "Abacus 3"}})
    assert cli.main(["reproduce", "crate"]) == 2
    out, err = capfd.readouterr()
    assert "crate has no SHA256SUMS: nothing says whether" in out
    assert "these commands will run in reproduction, with your permissions:\n  " in out
    assert 'toy.py" measure' in out
    assert "this computer differs in " in out
    assert "  processor: Abacus 3 then, " in out
    assert err == "there is no terminal to ask for confirmation; --yes gives it\n"
    assert [path.name for path in Path.cwd().iterdir()] == ["crate"]


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("", 1), ("no", 1)])
def test_a_person_is_asked(crate: Path, answer: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = io.StringIO(f"{answer}\n")
    monkeypatch.setattr(typed, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", typed)
    assert cli.main(["reproduce", "crate"]) == status
    assert Path("reproduction").exists() == (not status)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda crate: (crate / "applications/toy/toy.py").write_text("print(1)\n"), "toy.py: not as SHA256SUMS says"),
        (lambda crate: (crate / "applications/toy/sitecustomize.py").write_text(""), "sitecustomize.py: not in SHA256"),
        (lambda crate: (crate / "applications/toy/toy.py").unlink(), "toy.py: missing"),
        (lambda crate: (crate / "plan.json").open("a").write(" "), "plan.json: not as SHA256SUMS says"),
        (lambda crate: (crate / f"records/local/{BEST}.json").open("a").write(" "), ".json: not as SHA256SUMS says"),
    ],
)
def test_of_a_crate_that_was_changed_nothing_runs(
    crate: Path, change: Callable[[Path], object], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    change(crate)
    assert reproduce("crate") == 1
    err = capfd.readouterr().err
    assert said in err
    assert "nothing was run: get the crate again" in err
    assert [path.name for path in Path.cwd().iterdir()] == ["crate"]


def test_where_no_metric_can_be_judged_it_is_not_said_to_agree(
    changed: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = changed / f"records/local/{BEST}.json"
    write_json(path, read_json(path) | {"metrics": {}})
    assert reproduce(str(path)) == 0
    assert "no metric can be compared\n" in capfd.readouterr().out


def test_another_version_of_the_application_is_refused(changed: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = changed / "applications/toy/application.yaml"
    path.write_text(path.read_text().replace('version: "1"', 'version: "2"'))
    assert reproduce("crate") == 1
    assert "is not the application that was measured" in capfd.readouterr().err


def test_a_crate_without_its_application_says_so(crate: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(crate / "applications")
    assert reproduce("crate") == 2
    assert "the application toy is not in" in capfd.readouterr().err
