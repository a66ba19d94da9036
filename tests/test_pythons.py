"""The versions of Python that are tested are the ones that are named everywhere; another environment is refused."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
CLASSIFIER = "Programming Language :: Python :: "


def versions() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [name.removeprefix(CLASSIFIER) for name in project["classifiers"] if name.startswith(CLASSIFIER)]


def test_the_same_versions_are_named_everywhere() -> None:
    known = versions()
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    assert jobs["unit"]["strategy"]["matrix"]["python"] == known
    for file in ("README.md", "site/docs/tutorial/first-study.md", "site/docs/how-to/when-something-is-wrong.md"):
        assert f"Python {', '.join(known[:-1])} or {known[-1]}" in (ROOT / file).read_text(), file
    assert f"Python {known[0]} to {known[-1]}" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize(
    ("has", "arguments", "message"),
    [
        ("3.99", ["PYTHON=./other"], ".venv: has Python 3.99, and ./other is 3.98: make clean, then again"),
        ("3.98", ["PYTHON=./other"], ""),
        ("3.99", [], ""),
        ("", [], ".venv: its Python is gone: make clean, then again"),
        (None, ["PYTHON=./other"], ""),
    ],
)
def test_an_environment_of_another_python_is_refused_in_one_line(
    tmp_path: Path, has: str | None, arguments: list[str], message: str
) -> None:
    program(tmp_path / "other", "3.98")
    if has is not None:
        (tmp_path / ".venv/bin").mkdir(parents=True)
        (tmp_path / ".venv/pyvenv.cfg").touch()
        program(tmp_path / ".venv/bin/python", has)
    command = ["make", "-f", ROOT / "Makefile", "right-python", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if not re.match(r"make(\[\d+\])?: ", line)]
    assert said == [message] * bool(message)
    assert (done.returncode == 0) is not bool(message)


def program(path: Path, version: str) -> None:
    path.write_text(f"#!/bin/sh\n[ -n '{version}' ] && echo {version}\n")
    path.chmod(0o755)
