"""What tests need of the computer, and which real components they drive."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_components: dict[str, None] = {}


def must_have(there: object, missing: str) -> None:
    """Skip a test where something is missing, with the reason; in continuous integration that is an error."""
    if there:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{missing}; in continuous integration this is an error")
    pytest.skip(missing)


def note_component(name: str) -> None:
    """Note a real component with its version, as "Snakemake 9.27"; the report of the tests lists each once."""
    _components[name] = None


def noted_components() -> list[str]:
    """Return the components that were noted in this process."""
    return list(_components)


OLD_PYTHONS = ("3.6", "3.7", "3.8", "3.9", "3.10")


def oldest_python() -> str:
    """Return the oldest Python from 3.6 here, in the path or of pyenv; skip the test if there is none before 3.11."""
    for version in OLD_PYTHONS:
        for program in _programs(version):
            code = "import sys; print('%d.%d' % sys.version_info[:2])"
            done = subprocess.run([program, "-c", code], capture_output=True, text=True, check=False)
            if done.stdout.strip() == version:
                note_component(f"Python {version} on the machine")
                return program
    pytest.skip("no Python from 3.6 to 3.10 here: machines with an old Python are not tested")


def _programs(version: str) -> Iterator[str]:
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(root.glob(f"versions/{version}.*/bin/python3")))
    if program := shutil.which(f"python{version}"):
        yield program
