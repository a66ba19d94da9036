"""What the end-to-end tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clusters import Cluster
from tests.e2e.wheel import Installation
from tests.e2e.workplace import Workplace
from tests.lsf.cluster import LsfStandIn, stand_in
from tests.needs import note_component
from tests.sge.cluster import SgeCluster
from tests.sge.cluster import cluster as sge_cluster
from tests.slurm.cluster import SlurmCluster
from tests.slurm.cluster import cluster as slurm_cluster


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    """Yield a fresh working folder, and end what still runs there when the test is over."""
    place = Workplace(tmp_path)
    yield place
    place.end()


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return an environment in which fairmesh is installed from its wheel, with all extras but those of CloudMask."""
    return Installation.create(tmp_path_factory.mktemp("wheel"), "site", "monitor", "service", "fair")


@pytest.fixture(scope="session")
def bare_installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return an environment in which fairmesh is installed from its wheel without an extra."""
    return Installation.create(tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="session")
def _slurm_of_session() -> Iterator[SlurmCluster]:
    with slurm_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def _sge_of_session() -> Iterator[SgeCluster]:
    with sge_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def _lsf_of_session() -> Iterator[LsfStandIn]:
    with stand_in() as cluster:
        yield cluster


def _prepare(request: pytest.FixtureRequest, cluster: Cluster) -> None:
    assert request.node.get_closest_marker("clusters"), "mark tests on a cluster with pytest.mark.clusters"
    note_component(cluster.describe())
    cluster.wait_idle()


@pytest.fixture
def slurm(request: pytest.FixtureRequest, _slurm_of_session: SlurmCluster) -> SlurmCluster:
    """Return a real cluster of three nodes, all up and without jobs."""
    _prepare(request, _slurm_of_session)
    return _slurm_of_session


@pytest.fixture
def sge(request: pytest.FixtureRequest, _sge_of_session: SgeCluster) -> SgeCluster:
    """Return a real SGE of one host, up and without jobs."""
    _prepare(request, _sge_of_session)
    return _sge_of_session


@pytest.fixture
def lsf(request: pytest.FixtureRequest, _lsf_of_session: LsfStandIn) -> LsfStandIn:
    """Return stand-ins for LSF's programs, without jobs."""
    _prepare(request, _lsf_of_session)
    return _lsf_of_session


@pytest.fixture(params=["slurm-lean"])
def slurm_workplace(request: pytest.FixtureRequest, tmp_path: Path, slurm: SlurmCluster) -> Iterator[Workplace]:
    """Yield a fresh working folder for a real cluster; a test may name the profiles."""
    place = Workplace(tmp_path, request.param, slurm)
    yield place
    place.end()


@pytest.fixture(params=["sge", "lsf"])
def batch(request: pytest.FixtureRequest) -> SgeCluster | LsfStandIn:
    """Return a real SGE, or stand-ins for LSF's programs."""
    cluster: SgeCluster | LsfStandIn = request.getfixturevalue(request.param)
    return cluster


@pytest.fixture
def batch_workplace(
    request: pytest.FixtureRequest, tmp_path: Path, batch: SgeCluster | LsfStandIn
) -> Iterator[Workplace]:
    """Yield a fresh working folder for that."""
    place = Workplace(tmp_path, "sge" if isinstance(batch, SgeCluster) else "lsf", batch)
    yield place
    place.end()
