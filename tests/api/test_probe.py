"""A run with probes from Python; a retry of it has none."""

from __future__ import annotations

import pytest

import fairmesh
from tests.e2e.workplace import RECORDS_ONLY, Workplace
from tests.waiting import PATIENCE

pytestmark = pytest.mark.e2e


def test_probes_are_a_wish_that_a_retry_does_not_repeat(workplace: Workplace) -> None:
    workplace.study({"behaviour": ["exit", "good"], "value": [1, 2]})
    run = fairmesh.Study.load("./study.yaml").run(probe=True)
    status = run.wait(timeout=PATIENCE)
    assert {state: count for state, count in status.counts.items() if count} == {"done": 1, "failed": 1, "waiting": 2}
    assert any(line.startswith("probe behaviour=exit value=1 failed: exit code 3") for line in run.output())
    again = fairmesh.run("./study.yaml", where="behaviour == 'good'", snakemake=RECORDS_ONLY)
    assert again.wait(timeout=PATIENCE).counts["done"] == 2
    retried = run.of("sweep").retry(["behaviour=exit+value=1"])
    retried.wait(timeout=PATIENCE)
    assert "probe" not in retried.info().config
