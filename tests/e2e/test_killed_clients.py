"""A client that is killed at any point of its exchange with machines over ssh causes one start of each experiment.

The machines: a plain host with a noisy csh, one behind it without hard links and locks, a real Slurm and a real SGE
behind ssh, all on this computer. The program counts its starts itself.
"""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.far import Far
from tests.e2e.killed_client import POINTS, SUBMIT_BEGINS, SUBMIT_ENDS
from tests.e2e.workplace import RECORDS_ONLY, Workplace
from tests.sge.cluster import SgeCluster
from tests.slurm.cluster import SlurmCluster
from tests.sshd import ssh_network

pytestmark = [pytest.mark.e2e, pytest.mark.clusters, pytest.mark.long]

PROGRAM = ("-P", str(Path(__file__).with_name("killed_client.py")))
MACHINES = ("gate", "inner", "hpc", "grid")
RANDOM_KILLS = 12


@pytest.fixture
def far(workplace: Workplace, slurm: SlurmCluster, sge: SgeCluster) -> Iterator[Far]:
    with ssh_network() as network:
        far = Far(workplace, network)
        far.add("gate", server={"login_shell": "noisy csh"})
        far.add("inner", server={"jump": "gate"}).refuse_links_and_locks()
        far.add("hpc", server={"jump": "gate"}, cluster=slurm)
        far.add("grid", cluster=sge)
        yield far


def run_killed(far: Far, value: int, plan: dict[str, Any]) -> list[list[str]]:
    """Run the experiments with a value until the client is killed; return the words of its trace."""
    trace = far.place.folder / f"trace-{value}"
    arguments = (*RECORDS_ONLY, "--config", f"where=value == {value} ")
    process = far.place.start(*arguments, program=(*PROGRAM, str(trace), json.dumps(plan)))
    process.wait(300)  # its rules end when it has no entry in the table of processes any more
    output, _ = process.communicate(timeout=60)
    lines = trace.read_text().splitlines() if trace.exists() else []
    assert process.returncode in {0, -signal.SIGKILL}, output
    assert process.returncode or "seconds" in plan, f"{plan} was not reached; {lines}"
    return [line.split(maxsplit=2) for line in lines]


def submitting(trace: list[list[str]]) -> list[str]:
    """Return the machines that had a request to start, whose answer was not recorded, when the client was killed."""
    last = {machine: event for _, machine, event in trace if event in {SUBMIT_BEGINS, SUBMIT_ENDS}}
    return [machine for machine, event in last.items() if event == SUBMIT_BEGINS]


def plans() -> list[dict[str, str]]:
    """Return each named point once, those of a submission on each machine."""
    of_start = [{"point": point, "machine": machine} for point in POINTS if "start" in point for machine in MACHINES]
    others = [point for point in POINTS if "start" not in point]
    return of_start + [
        {"point": point, "machine": MACHINES[number % len(MACHINES)]} for number, point in enumerate(others)
    ]


@pytest.mark.parametrize("part", range(2))
def test_a_client_killed_at_each_named_point_starts_each_experiment_once(far: Far, part: int) -> None:
    points = plans()[part::2]
    far.study({"value": list(range(len(points)))})
    hits: list[str] = []
    for value, plan in enumerate(points):
        hits += submitting(run_killed(far, value, plan))
    far.place.run(*RECORDS_ONLY)
    far.check([f"value={value}" for value in range(len(points))])
    print(f"killed at {len(points)} named points; {len(hits)} submissions were under way: {sorted(hits)}")
    assert set(hits) == set(MACHINES)


def test_clients_killed_at_random_moments_start_each_experiment_once(far: Far) -> None:
    seed = random.randrange(10_000)  # noqa: S311
    chance = random.Random(seed)  # noqa: S311
    far.study({"value": list(range(RANDOM_KILLS))})
    hits: list[str] = []
    for value in range(RANDOM_KILLS):
        after, most = [("poll before", 4.0), (SUBMIT_BEGINS, 1.0)][value % 2]
        plan = {"machine": chance.choice(MACHINES), "after": after, "seconds": chance.uniform(0, most)}
        hits += submitting(run_killed(far, value, plan))
    far.place.run(*RECORDS_ONLY)
    far.check([f"value={value}" for value in range(RANDOM_KILLS)])
    print(f"seed {seed}: {RANDOM_KILLS} clients killed at random; {len(hits)} submissions were under way: {hits}")
