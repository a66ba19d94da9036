"""Machines of kind ``ssh``: requests travel over the OpenSSH client.

So the user's configuration, agent, keys, jump hosts and second factors work. Host keys are always checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.files import expand_path
from fairmesh.jobs.paths import StudyPaths
from fairmesh.machines import rsync
from fairmesh.machines.computers import Computers, SingleComputer
from fairmesh.machines.process import ProcessTransport
from fairmesh.machines.protocol import remote_command
from fairmesh.machines.ssh_command import OPTIONS, SshHost
from fairmesh.machines.ssh_errors import Target, error_of_exit
from fairmesh.machines.ssh_keys import try_login
from fairmesh.machines.transport import ANSWER, UnreachableError
from fairmesh.project import MACHINES, own_or_installed
from fairmesh.study.machines import Machine


class SshTransport(ProcessTransport):
    """Carries requests to a host over ssh; calls share one connection.

    Parameters
    ----------
    name : str
        The name of the machine in messages.
    machine : Machine
        Its settings.
    folder : Path
        The folder that a relative `Machine.ssh_config` starts from.

    Raises
    ------
    InputError
        If the settings name no configuration file that there is.
    """

    def __init__(self, name: str, machine: Machine, folder: Path = Path()) -> None:
        super().__init__(machine.base, machine.python, name)
        self.ssh = ssh_host(name, machine, folder)
        self.target = Target(name, self.ssh.host, machine.python)

    def environment(self) -> Mapping[str, str]:
        """Return the variables of ssh."""
        return self.ssh.environment

    def command(self) -> Sequence[str]:
        """Return the call of ssh."""
        options = [f"-o{option}" for option in OPTIONS]
        return self.ssh.command("-T", *options, *self.ssh.shared_connection(), run=remote_command(self._python))

    def failure(self, status: int, output: str, has_begun: bool) -> FairmeshError:
        """Return the error of a call that ended without an answer."""
        if has_begun:
            return UnreachableError(f"{self.host}: the connection ended before the answer")
        error = error_of_exit(self.target, status, output)
        if isinstance(error, UnreachableError) and self.ssh.settings.get("proxyjump"):
            return self._failure_of_jump() or error
        return error

    def _failure_of_jump(self) -> FairmeshError | None:
        """Return the error of a connection of its own: a shared one hides the message of the jump host."""
        try:
            try_login(self.ssh, self.target)
        except FairmeshError as error:
            return error
        return None

    def call(
        self,
        request: Mapping[str, Any],
        payload: Callable[[BinaryIO], None] | None = None,
        save: Path | None = None,
        timeout: float = ANSWER,
    ) -> dict[str, Any]:
        """Send a request; return the answer; see ``Transport``."""
        try:
            return super().call(request, payload, save, timeout)
        except UnreachableError:
            self.ssh.stop_sharing()  # the connection may be dead: the next call opens another one
            raise

    def copy_files(self, results: Path, names: Iterable[str], target: str, program: str) -> None:
        """Copy files into a folder there; see ``rsync.copy``."""
        try:
            rsync.copy(self.ssh, results, names, target, program)
        except UnreachableError:
            self.ssh.stop_sharing()
            raise

    def close(self) -> None:
        """End the connection, unless the user has opened it."""
        self.ssh.stop_sharing()


def ssh_host(name: str, machine: Machine, folder: Path) -> SshHost:
    """Return the host of a machine.

    Raises
    ------
    InputError
        If the configuration file of ssh is missing.
    """
    if machine.ssh_config is None:
        return SshHost(str(machine.host))
    try:
        config = (folder / expand_path(machine.ssh_config)).absolute()
    except ValueError as error:
        raise InputError([Problem(f"'{name}.ssh_config' {error}", MACHINES.name)]) from error
    if not config.is_file():
        raise InputError([Problem(f"'{name}.ssh_config': there is no file {config}", MACHINES.name)])
    return SshHost(str(machine.host), config)


def computers(name: str, machine: Machine, paths: StudyPaths, project: Path, run: str = "") -> Computers:
    """Return the one computer of a machine."""
    del paths, run  # for rented machines
    folder = own_or_installed(project, MACHINES).parent
    return SingleComputer(SshTransport(name, machine, folder), machine.slots)
