"""Probes: the cheapest of each kind first, the rest only if they succeed, and no trace of it afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.workplace import RECORDS_ONLY, Workplace, kill
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e
PROBE = ("--config", "probe=true")
SPACE: dict[str, Any] = {"value": [3, 1, 2], "note": ["a", "b"]}


def order(workplace: Workplace) -> list[str]:
    """Return the experiments in the order of their starts."""
    lines = (workplace.folder / "starts").read_text().splitlines()
    return [job for job in (line.split()[0] for line in lines) if "=" in job]


def test_probes_come_first_and_leave_no_trace(workplace: Workplace) -> None:
    workplace.study(SPACE)
    dry = workplace.run(*RECORDS_ONLY, *PROBE, "-n")
    assert "probe: 2 first, the cheapest of each kind: value=1 note=a, value=1 note=b; 4 more if all succeed" in dry
    assert "6 of 6 experiments and 1 shared stage would run (dry run)" in dry
    workplace.run(*RECORDS_ONLY, *PROBE)
    assert set(order(workplace)[:2]) == {"note=a+value=1", "note=b+value=1"}
    assert len(workplace.recorded()) == 6
    assert not list(workplace.results.rglob("probed"))
    for arguments in (RECORDS_ONLY, (*RECORDS_ONLY, *PROBE)):
        assert "experiments have results" in workplace.run(*arguments)
    assert "metadata" not in workplace.run(*RECORDS_ONLY, "-n")


def test_the_rest_of_a_failed_probe_is_not_started(workplace: Workplace) -> None:
    workplace.study({"behaviour": ["good", "exit"], "value": [1, 2], "size": [3, 4]})
    output = workplace.run(*RECORDS_ONLY, *PROBE, status=1)
    failed, name = "behaviour=exit+size=3+value=1", "behaviour=exit value=1 size=3"
    assert f"probe {name} failed: exit code 3: toy: something went wrong; 6 more were not started" in output
    assert set(workplace.starts()) == {failed, "behaviour=good+size=3+value=1", "numbers-" + stage(workplace)}
    assert workplace.recorded() == {"behaviour=good+size=3+value=1"}

    workplace.edit("toy/toy.py", "sys.exit(3)", "pass")
    workplace.forget_starts()
    again = workplace.run(*RECORDS_ONLY, *PROBE)
    assert f"probe: 1 first, the cheapest of each kind: {name}; 6 more if all succeed" in again
    assert order(workplace)[0] == failed
    assert len(workplace.recorded()) == 8


def stage(workplace: Workplace) -> str:
    """Return the digits of the one stage that was made."""
    (marker,) = (workplace.results / "sweep/stages").glob("numbers-*.json")
    return marker.stem.partition("-")[2]


@pytest.mark.long
def test_a_run_that_was_killed_after_its_probes_makes_nothing_run_again(workplace: Workplace) -> None:
    workplace.study({"value": [1, 2, 3], "seconds": {"values": "[0, 0, 60][value - 1 : value]"}})
    process = workplace.start(*RECORDS_ONLY, *PROBE, "--cores", "2")
    wait_until(lambda: len(workplace.recorded()) == 2 and len(order(workplace)) == 3, "the last one runs")
    kill(process)
    assert list(workplace.results.rglob("probed"))
    told = workplace.run(*RECORDS_ONLY, "-n")
    assert "value=2" not in told
    assert not list(workplace.results.rglob("probed"))


@pytest.mark.clusters
@pytest.mark.parametrize(
    "slurm_workplace", [pytest.param("slurm", marks=pytest.mark.long), "slurm-lean"], indirect=True
)
def test_on_slurm_probes_come_first_and_the_hook_is_called_once(slurm_workplace: Workplace) -> None:
    slurm_workplace.configure(finish={"command": ["sh", "-c", 'cat >> "$0"; echo >> "$0"', "heard"]})
    slurm_workplace.study({"value": [2, 1], "behaviour": ["good", "exit"]})
    failed = "value=1 behaviour=exit"
    output = slurm_workplace.run(*RECORDS_ONLY, *PROBE, status=1)
    assert f"probe {failed} failed: exit code 3: toy: something went wrong; 2 more were not started" in output
    assert slurm_workplace.recorded() == {"behaviour=good+value=1"}
    assert len((slurm_workplace.folder / "heard").read_text().splitlines()) == 1

    slurm_workplace.study({"value": [2, 1], "behaviour": ["good"]})
    assert "one has a result already" in slurm_workplace.run(*RECORDS_ONLY, *PROBE)
    slurm_workplace.study({"value": [3, 4], "behaviour": ["good"], "size": [2]}, study="another")
    assert "probe: 1 first" in slurm_workplace.run(*RECORDS_ONLY, *PROBE)
    assert "experiments have results" in slurm_workplace.run(*RECORDS_ONLY)
