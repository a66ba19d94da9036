"""The main job as the README promises it: CloudMask's quick study, whole, and its website in a real browser."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from fairmesh import cli
from fairmesh.fair import validators
from fairmesh.fair.scorecard import score
from fairmesh.files import read_json
from tests.browsing import collect_faults, open_browser, served, wait_for_charts
from tests.e2e.workplace import Workplace
from tests.fair.conftest import CFFCONVERT, PUBLISHER
from tests.needs import note_component

pytestmark = [pytest.mark.e2e, pytest.mark.quick]
MEMORY = 4 << 30  # bytes


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Return a workplace in which the quick study was run."""
    workplace = Workplace(tmp_path_factory.mktemp("quick"))
    workplace.configure(study="quick", publisher=PUBLISHER)
    output = workplace.run()
    assert "website: site/public/index.html" in output
    note_component(f"TensorFlow {version('tensorflow-cpu')}")
    return workplace


def test_every_experiment_is_done_and_most_beat_the_threshold(quick: Workplace) -> None:
    with (quick.results / "quick/results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 8
    assert {row["state"] for row in rows} == {"done"}
    records = [json.loads(path.read_text()) for path in (quick.results / "quick/records/local").iterdir()]
    baseline = records[0]["baselines"]["threshold"]["accuracy"]
    better = [row["id"] for row in rows if float(row["accuracy"]) > baseline]
    assert len(better) > len(rows) / 2, f"the baseline has {baseline}"
    assert max(record["usage"]["peak_bytes"] for record in records) < MEMORY


def test_a_second_run_has_nothing_to_do(quick: Workplace) -> None:
    assert "experiments have results" in quick.run()


def test_every_validator_accepts_the_crate_and_no_principle_fails(quick: Workplace) -> None:
    folder = quick.results / "quick"
    assert validators.validate(folder) == {name: [] for name in validators.VALIDATORS}
    subprocess.run([CFFCONVERT, "--validate", "-i", folder / "CITATION.cff"], check=True)
    for stage in quick.results.glob("stages/cloudmask/*/croissant.json"):
        assert validators.croissant(stage.parent) == []
    assert score(folder).counts == {"met": 11, "prepared": 4, "fails": 0}


def test_a_crate_in_an_empty_folder_is_reproduced_and_with_another_seed_is_not(
    quick: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(quick.folder)
    assert cli.main(["crate", "quick", "--zip", "--out", str(tmp_path)]) == 0
    (archive,) = tmp_path.glob("*.zip")
    shutil.unpack_archive(archive, tmp_path / "empty/crate")
    monkeypatch.chdir(tmp_path / "empty")
    record = next(
        path for path in Path("crate/records/local").iterdir() if read_json(path)["parameters"]["epochs"] == 1
    )
    assert cli.main(["reproduce", str(record), "--yes"]) == 0
    assert "the results agree\n" in capfd.readouterr().out
    assert cli.main(["reproduce", str(record), "--set", "seed=7", "--yes"]) == 1
    assert "the results do not agree: " in capfd.readouterr().out


def test_the_website_opens_without_an_error_or_an_outside_request(quick: Workplace) -> None:
    site = quick.folder / "site/public"
    experiment = next(site.glob("studies/quick/experiments/*/index.html"))
    with open_browser() as browser, served(site) as address:
        page = browser.new_page()
        wrong = collect_faults(page, address)
        for path in (site / "index.html", site / "studies/quick/index.html", experiment):
            page.goto(f"{address}/{path.relative_to(site)}")
            assert wait_for_charts(page) > 0 or path.parent == site
            # Pictures further down are loaded when they come into sight; one that is broken cannot be decoded.
            page.evaluate("Promise.all([...document.images].map(i => { i.loading = 'eager'; return i.decode(); }))")
        assert wrong == []
