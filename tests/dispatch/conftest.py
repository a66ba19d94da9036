"""What the tests of machines share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dispatch.study import RemoteStudy


@pytest.fixture(autouse=True)
def no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests alike on a laptop and inside a cluster's job."""
    for name in ("SLURM_JOB_ID", "LSB_JOBID", "JOB_ID", "FAIRMESH_RUN", "FAIRMESH_HOME", "FAIRMESH_APPLICATION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def study(tmp_path: Path) -> Iterator[RemoteStudy]:
    """Yield a study whose jobs run on a machine that is a folder and processes of this computer."""
    study = RemoteStudy(tmp_path)
    yield study
    study.end()
