"""The label of a state is changed in one place for all faces."""

from __future__ import annotations

import pytest

from fairmesh.api.html import status_html
from fairmesh.cli.status import overview
from fairmesh.results import load_study
from fairmesh.runner.protocol import FAILED, STATES
from fairmesh.site.tables import ExperimentTable
from fairmesh.site.view import StudyView
from fairmesh.status import read_status
from fairmesh.status.states import STATE_COLORS, STATE_LABELS
from tests.status.conftest import Study


def test_every_state_has_a_label_and_a_color() -> None:
    assert list(STATE_LABELS) == list(STATES)
    assert set(STATE_COLORS) == set(STATES)


def test_every_face_shows_the_label(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STATE_LABELS, FAILED, "went wrong")
    study.start(study.add(epochs=1), FAILED, reason="exit code 3")
    study.write_plan()
    status = read_status(study.paths)
    assert "1 went wrong" in status_html(status, "running")
    assert any(line.text.startswith("went wrong: ") for line in overview(status, 10))
    table = ExperimentTable.of(StudyView(load_study(study.results, "quick")))
    (state,) = [index for index, column in enumerate(table.columns) if column.kind == "state"]
    cells = [table.cells(outcome)[state] for outcome in table.view.study.experiments]
    assert cells[0].to_json() == ["went wrong", FAILED]


def test_a_cancelled_experiment_is_no_progress(study: Study) -> None:
    for epochs, state in enumerate(("cancelled", "cancelled", "cancelled", FAILED)):
        study.start(study.add(epochs=epochs), state, progress=50)
    study.write_plan()
    assert read_status(study.paths).progress == 0.25
