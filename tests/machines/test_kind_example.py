"""The worked example of "Add a kind of machine": the module on the page carries requests to the real target code."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from fairmesh.jobs.paths import StudyPaths
from fairmesh.machines.computers import Computers
from fairmesh.machines.registry import computers
from fairmesh.machines.transport import RefusedError
from fairmesh.study.machines import Machine

PAGE = Path(__file__).parents[2] / "site/docs/how-to/add-a-machine-kind.md"
KUBECTL = """#!/bin/sh
# A stand-in for kubectl exec --stdin POD -- PROGRAM...: it runs the program here.
[ "$3" = trainer ] || { echo "Error from server (NotFound): pods \"$3\" not found" >&2; exit 1; }
shift 4
exec "$@"
"""


@pytest.fixture(autouse=True)
def example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Add the module of the page to the package, and a stand-in for its program to the path."""
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code
    path = tmp_path / "pod.py"
    path.write_text(code[1])
    spec = importlib.util.spec_from_file_location("fairmesh.machines.pod", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "fairmesh.machines.pod", module)
    (tmp_path / "kubectl").write_text(KUBECTL)
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


def pod(place: Path, host: str) -> Computers:
    """Return the computers of a machine of the example's kind."""
    machine = Machine(kind="ssh", host=host, base=str(place / "base")).model_copy(update={"kind": "pod"})
    return computers("trainer", machine, StudyPaths(place / "results", "study"), place)


def test_a_request_reaches_the_pod(tmp_path: Path) -> None:
    [computer] = pod(tmp_path, "trainer").ready(1)
    assert computer.transport.call({"verb": "hello"})["base"] == str(tmp_path / "base")


def test_a_pod_that_does_not_exist_needs_a_person(tmp_path: Path) -> None:
    [computer] = pod(tmp_path, "missing").ready(1)
    with pytest.raises(RefusedError, match="trainer: there is no pod missing"):
        computer.transport.call({"verb": "hello"})
