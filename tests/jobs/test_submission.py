"""What Slurm's refusals mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmesh.jobs import submission


@pytest.mark.parametrize(
    ("reason", "passes"),
    [
        ("QOSMaxSubmitJobPerUserLimit", True),
        ("Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", True),
        ("Unable to contact slurm controller (connect failure)", True),
        ("Slurm temporarily unable to accept job, sleeping and retrying", True),
        ("Socket timed out on send/recv operation", True),
        ("invalid partition specified: x; Invalid partition name specified", False),
        ("Requested node configuration is not available", False),
        ("Invalid account or account/partition combination specified", False),
        ("there is no sbatch here", False),
    ],
)
def test_a_refusal_that_passes_is_told_from_one_that_does_not(reason: str, passes: bool) -> None:
    assert submission.RefusedError(reason).passes is passes


def test_a_missing_sbatch_is_a_refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(submission.RefusedError, match="there is no sbatch here"):
        submission.check([])
