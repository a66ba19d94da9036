"""What the tests of the target share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import must_have, note_component
from tests.target.client import OLD_PYTHON, Client


@pytest.fixture(autouse=True)
def no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests alike on a laptop and inside a cluster's job."""
    for name in ("SLURM_JOB_ID", "LSB_JOBID", "JOB_ID", "FAIRMESH_RUN", "FAIRMESH_HOME", "FAIRMESH_APPLICATION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["this", "3.6"])
def python(request: pytest.FixtureRequest) -> str:
    """Return the Python of the machine: that of the tests, or the oldest one that is supported."""
    if request.param == "this":
        return sys.executable
    must_have(Path(OLD_PYTHON).exists(), f"no Python 3.6 at {OLD_PYTHON}: the target is not tested with it")
    note_component("Python 3.6.15 on the machine")
    return OLD_PYTHON


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """Yield a client and its machine."""
    client = Client(tmp_path)
    yield client
    client.end()


@pytest.fixture
def any_client(tmp_path: Path, python: str) -> Iterator[Client]:
    """Yield a client whose machine has this Python, or an old one."""
    client = Client(tmp_path, python)
    yield client
    client.end()
