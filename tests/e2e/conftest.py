"""What the end-to-end tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workplace import Workplace
from tests.needs import note_component
from tests.slurm.cluster import Cluster, cluster, described


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    """Yield a fresh working folder, and end what still runs there when the test is over."""
    place = Workplace(tmp_path)
    yield place
    place.end()


@pytest.fixture(scope="session")
def _slurm_of_session() -> Iterator[Cluster]:
    with cluster() as found:
        yield found


@pytest.fixture
def slurm(request: pytest.FixtureRequest, _slurm_of_session: Cluster) -> Cluster:
    """Return a real cluster of three nodes, all up and without jobs."""
    assert request.node.get_closest_marker("clusters"), "mark tests on a cluster with pytest.mark.clusters"
    note_component(described(_slurm_of_session))
    _slurm_of_session.wait_idle()
    return _slurm_of_session


@pytest.fixture(params=["slurm-lean"])
def slurm_workplace(request: pytest.FixtureRequest, tmp_path: Path, slurm: Cluster) -> Iterator[Workplace]:
    """Yield a fresh working folder for a real cluster; a test may name the profiles."""
    place = Workplace(tmp_path, request.param, slurm)
    yield place
    place.end()
