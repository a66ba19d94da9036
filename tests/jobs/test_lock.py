"""One run of a study at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from fairmesh.jobs.lock import RunLock

HOLD = """
import sys, time
from pathlib import Path
from fairmesh.jobs.lock import RunLock
assert RunLock(Path(sys.argv[1])).try_take()
print("taken", flush=True)
time.sleep(60)
"""


def test_a_lock_is_held_by_one_process_and_given_back_by_its_death(tmp_path: Path) -> None:
    path = tmp_path / "study/run.lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "taken\n"
        mine = RunLock(path)
        assert not mine.try_take(patience=0.15)
        assert mine.holder()["pid"] == holder.pid
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert mine.try_take()
        assert mine.try_take(), "it stays taken"
        assert mine.holder()["pid"] == os.getpid()
