"""The real CloudMask through the real workflow, in about a minute: the quick study on smaller scenes."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from importlib.metadata import version

import pytest

from fairmesh import schema
from fairmesh.fair import validators
from tests.e2e.workplace import ROOT, Workplace
from tests.fair.conftest import PUBLISHER
from tests.needs import note_component

pytestmark = pytest.mark.e2e
QUICK = ROOT / "config/studies/quick.yaml"
SMALLER = {"epochs": [1, 2], "learning_rate": 0.003, "width": 4, "patch": 64, "rows": 300, "columns": 375}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """Yield a workplace in which a small study of CloudMask was run."""
    place = Workplace(tmp_path_factory.mktemp("small"))
    place.configure(study="./study.yaml", publisher=PUBLISHER)
    study = schema.load_yaml(QUICK).plain()
    assert isinstance(study, dict)
    parameters = study["parameters"] | SMALLER | {"scenes_train": 6, "scenes_test": 4}
    (place.folder / "study.yaml").write_text(
        schema.dump_yaml(study | {"measure": "shared", "repeat": 1, "parameters": parameters})
    )
    note_component(f"TensorFlow {version('tensorflow-cpu')}")
    assert "website: site/public/index.html" in place.run()
    yield place
    place.end()


def test_every_experiment_is_done_with_its_metrics(small: Workplace) -> None:
    with (small.results / "quick/results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["epochs"], row["state"]) for row in rows] == [("1", "done"), ("2", "done")]
    for row in rows:
        assert 0.5 < float(row["accuracy"]) < 1
        assert math.isfinite(float(row["val_accuracy"]))
    for path in (small.results / "quick/records/local").iterdir():
        assert {"threshold", "boosting"} <= json.loads(path.read_text())["baselines"].keys()


def test_the_documents_are_valid_and_a_second_run_has_nothing_to_do(small: Workplace) -> None:
    assert "experiments have results" in small.run()
    assert validators.validate(small.results / "quick") == {name: [] for name in validators.VALIDATORS}


def test_the_website_shows_every_experiment(small: Workplace) -> None:
    site = small.folder / "site/public/studies/quick"
    table = (site / "experiments.js").read_text()
    keys = [
        json.loads(path.read_text())["key"] for path in small.results.glob("quick/experiments/local/*/experiment.json")
    ]
    assert len(keys) == 2
    for key in keys:
        assert key in table
        assert (site / f"experiments/{key}/index.html").is_file()
