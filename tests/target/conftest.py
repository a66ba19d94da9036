"""What the tests of the target share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import oldest_python
from tests.target.client import Client


@pytest.fixture(autouse=True)
def no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests alike on a laptop and inside a cluster's job."""
    for name in ("SLURM_JOB_ID", "LSB_JOBID", "JOB_ID", "FAIRMESH_RUN", "FAIRMESH_HOME", "FAIRMESH_APPLICATION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["this", "oldest"])
def python(request: pytest.FixtureRequest) -> str:
    """Return the Python of the machine: that of the tests, or the oldest one that is supported."""
    if request.param == "this":
        return sys.executable
    return oldest_python()


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
