"""Why ssh did not reach a machine: it may answer later, or a person must act first, and how."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from fairmesh.errors import FairmeshError
from fairmesh.machines.transport import RefusedError, UnreachableError
from fairmesh.printing import one_line

SSH_FAILED = 255  # exit status of ssh itself
# Exit status of a shell that cannot start a program or has an error in a profile, and of Python 2.
_CANNOT_RUN = (2, 126, 127)
_TOO_OLD = r"SyntaxError|Unknown option: -I|No module named"  # what an old Python says of the first code


class UnknownKeyError(RefusedError):
    """Raised if the host key of a machine is not known."""


class ChangedKeyError(RefusedError):
    """Raised if another host key of a machine is known, or the key is revoked."""


@dataclass(frozen=True)
class Target:
    """The machine in messages.

    Parameters
    ----------
    name : str
        Its name in machines.yaml.
    host : str
        The host of ssh.
    python : str
        Its Python.
    """

    name: str
    host: str
    python: str


def error_of_exit(target: Target, status: int, output: str) -> FairmeshError:
    """Return the error of a call of ssh that ended without an answer.

    Parameters
    ----------
    target : Target
        The machine.
    status : int
        The exit status of ssh, which is that of the command on the machine, or 255.
    output : str
        The last lines of its output.
    """
    output = one_line(output)[-1000:]
    if status == SSH_FAILED:
        for pattern, kind, advice in _ADVICE:
            if re.search(pattern, output):
                text = advice.format(name=target.name, host=target.host, output=output)
                return kind(f"{target.name}: {text}")
        return UnreachableError(f"{target.name} cannot be reached: {output or 'ssh ended without a message'}")
    if status in _CANNOT_RUN or re.search(_TOO_OLD, output):
        return RefusedError(
            f"{target.name}: {target.python} cannot be started ({output or f'exit status {status}'}); set `python` in "
            "machines.yaml to a Python 3.6 or later on that machine"
        )
    if status == 0:
        said = f": {output}" if output else ""
        return RefusedError(
            f"{target.name}: {target.python} ended without an answer{said}; set `python` in machines.yaml to a "
            "Python 3.6 or later on that machine"
        )
    if status == 1:
        reason = output or "exit status 1"
        return RefusedError(f"{target.name} does not run programs: {reason}; try `ssh {shlex.quote(target.host)} true`")
    return UnreachableError(f"{target.name}: exit status {status}{f': {output}' if output else ''}")


_ADVICE: tuple[tuple[str, type[RefusedError], str], ...] = (
    (
        r"(?i)host key verification failed.*(kex_exchange_identification|UNKNOWN port)",
        RefusedError,
        "ssh does not know the host key of its jump host, or knows another one; connect to the jump host once by hand",
    ),
    (
        r"(?i)host key .*(has changed|is revoked)|revoked host key",
        ChangedKeyError,
        "its host key has changed, another computer may answer in its place; see `fairmesh machines trust {name}`",
    ),
    (
        r"(?i)host key is known for|host key verification failed",
        UnknownKeyError,
        "its host key is not known; compare and add it with `fairmesh machines trust {name}`",
    ),
    (
        r"Permission denied \(.*(keyboard-interactive|password)",
        RefusedError,
        (
            "no permission ({output}); load your key with ssh-add, or if it asks for a password or a second factor, "
            "open a connection with `fairmesh machines connect {name}`"
        ),
    ),
    (
        r"Permission denied|Too many authentication failures",
        RefusedError,
        (
            "no permission ({output}); load your key with ssh-add, or set User and IdentityFile for {host} in the "
            "configuration of ssh"
        ),
    ),
    (
        r"(?i)bad configuration option|can't open user config|bad owner or permissions on",
        RefusedError,
        "the configuration of ssh has a mistake: {output}",
    ),
    (r"no matching .* found", RefusedError, "ssh and the machine have no algorithm in common: {output}"),
)
"""What a message of ssh means, and what to do; any other one may be gone with the next call."""
