"""Requests over ssh, to real servers: what arrives, what fails and how, and what a call leaves behind."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fairmesh.errors import InputError
from fairmesh.jobs.paths import StudyPaths
from fairmesh.machines.computers import Computers
from fairmesh.machines.registry import computers
from fairmesh.machines.ssh_command import CONNECT, SshHost, control_folder
from fairmesh.machines.transport import RefusedError, UnreachableError
from fairmesh.study.machines import Machine
from tests.ssh.conftest import Connect, masters, ssh_machine
from tests.sshd import SshNetwork
from tests.waiting import wait_until

pytestmark = pytest.mark.clusters
HELLO = {"verb": "hello"}


@pytest.mark.parametrize("login_shell", ["", "csh", "banner", "noisy csh"])
def test_a_request_passes_every_login_shell(network: SshNetwork, connect: Connect, login_shell: str) -> None:
    name = f"shell-{login_shell.replace(' ', '-')}"
    server = network.add(name, login_shell=login_shell)
    facts = connect(name).call(HELLO)
    assert facts["base"] == str(server.home / "fairmesh")
    assert facts["is_writable"]


def test_a_request_passes_a_jump_host(network: SshNetwork, connect: Connect) -> None:
    network.add("jump")
    inner = network.add("inner", jump="jump")
    assert connect("inner").call(HELLO)["base"] == str(inner.home / "fairmesh")


def test_the_profile_of_the_login_shell_sets_the_path(network: SshNetwork, connect: Connect) -> None:
    server = network.add("profile")
    (server.home / "bin").mkdir()
    (server.home / "bin/rsync").symlink_to("/bin/true")
    server.write_profile('PATH="$HOME/bin:$PATH"\n')
    assert connect("profile").call(HELLO)["programs"]["rsync"] == str(server.home / "bin/rsync")


def test_calls_share_a_connection_which_ends_with_the_transport(
    network: SshNetwork, connect: Connect, sockets: Path
) -> None:
    server = network.add("shared")
    transport = connect("shared")
    for _ in range(3):
        transport.call(HELLO)
    assert server.log.count("Accepted publickey") == 1
    assert len(masters(sockets)) == 1
    transport.close()
    wait_until(lambda: not masters(sockets), "the connection has ended", 10)
    transport.call(HELLO)
    assert server.log.count("Accepted publickey") == 2


def test_eight_clients_at_once_are_answered(network: SshNetwork, connect: Connect) -> None:
    network.add("busy")
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(connect("busy").call, HELLO) for _ in range(8)]
    assert {call.result()["user"] for call in calls} == {calls[0].result()["user"]}


def test_more_calls_than_sessions_of_a_connection_are_answered(network: SshNetwork, connect: Connect) -> None:
    server = network.add("crowd")
    transport = connect("crowd")
    transport.call(HELLO)
    with ThreadPoolExecutor(14) as pool:  # sshd allows 10 sessions a connection
        answers = list(pool.map(lambda _: transport.call({"verb": "clock"}), range(14)))
    assert len(answers) == 14
    assert server.log.count("Accepted publickey") >= 1


def test_a_killed_connection_is_opened_again(network: SshNetwork, connect: Connect, sockets: Path) -> None:
    network.add("killed")
    transport = connect("killed")
    transport.call(HELLO)
    for process in masters(sockets):
        os.kill(process, signal.SIGKILL)
    assert transport.ssh.socket("own").exists(), "a dead socket is left"
    assert transport.call(HELLO)


def test_a_call_takes_milliseconds_of_processor_time_here(network: SshNetwork, connect: Connect) -> None:
    network.add("cheap")
    transport = connect("cheap")
    transport.call(HELLO)
    before = _processor_time()
    for _ in range(10):
        transport.call(HELLO)
    assert (_processor_time() - before) / 10 < 0.05


def _processor_time() -> float:
    """Return the seconds of this process and of its ended children."""
    times = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in times)


def test_an_unknown_host_key_is_refused_with_what_to_do(network: SshNetwork, connect: Connect) -> None:
    network.add("stranger", is_known=False)
    with pytest.raises(RefusedError, match=r"not known.*fairmesh machines trust stranger"):
        connect("stranger").call(HELLO)
    assert "accept-new" not in network.config.read_text()


@pytest.mark.parametrize("setting", ["no", "accept-new", "off"])
def test_no_configuration_turns_the_check_of_host_keys_off(network: SshNetwork, connect: Connect, setting: str) -> None:
    server = network.add(f"lax-{setting}", is_known=False)
    network.write_entry(server.name, f"Port {server.port}\nStrictHostKeyChecking {setting}\n")
    with pytest.raises(RefusedError, match="not known"):
        connect(server.name).call(HELLO)
    assert str(server.port) not in network.known_hosts.read_text()


def test_a_changed_host_key_is_refused(network: SshNetwork, connect: Connect) -> None:
    server = network.add("changed")
    server.make_key()
    server.restart()
    with pytest.raises(RefusedError, match="has changed"):
        connect("changed").call(HELLO)


def test_a_missing_permission_is_refused(network: SshNetwork, connect: Connect) -> None:
    server = network.add("locked")
    (server.folder / "authorized_keys").write_text("")
    with pytest.raises(RefusedError, match=r"no permission .*Permission denied \(publickey\).*ssh-add"):
        connect("locked").call(HELLO)


def test_a_missing_python_is_refused(network: SshNetwork, connect: Connect) -> None:
    network.add("bare")
    with pytest.raises(RefusedError, match=r"/opt/none/python3 cannot be started.*`python`"):
        connect("bare", python="/opt/none/python3").call(HELLO)


@pytest.mark.parametrize(
    ("python", "said"),
    [
        ("python2", "echo 'Unknown option: -I' >&2; exit 2"),
        ("python35", "echo 'SyntaxError: invalid syntax' >&2; exit 1"),
        ("python-broken", "exit 127"),
    ],
)
def test_a_python_that_is_too_old_is_refused(network: SshNetwork, connect: Connect, python: str, said: str) -> None:
    """Stand-ins for old versions of Python: scripts that end as these do."""
    server = network.add(f"with-{python}")
    program = server.home / "bin" / python
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{said}\n")
    program.chmod(0o755)
    server.write_profile('PATH="$HOME/bin:$PATH"\n')
    with pytest.raises(
        RefusedError, match=rf"{python} cannot be started .*set `python` in machines.yaml to a Python 3.6"
    ):
        connect(server.name, python=python).call(HELLO)


def test_a_mistake_in_a_profile_is_refused(network: SshNetwork, connect: Connect) -> None:
    server = network.add("bad-profile")
    server.write_profile("if true\n")
    with pytest.raises(RefusedError, match=r"[Ss]yntax error"):
        connect("bad-profile").call(HELLO)


def test_the_language_of_the_user_does_not_reach_the_machine(
    network: SshNetwork, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = network.add("foreign", options=["AcceptEnv *"])
    network.write_entry("foreign", f"Port {server.port}\nSendEnv LANG LC_*\nSendEnv STY*\n")
    server.write_profile('env > "$HOME/seen"\n')
    for name in ("LANG", "LC_ALL", "STYLE"):
        monkeypatch.setenv(name, "tr_TR.UTF-8")
    assert "LC_ALL=tr_TR.UTF-8" in network.ssh("foreign", "env").stdout.splitlines(), "ssh alone sends it"
    connect("foreign").call(HELLO)
    seen = (server.home / "seen").read_text()
    assert "HOME=" in seen
    assert "tr_TR" not in seen


def test_nobody_is_asked_by_a_window(network: SshNetwork, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A jump host that wants a password: its ssh does not get the options of this one."""
    jump = network.add("asking", options=["PubkeyAuthentication no", "PasswordAuthentication yes"])
    network.add("behind-asking", jump="asking")
    window = jump.folder / "askpass"
    window.write_text(f"#!/bin/sh\ntouch {jump.folder}/asked\n")
    window.chmod(0o755)
    monkeypatch.setenv("SSH_ASKPASS", str(window))
    monkeypatch.setenv("DISPLAY", ":0")
    with pytest.raises(RefusedError, match="no permission"):
        connect("behind-asking").call(HELLO)
    assert not (jump.folder / "asked").exists()


