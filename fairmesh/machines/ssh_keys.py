"""Host keys of machines: what a machine shows, what the user's ssh knows, and how a key becomes known."""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

from fairmesh.machines.ssh_command import CONNECT, OPTIONS, SshHost, run_locally
from fairmesh.machines.ssh_errors import Target, UnknownKeyError, error_of_exit
from fairmesh.machines.transport import RefusedError, UnreachableError
from fairmesh.printing import one_line

_PATIENCE = 3.0 * CONNECT  # seconds for connections through jump hosts
_ALONE = ("-T", "-oControlMaster=no", "-oControlPath=none", "-oNumberOfPasswordPrompts=0")
_NO_LOGIN = ("-oPreferredAuthentications=none", "-oPubkeyAuthentication=no")
_SHOWN = re.compile(r"^debug1: Server host key: (\S+) (SHA256:\S+)", re.MULTILINE)


@dataclass(frozen=True)
class HostKey:
    """A host key.

    Parameters
    ----------
    kind : str
        Its algorithm, as ``ED25519``.
    fingerprint : str
        ``SHA256:`` and the hash, as administrators publish it.
    line : str
        Its line in a file of known hosts.
    """

    kind: str
    fingerprint: str
    line: str


@dataclass(frozen=True)
class Login:
    """What a new connection showed.

    Parameters
    ----------
    key : str
        Algorithm and fingerprint of the host key; empty if ssh does not say.
    printed : str
        What the login shell printed.
    """

    key: str
    printed: str


def try_login(ssh: SshHost, target: Target) -> Login:
    """Open a new connection and run ``true``.

    Raises
    ------
    UnreachableError, RefusedError
        If that is impossible.
    """
    options = [f"-o{option}" for option in OPTIONS if not option.startswith("LogLevel")]
    done = run_locally(ssh.command("-v", *_ALONE, *options, run="true"), _PATIENCE)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if not line.startswith("debug")]
        raise error_of_exit(target, done.returncode, "; ".join(lines[-3:]))
    keys = _SHOWN.findall(done.stderr)  # those of jump hosts come before
    return Login(" ".join(keys[-1]) if keys else "", done.stdout)


def is_key_known(ssh: SshHost, target: Target) -> bool:
    """Return whether the user's ssh accepts the host key that the machine shows now; nobody logs in.

    Raises
    ------
    ChangedKeyError
        If it knows another one.
    UnreachableError, RefusedError
        If the machine cannot be reached.
    """
    done = run_locally(ssh.command(*_ALONE, *_NO_LOGIN, *[f"-o{option}" for option in OPTIONS], run="true"), _PATIENCE)
    if done.returncode == 0 or "Permission denied" in done.stderr:
        return True
    error = error_of_exit(target, done.returncode, "; ".join(done.stderr.splitlines()[-3:]))
    if isinstance(error, UnknownKeyError):
        return False
    raise error


def offered_keys(ssh: SshHost) -> list[HostKey]:
    """Return the host keys that the machine shows now, to be compared by a person; nobody logs in.

    Raises
    ------
    UnreachableError
        If it shows none.
    """
    options = [f"-o{option}" for option in OPTIONS if not option.startswith("StrictHostKeyChecking")]
    with tempfile.TemporaryDirectory(prefix="fairmesh-keys-") as folder:
        known = Path(folder, "known_hosts")
        # Only this file, which is thrown away, gets the key without a question; the next call does not trust it.
        files = [f"-oUserKnownHostsFile={known}", "-oGlobalKnownHostsFile=/dev/null", "-oUpdateHostKeys=no"]
        accept = ["-oStrictHostKeyChecking=accept-new", *files]
        done = run_locally(ssh.command(*_ALONE, *_NO_LOGIN, *options, *accept, run="true"), _PATIENCE)
        keys = _read_keys(known) if known.exists() else []
    if not keys:
        raise UnreachableError(f"{ssh.host} shows no host key: {one_line(done.stderr)[-500:]}{_jump_advice(ssh)}")
    return keys


def _read_keys(known: Path) -> list[HostKey]:
    keys = []
    for line in known.read_text().splitlines():
        known.write_text(f"{line}\n")
        # "256 SHA256:hash name (ED25519)"
        words = run_locally(["ssh-keygen", "-lf", str(known)]).stdout.split()
        if len(words) >= 4:
            keys.append(HostKey(words[-1].strip("()"), words[1], line))
    return keys


def _jump_advice(ssh: SshHost) -> str:
    jump = ssh.settings.get("proxyjump", "")
    return f"; connect once to its jump host by hand: ssh {shlex.quote(jump)}" if jump else ""


def known_hosts_file(ssh: SshHost) -> Path:
    """Return the file where the user's ssh keeps the host keys that it learns.

    Raises
    ------
    RefusedError
        If there is none.
    """
    files = _files(ssh, "userknownhostsfile")
    if not files or str(files[0]) in {"none", os.devnull}:
        raise RefusedError(f"{ssh.host}: the configuration of ssh keeps no host keys (UserKnownHostsFile)")
    return files[0]


def name_in_known_hosts(ssh: SshHost) -> str:
    """Return the name under which the user's ssh keeps the host key.

    >>> ssh = SshHost("dgx")
    >>> ssh.__dict__["settings"] = {"hostname": "10.0.0.1", "port": "2222"}
    >>> name_in_known_hosts(ssh)
    '[10.0.0.1]:2222'
    """
    host, port = ssh.settings.get("hostname", ssh.host), ssh.settings.get("port", "22")
    return ssh.settings.get("hostkeyalias") or (host if port == "22" else f"[{host}]:{port}")


def removal_command(ssh: SshHost) -> str:
    """Return the command by which a user removes the host key that is known."""
    name = name_in_known_hosts(ssh)
    files = [path for key in ("userknownhostsfile", "globalknownhostsfile") for path in _files(ssh, key)]
    path = next((path for path in files if _has_key(path, name)), known_hosts_file(ssh))
    return shlex.join(["ssh-keygen", "-f", str(path), "-R", name])


def _files(ssh: SshHost, key: str) -> list[Path]:
    return [Path(text).expanduser() for text in shlex.split(ssh.settings.get(key, ""))]


def _has_key(path: Path, name: str) -> bool:
    return path.is_file() and run_locally(["ssh-keygen", "-f", str(path), "-F", name]).returncode == 0


def add_keys(ssh: SshHost, keys: list[HostKey]) -> Path:
    """Add host keys to the file of the user's ssh; return the file."""
    path = known_hosts_file(ssh)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = path.read_text(errors="surrogateescape") if path.exists() else ""
    begin = "" if not text or text.endswith("\n") else "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(begin + "".join(f"{key.line}\n" for key in keys))
    return path
