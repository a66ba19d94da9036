"""The hosts of the tests behave as hosts do: with these servers the other tests show what they say."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.sshd import SshNetwork, ssh_network
from tests.waiting import wait_until

pytestmark = pytest.mark.clusters


def test_each_host_has_its_own_home(network: SshNetwork) -> None:
    servers = [network.add(name) for name in ("first", "second")]
    homes = [network.ssh(server.name, "echo $HOME").stdout.strip() for server in servers]
    assert homes == [str(server.home) for server in servers]


def test_a_host_behind_a_jump_is_cut_off_without_it(network: SshNetwork) -> None:
    jump = network.add("jump")
    network.add("inner", jump="jump")
    assert network.ssh("inner", "echo inside").stdout == "inside\n"
    assert "inside" not in jump.log
    jump.stop()
    assert network.ssh("inner", "true").returncode == 255
    jump.start()
    assert network.ssh("inner", "true").returncode == 0


def test_login_shells_differ(network: SshNetwork) -> None:
    network.add("csh", login_shell="csh")
    assert network.ssh("csh", "echo $shell").stdout.endswith("csh\n")
    assert network.ssh("csh", """sh -c 'echo "two words"; exit 3'""").returncode == 3
    network.add("banner", login_shell="banner")
    assert network.ssh("banner", "echo hello").stdout.splitlines()[-2:] == ["Maintenance: Monday, 6:00", "hello"]


def test_a_black_hole_takes_connections_and_does_not_answer(network: SshNetwork) -> None:
    server = network.add("hole")
    began = time.monotonic()
    with server.black_hole():
        assert network.ssh("hole", "true", "-oConnectTimeout=2").returncode == 255
    assert time.monotonic() - began >= 2
    assert network.ssh("hole", "true").returncode == 0


def test_a_changed_key_is_noticed(network: SshNetwork) -> None:
    server = network.add("changing")
    server.make_key()
    server.restart()
    assert "IDENTIFICATION HAS CHANGED" in network.ssh("changing", "true").stderr


def test_jobs_outlive_sshd_and_end_with_the_host(network: SshNetwork) -> None:
    server = network.add("working")
    network.ssh("working", "setsid sleep 300 >/dev/null 2>&1 </dev/null &")
    server.stop()
    assert len(server.jobs()) == 1
    server.reset()
    wait_until(lambda: not server.jobs(), "the job has ended")


def test_a_home_like_nfs_refuses_links_and_locks(network: SshNetwork) -> None:
    server = network.add("nfs")
    server.refuse_links_and_locks()
    done = network.ssh("nfs", "sh -lc 'cd; touch a; ln a b; flock -n a true'")
    assert "not supported" in done.stderr
    assert "No locks available" in done.stderr


def test_nothing_is_left_at_the_end() -> None:
    with ssh_network() as hosts:
        server = hosts.add("host")
        hosts.ssh("host", "setsid sleep 300 >/dev/null 2>&1 </dev/null &")
        waiting = subprocess.Popen(["ssh", "-F", str(hosts.config), "--", "host", "sleep 300"], stderr=subprocess.PIPE)
        wait_until(lambda: len(server.jobs()) > 1, "both run")
    assert waiting.wait(timeout=30) == 255
    wait_until(lambda: not server.jobs() and not server.processes(), "all have ended")
