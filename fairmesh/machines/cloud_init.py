"""What an instance is given when it is created: host key, user, and the switch that ends it if nobody renews it.

The text is a cloud-config of cloud-init, written as JSON, which is YAML.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fairmesh.errors import FairmeshError
from fairmesh.study.machines import Machine

HEAD = "#cloud-config\n"
_SWITCH_SCRIPT = Path(__file__).with_name("switch.sh")
SWITCH = "/usr/local/sbin/fairmesh-switch"
DEADLINE = ".fairmesh-deadline"
"""The file in the home of the user by which the switch is renewed: fairmesh/target/renew.py writes it."""


class KeyPair(NamedTuple):
    """A key of ssh: the private text, and type and key of the public line."""

    private: str
    public: str


def make_key() -> KeyPair:
    """Make a key of ssh; the private part is on the disk only while this runs.

    Raises
    ------
    FairmeshError
        If ssh-keygen does not work.
    """
    with tempfile.TemporaryDirectory(prefix="fairmesh-key-") as place:
        path = Path(place, "key")
        write_key(path)
        public = path.with_suffix(".pub").read_text(encoding="ascii")
        return KeyPair(path.read_text(encoding="ascii"), " ".join(public.split()[:2]))


def write_key(path: Path) -> None:
    """Write a new key of ssh without a passphrase, and its public part beside it."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "fairmesh", "-f", str(path)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    except OSError as error:
        raise FairmeshError(f"ssh-keygen cannot be started: {error.strerror}; install the OpenSSH client") from error
    if done.returncode:
        raise FairmeshError(f"ssh-keygen failed: {done.stderr.strip()}")


def user_data(machine: Machine, authorized: Sequence[str], host_key: KeyPair | None, end: float) -> str:
    """Return the user data of an instance.

    Parameters
    ----------
    machine : Machine
        Its settings.
    authorized : sequence of str
        Public keys that may log in.
    host_key : KeyPair, optional
        Its host key; without one, the instance makes its own.
    end : float
        Seconds since 1970 when its lifetime is over.
    """
    switch = _switch_command(machine, end)
    config: dict[str, Any] = {
        "ssh_pwauth": False,
        "disable_root": machine.user != "root",
        "users": ["default", _user(machine.user, authorized)],
        "write_files": [
            _file(SWITCH, _SWITCH_SCRIPT.read_text(encoding="utf-8"), "0755"),
            _file("/etc/systemd/system/fairmesh-switch.service", _unit(switch), "0644"),
        ],
        "runcmd": [
            ["shutdown", "-P", f"+{max(1, round(machine.lifetime))}"],
            ["sh", "-c", f"{_ENABLE} || {{ nohup {switch} >/dev/null 2>&1 & }}"],
        ],
    }
    if host_key:
        keys = {"ed25519_private": host_key.private, "ed25519_public": host_key.public}
        config |= {"ssh_deletekeys": True, "ssh_keys": keys}
    return HEAD + json.dumps(config)


_ENABLE = "systemctl daemon-reload && systemctl enable --now fairmesh-switch.service"


def _user(name: str, authorized: Sequence[str]) -> dict[str, Any]:
    keys = {"name": name, "ssh_authorized_keys": list(authorized)}
    return keys if name == "root" else {**keys, "shell": "/bin/bash", "lock_passwd": True}


def _file(path: str, content: str, mode: str) -> dict[str, str]:
    return {"path": path, "content": content, "permissions": mode, "owner": "root:root"}


def _switch_command(machine: Machine, end: float) -> str:
    """Return the command for sh; the user's name has letters, digits, ``_`` and ``-`` alone."""
    return f"{SWITCH} ~{machine.user}/{DEADLINE} {round(machine.unattended * 60)} {round(end)}"


def _unit(command: str) -> str:
    return (
        "[Unit]\nDescription=Powers this instance off if fairmesh does not renew it\n"
        f"[Service]\nExecStart=/bin/sh -c 'exec {command}'\nRestart=always\nRestartSec=5\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )


def console_keys(console: str) -> str:
    """Return the host keys that cloud-init printed on a console, a line each; empty if there are none yet.

    >>> lines = ("-----BEGIN SSH HOST KEY KEYS-----", "ssh-ed25519 AAAA root@x", "-----END SSH HOST KEY KEYS-----")
    >>> console_keys(chr(10).join(lines))
    'ssh-ed25519 AAAA'
    """
    _, begin, rest = console.partition("-----BEGIN SSH HOST KEY KEYS-----")
    keys, end, _ = rest.partition("-----END SSH HOST KEY KEYS-----")
    if not begin or not end:
        return ""
    lines = [line.split() for line in keys.splitlines()]
    return "\n".join(" ".join(words[:2]) for words in lines if len(words) >= 2 and words[0] in _KEY_TYPES)


_KEY_TYPES = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
