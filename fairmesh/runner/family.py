"""All processes of a program, those too that made a session of their own or lost their parent.

On Linux the runner adopts the orphans among its descendants (prctl(2), PR_SET_CHILD_SUBREAPER), so that none escapes.
Elsewhere the program's process group is all that is known.
"""

import contextlib
import os
from typing import List

from . import processes

_SET_CHILD_SUBREAPER = 36


class ProcessTree:
    """What descends from this process from now on."""

    def __init__(self) -> None:
        self._preexisting = frozenset(processes.tree(os.getpid()))
        with contextlib.suppress(ImportError, OSError, AttributeError):
            import ctypes  # noqa: PLC0415  not everywhere, and only a runner that starts a program needs it

            ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def signal_strays(self, group: int, number: int) -> None:
        """Signal all members that are not in a process group."""
        for pid in self._members():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getpgid(pid) != group:
                    os.kill(pid, number)

    def _members(self) -> List[int]:
        return [pid for pid in processes.tree(os.getpid()) if pid not in self._preexisting]

    def reap(self, program: int) -> None:
        """Wait for adopted orphans that have ended, so that they do not stay as zombies; the program is not one."""
        for pid in processes.children(os.getpid()):
            if pid != program and pid not in self._preexisting:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
