"""``fairmesh machines check``, ``trust`` and ``connect`` with real servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fairmesh import cli
from tests.ssh.conftest import Connect, masters
from tests.sshd import SshNetwork, SshServer

pytestmark = pytest.mark.clusters


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a project folder without machines."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("{}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configure(project: Path, network: SshNetwork, **machines: str) -> None:
    """Write machines.yaml: more settings of each machine by name."""
    lines = [
        f"{name}: {{kind: ssh, host: {name}, ssh_config: {network.config}{more}}}\n" for name, more in machines.items()
    ]
    (project / "config/machines.yaml").write_text("".join(lines))


def check(capsys: pytest.CaptureFixture[str], *names: str) -> dict[str, Any]:
    """Return the reports of machines by name, with the findings by topic."""
    cli.main(["machines", "check", *names, "--json"])
    reports = json.loads(capsys.readouterr().out)
    return {
        report["machine"]: report | {"findings": {finding["topic"]: finding for finding in report["findings"]}}
        for report in reports
    }


def test_what_a_machine_has_is_shown(
    project: Path, network: SshNetwork, capsys: pytest.CaptureFixture[str], sockets: Path
) -> None:
    server = network.add("full")
    configure(project, network, full=", slots: 500, rsync: true")
    assert cli.main(["machines", "check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "full (full)"
    assert any(f"host key     ssh-ed25519 {server.fingerprint}" in line for line in lines)
    report = check(capsys)["full"]
    levels = {topic: finding["level"] for topic, finding in report["findings"].items()}
    assert levels.pop("slots") == "warn"
    assert levels.pop("scheduler") in {"ok", "warn"}, "this computer may have one"
    assert levels.pop("disk") in {"ok", "warn"}
    assert set(levels.values()) == {"ok"}
    assert {"connection", "Python", "inodes", "base folder", "hard links", "file locks", "hardware"} <= levels.keys()
    assert {"rsync", "clock"} <= levels.keys()
    assert report["facts"]["base"] == str(server.home / "fairmesh")
    assert not (server.home / "fairmesh").exists() or report["facts"]["is_writable"]
    assert not masters(sockets)


def test_the_clocks_are_compared_within_the_time_of_the_call(
    project: Path, network: SshNetwork, capsys: pytest.CaptureFixture[str]
) -> None:
    network.add("clock")
    configure(project, network, clock="")
    words = check(capsys)["clock"]["findings"]["clock"]["message"].split()
    offset, uncertainty = float(words[0]), float(words[-2])
    assert offset <= uncertainty + 0.1, "it is the same clock"


@pytest.mark.parametrize("login_shell", ["banner", "noisy csh"])
def test_the_text_of_a_login_shell_is_shown(
    project: Path, network: SshNetwork, capsys: pytest.CaptureFixture[str], login_shell: str
) -> None:
    name = login_shell.replace(" ", "-")
    network.add(name, login_shell=login_shell)
    configure(project, network, **{name: ""})
    assert check(capsys)[name]["findings"]["login shell"]["message"] == "prints 2 lines, which fairmesh skips"


def test_a_home_without_links_and_locks_is_shown(
    project: Path, network: SshNetwork, capsys: pytest.CaptureFixture[str]
) -> None:
    network.add("nfs").refuse_links_and_locks()
    configure(project, network, nfs="")
    findings = check(capsys)["nfs"]["findings"]
    assert findings["file locks"]["level"] == "warn"
    assert findings["hard links"]["message"] == "not supported: claims are folders instead"


def test_what_does_not_work_is_said_with_what_to_mend(
    project: Path, network: SshNetwork, capsys: pytest.CaptureFixture[str]
) -> None:
    network.add("stranger", is_known=False)
    network.add("lsf")
    network.add("readonly")
    network.add("off").stop()
    more = {"lsf": ", scheduler: lsf", "readonly": ", base: /proc/fairmesh"}
    configure(project, network, **dict.fromkeys(("stranger", "off"), ""), **more)
    assert cli.main(["machines", "check"]) == 1
    text = capsys.readouterr().out
    assert "fail  connection  stranger: its host key is not known" in text
    assert "fail  connection  off cannot be reached: ssh: connect to host" in text
    assert "LSF is not in the PATH there  -> put its programs into the PATH of the login shell" in text
    assert "/proc/fairmesh cannot be written" in text
    assert "-> set `base` in machines.yaml" in text
    assert cli.main(["machines", "check", "stranger"]) == 1


def test_an_unknown_jump_host_is_named(project: Path, network: SshNetwork, capsys: pytest.CaptureFixture[str]) -> None:
    network.add("jump", is_known=False)
    network.add("inner", jump="jump")
    configure(project, network, inner="")
    assert "host key of its jump host" in check(capsys)["inner"]["findings"]["connection"]["message"]


def test_this_computer_is_checked_too(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "config/machines.yaml").write_text("local: {kind: local}\nslurm: {kind: profile, scheduler: slurm}\n")
    reports = check(capsys)
    assert reports["local"]["findings"]["base folder"]["message"] == str(project / "results")
    assert list(reports["slurm"]["findings"]) == ["executor"]
    assert not (project / "results").exists()


def test_a_host_key_is_trusted_by_its_fingerprint(
    project: Path, network: SshNetwork, capsys: pytest.CaptureFixture[str], connect: Connect
) -> None:
    network.add("jump2")
    server = network.add("new", jump="jump2", is_known=False)
    network.known_hosts.write_text(network.known_hosts.read_text().rstrip("\n"))
    configure(project, network, new="")
    before = network.known_hosts.read_text()
    assert cli.main(["machines", "trust", "new"]) == 1
    assert cli.main(["machines", "trust", "new", "--yes", "SHA256:" + "A" * 43]) == 1
    assert network.known_hosts.read_text() == before
    output = capsys.readouterr()
    assert f"new (new) shows the ED25519 key {server.fingerprint}" in output.out
    assert "without a terminal, confirm the fingerprint with --yes FINGERPRINT; nothing is added" in output.err
    assert "the fingerprint is not SHA256:AAAA" in output.err
    assert cli.main(["machines", "trust", "new", "--yes", server.fingerprint]) == 0
    assert network.known_hosts.read_text().startswith(f"{before}\n")
    assert connect("new").call({"verb": "clock"})
    assert cli.main(["machines", "trust", "new"]) == 0
    assert capsys.readouterr().out.endswith("new: its host key is known already\n")


@pytest.mark.parametrize(("answer", "status"), [("yes", 0), ("", 1), ("no", 1), ("y", 1)])
def test_a_person_is_asked(
    project: Path, network: SshNetwork, monkeypatch: pytest.MonkeyPatch, answer: str, status: int
) -> None:
    server = network.add(f"asked-{answer}", is_known=False)
    configure(project, network, **{server.name: ""})
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _question: answer)
    assert cli.main(["machines", "trust", server.name]) == status
    assert (str(server.port) in network.known_hosts.read_text()) is (status == 0)


def test_a_changed_key_is_not_replaced(project: Path, network: SshNetwork, capsys: pytest.CaptureFixture[str]) -> None:
    server: SshServer = network.add("changed")
    server.make_key()
    server.restart()
    configure(project, network, changed="")
    before = network.known_hosts.read_text()
    assert cli.main(["machines", "trust", "changed", "--yes", server.fingerprint]) == 1
    assert network.known_hosts.read_text() == before
    error = capsys.readouterr().err
    assert f"its host key has changed: it shows {server.fingerprint}" in error
    assert f"ssh-keygen -f {network.known_hosts} -R '[127.0.0.1]:{server.port}'" in error


def test_nothing_is_trusted_where_nobody_answers(
    project: Path, network: SshNetwork, capsys: pytest.CaptureFixture[str]
) -> None:
    network.add("silent", is_known=False).stop()
    configure(project, network, silent="")
    assert cli.main(["machines", "trust", "silent"]) == 1
    assert "silent cannot be reached: ssh: connect to host 127.0.0.1" in capsys.readouterr().err


def test_a_connection_is_opened_by_hand_and_ended(
    project: Path, network: SshNetwork, capsys: pytest.CaptureFixture[str], connect: Connect
) -> None:
    server = network.add("hand")
    configure(project, network, hand="")
    assert cli.main(["machines", "connect", "hand"]) == 0
    assert cli.main(["machines", "connect", "hand"]) == 0
    assert connect("hand").call({"verb": "clock"})
    assert server.log.count("Accepted publickey") == 1
    assert cli.main(["machines", "connect", "hand", "--end"]) == 0
    assert cli.main(["machines", "connect", "hand", "--end"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == [
        "hand: a connection is open already",
        "hand: the connection has ended",
        "hand: no connection is open",
    ]


@pytest.mark.parametrize("command", ["trust", "connect"])
def test_a_machine_without_ssh_is_refused(project: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    (project / "config/machines.yaml").write_text("local: {kind: local}\n")
    assert cli.main(["machines", command, "local"]) == 2
    assert "local is a machine of kind local, which has no host of ssh" in capsys.readouterr().err
    assert cli.main(["machines", command, "lokal"]) == 2
    assert "there is no machine 'lokal'; did you mean 'local'?" in capsys.readouterr().err


def test_the_doctor_connects_to_each_machine(
    project: Path, network: SshNetwork, capsys: pytest.CaptureFixture[str], sockets: Path
) -> None:
    network.add("well")
    network.add("unknown", is_known=False)
    network.add("down").stop()
    configure(project, network, well="", unknown="", down="")
    assert cli.main(["doctor", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    levels = {finding["topic"]: finding["level"] for finding in findings if finding["topic"].startswith("machine ")}
    assert levels == {"machine well": "ok", "machine unknown": "fail", "machine down": "warn"}
    assert not masters(sockets)
