"""What the tests of machines share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests alike on a laptop and inside a cluster's job."""
    for name in ("SLURM_JOB_ID", "LSB_JOBID", "JOB_ID", "FAIRMESH_RUN", "FAIRMESH_HOME", "FAIRMESH_APPLICATION"):
        monkeypatch.delenv(name, raising=False)
