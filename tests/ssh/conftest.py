"""Fixtures of tests over ssh: servers, the settings of a machine, and a folder of shared connections of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fairmesh.machines.ssh import SshTransport
from fairmesh.machines.ssh_command import control_folder
from fairmesh.study.machines import Machine
from tests.clusters import processes_where
from tests.sshd import SshNetwork, ssh_network
from tests.waiting import wait_until

Connect = Callable[..., SshTransport]


@pytest.fixture(scope="module")
def network() -> Iterator[SshNetwork]:
    with ssh_network() as hosts:
        yield hosts


@pytest.fixture(autouse=True)
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep the connections of a test apart from those of the user; none of them is left at the end."""
    with tempfile.TemporaryDirectory(prefix="mux-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield control_folder()
        wait_until(lambda: not masters(folder), "no shared connection is left", 20)


def masters(folder: str | Path) -> list[int]:
    """Return the processes that hold shared connections, or wait for them, with sockets in a folder."""
    return processes_where(lambda process: str(folder).encode() in (process / "cmdline").read_bytes())


@pytest.fixture
def connect(network: SshNetwork) -> Iterator[Connect]:
    """Return a function that returns the transport to a server."""
    opened = []

    def transport(name: str, **changes: Any) -> SshTransport:
        opened.append(SshTransport(name, ssh_machine(network, name, **changes)))
        return opened[-1]

    yield transport
    for connection in opened:
        connection.close()


def ssh_machine(network: SshNetwork, name: str, **changes: Any) -> Machine:
    """Return the settings of a machine."""
    settings = {"host": name, "ssh_config": str(network.config), "base": "~/fairmesh"}
    return Machine(kind="ssh", **(settings | changes))
