"""The layers of fairmesh: an import goes down only, and never in a circle."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from fairmesh.reference.architecture import TRAVELING, imported_names, module_name, violations

ROOT = Path(__file__).parent.parent


def test_every_import_goes_down() -> None:
    assert violations(ROOT / "fairmesh") == []


@pytest.mark.parametrize(
    ("file", "line", "fault"),
    [
        ("results/load.py", "import fairmesh.site", "fairmesh.results.load imports fairmesh.site"),
        ("study/load.py", "from fairmesh.jobs import lookup", "fairmesh.study.load imports fairmesh.jobs.lookup"),
        ("files.py", "from fairmesh import cli", "fairmesh.files imports fairmesh.cli"),
        ("runner/owner.py", "from fairmesh import files", "fairmesh.runner.owner imports fairmesh.files"),
        ("new.py", "", "new is in none of the LAYERS"),
        ("errors.py", "def f():\n    from fairmesh import files", "circle: "),
    ],
)
def test_a_planted_fault_is_found(tmp_path: Path, file: str, line: str, fault: str) -> None:
    package = tmp_path / "fairmesh"
    shutil.copytree(ROOT / "fairmesh", package, ignore=shutil.ignore_patterns("__pycache__"))
    with (package / file).open("a") as code:
        code.write(f"\n{line}\n")
    assert any(violation.startswith(fault) for violation in violations(package))


def test_the_application_and_the_framework_know_nothing_of_each_other() -> None:
    for package, other in (("cloudmask", "fairmesh"), ("fairmesh", "cloudmask")):
        for path in (ROOT / package).rglob("*.py"):
            names = imported_names(path, module_name(path, ROOT / package))
            assert other not in {name.split(".")[0] for name in names}, path


def test_what_travels_imports_the_standard_library_alone() -> None:
    for path in (path for package in TRAVELING for path in (ROOT / "fairmesh" / package).rglob("*.py")):
        for name in imported_names(path, module_name(path, ROOT / "fairmesh")):
            assert name.split(".")[0] in {*sys.stdlib_module_names, "fairmesh"}, f"{path}: {name}"
