"""A repository with one small application, into which tests write studies."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fairmesh.errors import InputError
from fairmesh.study import Plan, load_plan

DATA = Path(__file__).parent / "data"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(DATA / "sums", tmp_path / "sums")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def plan(root: Path) -> Callable[[str], Plan]:
    """Plan a study given by the lines after its name and application."""

    def of(text: str) -> Plan:
        path = root / "study.yaml"
        path.write_text(f"study: study\napplication: sums\n{text}")
        return load_plan(path, root, "local")

    return of


@pytest.fixture
def mistakes(plan: Callable[[str], Plan]) -> Callable[[str], list[str]]:
    """Return the lines that a study is refused with, the file's name left off."""

    def of(text: str) -> list[str]:
        with pytest.raises(InputError) as caught:
            plan(text)
        return [line.removeprefix("study.yaml:") for line in str(caught.value).splitlines()]

    return of