@pytest.mark.parametrize("number", [1, 2])
def test_messages_of_a_server_without_an_end_are_cut(network: SshNetwork, connect: Connect, number: int) -> None:
    command = "head -c 200000000 /dev/zero >&2; sleep 9"
    network.add(f"flood-{number}", options=[f"ForceCommand {command}"])
    transport = connect(f"flood-{number}")
    for _ in range(number):  # also over a shared connection
        with pytest.raises(RefusedError, match="writes messages without an end"):
            transport.call({"verb": "hello"})


def test_an_account_without_a_shell_is_refused(network: SshNetwork, connect: Connect) -> None:
    network.add("closed", login_shell="nologin")
    with pytest.raises(RefusedError, match="does not run programs: This account is currently not available"):
        connect("closed").call(HELLO)


def test_a_mistake_in_the_configuration_of_ssh_is_refused(network: SshNetwork, connect: Connect) -> None:
    network.write_entry("typo", "")
    config = network.folder / "bad_config"
    config.write_text("Host typo\nHostNam x\n")
    with pytest.raises(RefusedError, match="Bad configuration option: hostnam"):
        connect("typo", ssh_config=str(config)).call(HELLO)


def test_a_stopped_server_is_unreachable_and_reached_again(
    network: SshNetwork, connect: Connect, sockets: Path
) -> None:
    server = network.add("stopped")
    transport = connect("stopped")
    transport.call(HELLO)
    server.stop()
    wait_until(lambda: not masters(sockets), "the connection has ended")
    with pytest.raises(UnreachableError, match=r"stopped cannot be reached: .*Connection refused"):
        transport.call(HELLO)
    server.start()
    assert transport.call(HELLO)


