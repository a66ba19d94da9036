"""Machines with faults: the process that serves a request, and the runner, execute other code first."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fairmesh.machines.process import ProcessTransport
from fairmesh.machines.protocol import local_command
from tests.target.client import Client

# No hard links anywhere, and no locks in the base folder, as on some file systems of clusters.
NFS_LIKE = """
import errno, fcntl, os
def fail(*_, **__):
    raise OSError(errno.EPERM, "Operation not permitted")
os.link = fail
real = fcntl.flock
def flock(descriptor, how):
    if os.readlink("/proc/self/fd/%d" % descriptor).startswith({base!r}):
        raise OSError(errno.ENOLCK, "No locks available")
    return real(descriptor, how)
fcntl.flock = flock
"""

# The process kills itself before the Nth event that can change files or start something; it counts them in a file.
KILL_AT = """
import os, signal, sys
here, count = os.getpid(), [0]
def hook(event, arguments):
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if os.getpid() != here or not (writes or event in {events!r}):
        return
    count[0] += 1
    if count[0] == {number}:
        os.kill(here, signal.SIGKILL)
sys.addaudithook(hook)
"""
EVENTS = ("os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.fork", "os.truncate", "subprocess.Popen")


@dataclass
class PatchedClient(Client):
    """A client whose machine executes code first."""

    patch: str = ""

    def transport(self) -> ProcessTransport:
        """Return a transport to the machine."""
        program, option, loader = local_command(self.python)
        patch = self.patch

        class Patched(ProcessTransport):
            def command(self) -> list[str]:
                return [program, option, f"{patch}\n{loader}"]

        return Patched(self.base, self.python, "far", self.environment)


def with_patched_runner(folder: Path, patch: str) -> Mapping[str, str]:
    """Return an environment in which ``python3`` executes code before the runner."""
    folder.mkdir()
    (folder / "patch.py").write_text(
        f"{patch}\nimport runpy, sys\ndel sys.argv[0]\nrunpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    program = folder / "python3"
    program.write_text(
        "#!/bin/sh\n"
        "until case $1 in *.pyz) ;; *) false ;; esac; do shift; done\n"
        f'exec {sys.executable} -IS {folder}/patch.py "$@"\n'
    )
    program.chmod(0o755)
    return dict(os.environ, PATH=f"{folder}{os.pathsep}{os.environ['PATH']}")
