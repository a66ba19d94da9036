"""A working folder: a project with the toy, two studies with results, and profiles."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.results.builder import build

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build results once: drawing their pictures takes seconds."""
    results = tmp_path_factory.mktemp("built") / "results"
    build(results)
    build(results, "more", (4, 16))
    return results


@pytest.fixture
def project(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project's folder, in which the test is."""
    for name in ("config", "profiles", "workflow/templates", "examples/progress", "tests/toy"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copytree(built, tmp_path / "results")
    (tmp_path / "Snakefile").touch()
    for study in (tmp_path / "config/studies").glob("*.yaml"):
        study.unlink()
    (tmp_path / "config/studies/sweep.yaml").write_text(
        "# A remark.\nstudy: sweep\ntitle: A sweep  # for tests\napplication: toy\nmeasure: shared\n"
        "parameters: {value: [1, 2], seconds: 0}\nrepeat: 2\n"
    )
    (tmp_path / "config/studies/quick.yaml").write_text("study: quick\napplication: toy\n")
    (tmp_path / "config/config.yaml").write_text("study: quick\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path