def test_an_unknown_name_is_unreachable_since_it_may_be_known_in_another_network(
    network: SshNetwork, connect: Connect
) -> None:
    network.write_entry("far", "HostName nowhere.invalid\n")
    with pytest.raises(UnreachableError, match=r"far cannot be reached: .*resolve"):
        connect("far").call(HELLO)


def test_a_black_hole_is_noticed_and_the_host_is_reached_after_it(network: SshNetwork, connect: Connect) -> None:
    server = network.add("hole")
    transport = connect("hole")
    transport.call(HELLO)
    with server.black_hole():
        began = time.monotonic()
        with pytest.raises(UnreachableError, match="gave no answer within 2 s"):
            transport.call(HELLO, timeout=2)
        assert time.monotonic() - began < 2 + CONNECT
    assert transport.call(HELLO)


def test_a_black_hole_before_the_connection_is_noticed(network: SshNetwork, connect: Connect) -> None:
    server = network.add("hole2")
    with server.black_hole(), pytest.raises(UnreachableError, match="hole2 gave no answer within 2 s"):
        connect("hole2").call(HELLO, timeout=2)


def test_a_connection_that_the_user_opened_with_a_password_is_used(network: SshNetwork, connect: Connect) -> None:
    server = network.add("factor", options=["PasswordAuthentication yes"])
    transport = connect("factor")
    opened = _open(transport.ssh, transport.ssh.socket("user"))
    (server.folder / "authorized_keys").write_text("")  # from now on, only the open connection is let in
    assert transport.call(HELLO)
    transport.close()
    assert transport.call(HELLO), "closing does not end the connection of the user"
    _end(transport.ssh, opened)
    with pytest.raises(RefusedError, match="fairmesh machines connect factor"):
        transport.call(HELLO)


def test_the_connection_of_the_users_own_configuration_is_used(
    network: SshNetwork, connect: Connect, sockets: Path
) -> None:
    server = network.add("own")
    network.write_entry("own", f"Port {server.port}\nControlPath {sockets}/mine-%C\n")
    transport = connect("own")
    opened = _open(transport.ssh, Path(transport.ssh.settings["controlpath"]))
    assert transport.call(HELLO)
    assert server.log.count("Accepted publickey") == 1
    _end(transport.ssh, opened)


def _open(ssh: SshHost, path: Path) -> Path:
    command = ssh.command("-fN", "-oControlMaster=yes", f"-oControlPath={path}")
    subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return path


def _end(ssh: SshHost, path: Path) -> None:
    command = ssh.command(f"-oControlPath={path}", "-O", "exit")
    subprocess.run(command, check=True, timeout=60, stderr=subprocess.DEVNULL)


def test_settings_of_the_user_that_disturb_are_overridden(network: SshNetwork, connect: Connect) -> None:
    server = network.add("settings")
    disturbing = "RemoteCommand sleep 1\nRequestTTY force\nLocalForward 127.0.0.1:1 127.0.0.1:1\nForwardAgent yes\n"
    network.write_entry("settings", f"Port {server.port}\n{disturbing}LogLevel DEBUG\n")
    assert connect("settings").call(HELLO)


def test_a_configuration_file_is_found_from_the_folder_of_machines_yaml(
    network: SshNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.add("relative")
    (tmp_path / "config").mkdir()
    (tmp_path / "config/machines.yaml").touch()
    (tmp_path / "config/ssh_config").symlink_to(network.config)
    monkeypatch.setenv("PLACE", str(network.folder))

    def find(name: str) -> Computers:
        machine = ssh_machine(network, "relative", ssh_config=name)
        return computers("relative", machine, StudyPaths(tmp_path, "study"), tmp_path)

    for name in ("ssh_config", "$PLACE/ssh_config"):
        (computer,) = find(name).ready(1)
        assert computer.transport.call({"verb": "clock"})
        computer.transport.close()
    for name, message in {"none": "there is no file .*config/none", "$NOWHERE/x": "the variable 'NOWHERE'"}.items():
        with pytest.raises(InputError, match=rf"'relative.ssh_config'.*{message}"):
            find(name)


def test_machines_that_snakemake_runs_have_no_computers(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="here is a machine of kind local"):
        computers("here", Machine(kind="local"), StudyPaths(tmp_path, "study"), tmp_path)


def test_a_folder_of_connections_that_others_can_use_is_refused(sockets: Path) -> None:
    sockets.chmod(0o755)
    with pytest.raises(RefusedError, match="others could use its connections"):
        control_folder()
    sockets.rmdir()
    sockets.symlink_to(sockets.parent)
    with pytest.raises(RefusedError, match="others could use its connections"):
        control_folder()
    sockets.unlink()


def test_a_long_folder_of_the_session_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    assert len(os.fsencode(control_folder())) < 68


def test_a_cut_transfer_is_unreachable(network: SshNetwork, connect: Connect) -> None:
    server = network.add("cut")

    def payload(stream: object) -> None:
        del stream
        server.stop()
        server.start()

    transport = connect("cut")
    transport.call(HELLO)
    with pytest.raises(UnreachableError):
        transport.call({"verb": "store", "home": "bench-00000000", "folders": [], "files": {}}, payload)
    assert transport.call(HELLO)
