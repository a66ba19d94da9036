"""The processes of a program and their usage, read from Linux's /proc; on other systems nothing is measured.

On Linux the runner adopts the orphans among its descendants (prctl(2), PR_SET_CHILD_SUBREAPER), so that none escapes.
Elsewhere only the program's process group is known.
"""

import contextlib
import os
import sys
from typing import Dict, List, NamedTuple

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Sample(NamedTuple):
    """Usage of a process tree: CPU seconds so far, resident bytes now, and storage bytes so far."""

    cpu_s: float
    resident_bytes: int
    read_bytes: int
    write_bytes: int


def tree(root: int) -> List[int]:
    """Return a process and its descendants."""
    pids = [root]
    for pid in pids:
        pids.extend(children(pid))
    return pids


def children(pid: int) -> List[int]:
    """Return the children of a process."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    texts = (read(f"/proc/{pid}/task/{thread}/children") for thread in threads)
    return [int(child) for text in texts for child in text.split()]


def read(path: str) -> str:
    """Return the text of a file of /proc, empty if it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def sample(*roots: int) -> Sample:
    """Measure processes and their descendants.

    CPU time and I/O of children that were waited for are in their parent's numbers: see proc(5), stat and io.
    """
    used = [_one(pid) for root in roots for pid in tree(root)]
    return Sample(
        sum(usage.cpu_s for usage in used),
        sum(usage.resident_bytes for usage in used),
        sum(usage.read_bytes for usage in used),
        sum(usage.write_bytes for usage in used),
    )


def _one(pid: int) -> Sample:
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if len(fields) < 22:
        return Sample(0.0, 0, 0, 0)
    ticks = sum(int(field) for field in fields[11:15])
    io = io_counters(read(f"/proc/{pid}/io"))
    return Sample(ticks / TICK, int(fields[21]) * PAGE, io.get("read_bytes", 0), io.get("write_bytes", 0))


def io_counters(text: str) -> Dict[str, int]:
    """Read the lines of /proc/PID/io."""
    pairs = (line.split(": ") for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def pressure() -> Dict[str, float]:
    """Return the share of the last ten seconds, in percent, in which some task of the host waited: psi(7)."""
    shares = {}
    for resource in ("cpu", "memory", "io"):
        for line in read("/proc/pressure/" + resource).splitlines():
            if line.startswith("some avg10="):
                shares[resource] = float(line.split()[1].split("=")[1])
    return shares


_SET_CHILD_SUBREAPER = 36


class ProcessTree:
    """All processes that descend from this one after it was created, including those in sessions of their own."""

    def __init__(self) -> None:
        self._preexisting = frozenset(tree(os.getpid()))
        self.cpu_s, self.peak_bytes = 0.0, 0  # of orphans that have ended, such as the monitor of a container
        with contextlib.suppress(ImportError, OSError, AttributeError):
            import ctypes  # noqa: PLC0415  not everywhere, and only a runner that starts a program needs it

            ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def signal_outside_group(self, group: int, number: int) -> None:
        """Signal all processes outside a process group."""
        for pid in self._members():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getpgid(pid) != group:
                    os.kill(pid, number)

    def _members(self) -> List[int]:
        return [pid for pid in tree(os.getpid()) if pid not in self._preexisting]

    def adopted(self, program: int) -> List[int]:
        """Return the orphans that this process has adopted; the program itself is left out."""
        return [pid for pid in children(os.getpid()) if pid != program and pid not in self._preexisting]

    def reap(self, program: int) -> None:
        """Wait for adopted orphans that have ended, so that no zombies remain, and add up their usage."""
        for pid in self.adopted(program):
            with contextlib.suppress(ChildProcessError):
                ended, _, used = os.wait4(pid, os.WNOHANG)
                if ended:
                    self.cpu_s += used.ru_utime + used.ru_stime
                    self.peak_bytes = max(self.peak_bytes, used.ru_maxrss * MAXRSS_UNIT)
