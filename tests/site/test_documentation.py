"""What the documentation shows is what works."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fairmesh.study import load_plan
from fairmesh.study.machines import load_machines
from fairmesh.study.settings import load_config
from tests.e2e.workplace import RECORDS_ONLY, ROOT, Workplace

_BLOCK = re.compile(r"```(?:python|yaml)\n(.*?)```", re.DOTALL)
_FILE = re.compile(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)```", re.DOTALL | re.MULTILINE)


def test_the_study_of_the_reference_is_a_study(tmp_path: Path) -> None:
    found = _BLOCK.search((ROOT / "site/docs" / "reference" / "study.md").read_text(encoding="utf-8"))
    assert found
    (tmp_path / "quick.yaml").write_text(found[1])
    plan = load_plan(tmp_path / "quick.yaml", ROOT, "local")
    assert [point.axes for point in plan.experiments] == [
        {"epochs": 4, "width": 8, "repeat": repeat} for repeat in (1, 2)
    ]


_COUNTED = re.compile(r"```yaml\n(.*?)```\n\n\*\*(\d+) experiments\*\*", re.DOTALL)


def test_the_studies_of_the_reference_have_as_many_experiments_as_it_says(tmp_path: Path) -> None:
    text = (ROOT / "site/docs" / "reference" / "study.md").read_text(encoding="utf-8")
    found = _COUNTED.findall(text)
    assert len(found) == text.count("```yaml") > 10
    for block, count in found:
        head = "" if "study:" in block else "study: example\napplication: cloudmask\n"
        (tmp_path / "example.yaml").write_text(head + block, encoding="utf-8")
        plan = load_plan(tmp_path / "example.yaml", ROOT, "local")
        assert len(plan.experiments) == int(count), block
        assert plan.warnings == [], block


def test_the_application_of_the_reference_has_the_stages_that_it_draws(tmp_path: Path) -> None:
    found = _BLOCK.search((ROOT / "site/docs" / "reference" / "application.md").read_text(encoding="utf-8"))
    assert found
    (tmp_path / "weather").mkdir()
    (tmp_path / "weather" / "application.yaml").write_text(found[1], encoding="utf-8")
    study = "study: grids\napplication: weather\nparameters: {grid: [5, 10, 20], steps: '[1-10]'}\n"
    (tmp_path / "grids.yaml").write_text(study, encoding="utf-8")
    plan = load_plan(tmp_path / "grids.yaml", tmp_path, "local")
    assert len(plan.experiments) == 30
    names = [stage.name for stage in plan.stages.values()]
    assert {name: names.count(name) for name in names} == {"observations": 1, "terrain": 3, "model": 3}


@pytest.mark.parametrize(("page", "load"), [("machines", load_machines), ("config", load_config)])
def test_the_other_files_of_the_reference_are_right(tmp_path: Path, page: str, load: Callable[[Path], object]) -> None:
    found = _BLOCK.search((ROOT / "site/docs" / "reference" / f"{page}.md").read_text(encoding="utf-8"))
    assert found
    (tmp_path / "file.yaml").write_text(found[1], encoding="utf-8")
    load(tmp_path / "file.yaml")


@pytest.mark.e2e
@pytest.mark.parametrize(("name", "program", "count"), [("pi", "pi.py", 9), ("primes", "primes.c", 12)])
def test_the_applications_of_the_how_to_run(tmp_path: Path, name: str, program: str, count: int) -> None:
    files = dict(_FILE.findall((ROOT / "site/docs" / "how-to" / "add-application.md").read_text(encoding="utf-8")))
    own = [f"examples/{name}/{program}", f"examples/{name}/application.yaml", f"config/studies/{name}.yaml"]
    workplace = Workplace(tmp_path)
    for path in own:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(files[path].replace(f"application: {name}", f"application: ../../examples/{name}"))
    workplace.configure(study=f"./config/studies/{name}.yaml")
    workplace.run(*RECORDS_ONLY)
    assert len(list((workplace.results / name / "records" / "local").glob("*.json"))) == count
