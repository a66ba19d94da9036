"""How ssh reaches rented instances: keys and known host keys, in a private folder of the user."""

from __future__ import annotations

import os
import re
from pathlib import Path

from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.files import expand_path, write_text
from fairmesh.machines.cloud_init import write_key
from fairmesh.machines.rentals import Rental
from fairmesh.study.machines import Machine
from fairmesh.user import home_folder

PRIVATE = 0o600
_PUBLIC_KEY = re.compile(r"(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/=]+( .*)?", re.IGNORECASE)
_UNSAFE_PATH = re.compile(r'["$\n\r\\]')


class Access:
    """Keys and files of ssh for the instances of a machine.

    Parameters
    ----------
    name : str
        The machine's name.
    machine : Machine
        Its settings.
    home : str
        The name of the results folder on other machines.
    folder : Path
        The folder that relative paths of the settings start from.

    Raises
    ------
    FairmeshError
        If the folder cannot be made, or ssh could not read its path.
    """

    def __init__(self, name: str, machine: Machine, home: str, folder: Path = Path()) -> None:
        self._machine, self._start = machine, folder
        self._folder = state_folder() / "machines" / home
        self._place = self._folder / name
        if _UNSAFE_PATH.search(str(self._folder)):
            raise FairmeshError(f"ssh cannot read the path {str(self._folder)!r}; set XDG_STATE_HOME to another folder")

    def authorized_keys(self) -> list[str]:
        """Return the public keys that may log in to instances: those of the settings, or fairmesh's own."""
        given = self._machine.public_key
        path = self._expanded(given, "public_key") if given else self._own_key().with_suffix(".pub")
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not a text"
            raise InputError([Problem(f"'public_key': {path} cannot be read: {reason}")]) from error
        keys = [line for line in lines if _PUBLIC_KEY.fullmatch(line)]
        if not keys:
            raise InputError([Problem(f"'public_key': {path} has no public key of ssh")])
        return keys

    def host(self, rental: Rental) -> Machine:
        """Return an instance as a host of ssh; its host key is known, and no other is accepted."""
        folder = self._place / rental.token
        alias = f"fairmesh-{rental.token}"
        keys = [f"{alias} {line}" for line in rental.host_key.splitlines()]
        write_text(folder / "known_hosts", "".join(f"{line}\n" for line in keys), PRIVATE)
        write_text(folder / "config", self._config(rental, alias, folder / "known_hosts"), PRIVATE)
        settings = {
            "kind": "ssh",
            "host": f"{self._machine.user}@{rental.address}",
            "ssh_config": str(folder / "config"),
        }
        return self._machine.model_copy(update=settings)

    def forget(self, rental: Rental) -> None:
        """Remove the files of an instance that is gone."""
        folder = self._place / rental.token
        for path in folder.glob("*"):
            path.unlink(missing_ok=True)
        if folder.is_dir():
            folder.rmdir()

    def _config(self, rental: Rental, alias: str, known: Path) -> str:
        lines = [
            f"Host {rental.address}",
            *([f"  Port {rental.port}"] if rental.port != 22 else []),
            f"  HostKeyAlias {alias}",
            f'  UserKnownHostsFile "{_quoted(known)}"',
            "  GlobalKnownHostsFile none",
            "  StrictHostKeyChecking yes",
            "  UpdateHostKeys no",
        ]
        if not self._machine.public_key:
            lines += [f'  IdentityFile "{_quoted(self._own_key())}"', "  IdentitiesOnly yes"]
        own = self._expanded(self._machine.ssh_config, "ssh_config") if self._machine.ssh_config else "~/.ssh/config"
        return "\n".join([*lines, "Host *", f'Include "{own}"']) + "\n"

    def _own_key(self) -> Path:
        """Return the private key for this results folder's instances; it is made once."""
        path = self._folder / "id_ed25519"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside = self._folder / f"id_{os.getpid()}"
            write_key(beside)
            beside.with_suffix(".pub").replace(path.with_suffix(".pub"))
            beside.replace(path)
        return path

    def _expanded(self, path: str, key: str) -> Path:
        """Return the absolute path that a setting means."""
        try:
            expanded = (self._start / expand_path(path)).absolute()
        except ValueError as error:
            raise InputError([Problem(f"{key!r} {error}")]) from error
        if _UNSAFE_PATH.search(str(expanded)):
            raise InputError([Problem(f"{key!r} must not contain a quote, a dollar or a backslash")])
        return expanded


def state_folder() -> Path:
    """Return the user's folder for what programs keep between runs.

    Raises
    ------
    FairmeshError
        If the user has no home.
    """
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    home = home_folder()
    if not given.is_absolute() and home is None:
        raise FairmeshError("keys of rented machines need a folder: set HOME or XDG_STATE_HOME")
    return (given if given.is_absolute() else Path(home or "/") / ".local/state") / "fairmesh"


def _quoted(path: Path) -> str:
    """Return a path for a file of ssh, which replaces ``%``."""
    return str(path).replace("%", "%%")
