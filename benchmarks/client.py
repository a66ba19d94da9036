"""Run a command and report the CPU seconds of all that it starts: ``python -m benchmarks.client REPORT COMMAND...``.

Processes that outlive the command count too, like the connection that calls of ssh share: they become children of this
process, which waits for them. Linux only.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl


def main(report: str, command: Sequence[str]) -> int:
    """Run the command, write the CPU seconds into a file, and return the exit status."""
    if ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0):
        raise OSError("processes cannot be adopted")
    signals = (signal.SIGTERM, signal.SIGINT)  # the command ends by them, and this process then reports
    for number in signals:
        signal.signal(number, signal.SIG_IGN)
    process = os.posix_spawnp(command[0], list(command), dict(os.environ), setsigdef=signals)
    status, peak = 1, 0
    while True:
        try:
            ended, code, usage = os.wait3(0)
        except ChildProcessError:
            break
        if ended == process:
            status, peak = os.waitstatus_to_exitcode(code), usage.ru_maxrss * 1024
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    Path(report).write_text(json.dumps({"cpu_s": used.ru_utime + used.ru_stime, "peak_bytes": peak}))
    return abs(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
