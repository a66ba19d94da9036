"""A real Slurm behind ssh: its programs are in the path of the login shell alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairmesh import cli
from tests.needs import note_component
from tests.slurm.cluster import cluster
from tests.ssh.test_commands import check, configure, project
from tests.sshd import SshNetwork

__all__ = ["project"]
pytestmark = pytest.mark.clusters


def test_slurm_is_found_by_the_login_shell(
    project: Path, network: SshNetwork, capsys: pytest.CaptureFixture[str]
) -> None:
    with cluster(nodes=1) as slurm:
        note_component(slurm.describe())
        server = network.add("login")
        variables = {"PATH": f"{slurm.folder}/bin:$PATH"} | slurm.variables
        server.write_profile("".join(f'export {name}="{value}"\n' for name, value in variables.items()))
        configure(project, network, login=", scheduler: slurm, slots: 50")
        finding = check(capsys)["login"]["findings"]["scheduler"]
        assert finding["level"] == "ok"
        version = slurm.ask("sinfo", "--version").split()[1]
        assert finding["message"].startswith(f"Slurm {version}, cluster ")
        server.write_profile("export PATH=/usr/local/bin:/bin SLURM_CONF=/nonexistent\n")
        assert cli.main(["machines", "check", "login", "--json"]) == 1
        (report,) = json.loads(capsys.readouterr().out)
        (finding,) = [finding for finding in report["findings"] if finding["topic"] == "scheduler"]
        assert "does not answer" in finding["message"] or "not in the PATH" in finding["message"]
