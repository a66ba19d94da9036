"""What the documentation shows is what works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fairmesh.study import load_plan
from tests.e2e.workplace import RECORDS_ONLY, ROOT, Workplace
from tests.site.conftest import PROJECT

_BLOCK = re.compile(r"```(?:python|yaml)\n(.*?)```", re.DOTALL)
_FILE = re.compile(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)```", re.DOTALL | re.MULTILINE)


def test_the_study_of_the_reference_is_a_study(tmp_path: Path) -> None:
    found = _BLOCK.search((PROJECT / "docs" / "reference" / "study.md").read_text(encoding="utf-8"))
    assert found
    (tmp_path / "quick.yaml").write_text(found[1])
    plan = load_plan(tmp_path / "quick.yaml", ROOT, "local")
    assert [point.axes for point in plan.experiments] == [
        {"epochs": 4, "width": 8, "repeat": repeat} for repeat in (1, 2)
    ]


@pytest.mark.e2e
def test_the_application_of_the_how_to_runs(tmp_path: Path) -> None:
    files = dict(_FILE.findall((PROJECT / "docs" / "how-to" / "add-application.md").read_text(encoding="utf-8")))
    assert files.keys() == {"examples/pi/pi.py", "examples/pi/application.yaml", "config/studies/pi.yaml"}
    workplace = Workplace(tmp_path)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text.replace("application: pi", "application: ../../examples/pi"))
    workplace.configure(study="./config/studies/pi.yaml")
    workplace.run(*RECORDS_ONLY)
    assert len(list((workplace.results / "pi" / "records" / "local").glob("*.json"))) == 9
