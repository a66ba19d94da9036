"""Copy files to a host with rsync, over the connection that the other calls of ssh share."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from fairmesh.errors import FairmeshError
from fairmesh.machines.ssh_command import OPTIONS, SshHost
from fairmesh.machines.transport import RequestError, UnreachableError
from fairmesh.printing import one_line

_STALLED = 60  # seconds without a byte
_PLAIN = re.compile(r"[\w.@/+,=:%-]+", re.ASCII)  # a path or word that means the same in every shell
_HOST = re.compile(r"[\w.@-]+", re.ASCII)
# Exit status of rsync and of shells where another try does not help: syntax, versions, files, no such program.
_USELESS = (1, 2, 3, 4, 5, 6, 126, 127)
_OF_FILES = (11, 23, 24)


class NoRsyncError(FairmeshError):
    """Raised if files cannot be copied with rsync: one side lacks it, or they do not understand each other."""


def copy(ssh: SshHost, results: Path, names: Iterable[str], target: str, program: str) -> None:
    """Copy files into a folder of a host; what an earlier copy has left there is not sent again.

    Parameters
    ----------
    ssh : SshHost
        The host.
    results : Path
        The folder that the names are relative to.
    names : iterable of str
        The files.
    target : str
        The absolute path of the folder there, as the host says.
    program : str
        The path of rsync there, as the host says; empty if there is none.

    Raises
    ------
    NoRsyncError
        If that is not possible with rsync.
    UnreachableError
        If the connection was cut.
    RequestError
        If files cannot be read here, or written there.
    """
    command = _command(ssh, results, target, program)
    done = subprocess.run(
        command,
        check=False,
        input=b"".join(os.fsencode(name) + b"\0" for name in names),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=ssh.environment,
        start_new_session=True,
    )
    if done.returncode:
        raise _error(ssh.host, done.returncode, done.stderr.decode("utf-8", "replace"))


def _command(ssh: SshHost, results: Path, target: str, program: str) -> Sequence[str]:
    own = shutil.which("rsync")
    if not own or not program:
        raise NoRsyncError(f"rsync is missing {'there' if own else 'on this computer'}")
    shell = ssh.command("-T", *[f"-o{option}" for option in OPTIONS], *ssh.shared_connection())[:-2]  # -- and the host
    strange = [word for word in (target, program) if not _PLAIN.fullmatch(word) or not word.startswith("/")]
    strange += [word for word in shell if "'" in word or '"' in word]
    strange += [] if _HOST.fullmatch(ssh.host) and not ssh.host.startswith("-") else [ssh.host]
    if strange:
        raise NoRsyncError(f"rsync cannot be called with {ascii(strange[0])[:200]}")
    # In place, so that even a killed host keeps what has arrived; the host compares checksums at the end.
    options = ["--inplace", "--times", "--perms", "--chmod=u+rw", "--from0", "--files-from=-", f"--timeout={_STALLED}"]
    words = " ".join(shlex.quote(word) for word in shell)
    return [own, *options, f"--rsync-path={program}", "-e", words, "--", f"{results}/", f"{ssh.host}:{target}/"]


def _error(host: str, status: int, output: str) -> FairmeshError:
    reason = one_line(output)[-500:] or f"exit status {status}"
    if status in _USELESS:
        return NoRsyncError(f"rsync cannot be used: {reason}")
    if status in _OF_FILES:
        return RequestError(f"{host}: rsync cannot copy files: {reason}")
    return UnreachableError(f"{host}: the copy of files was cut: {reason}")
