"""What tests of machines share: the end of jobs that still run there, and small disks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.needs import must_have


def end_jobs(base: Path) -> None:
    """End the processes of all jobs below the base folder of a machine that is this computer."""
    for path in base.glob("**/starts/*.json"):
        group = json.loads(path.read_text()).get("process", {}).get("process_group", 0)
        if group > 1:
            with suppress(OSError):
                os.killpg(group, signal.SIGKILL)
    for path in base.glob("**/attempts/*/process.json"):
        with suppress(OSError):
            os.killpg(json.loads(path.read_text())["pid"], signal.SIGKILL)


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[None]:
    """Mount a small file system over a folder."""
    must_have(os.geteuid() == 0, "only root can mount: full disks are not tested")
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=False)
    must_have(mounted.returncode == 0, "no right to mount: full disks are not tested")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
