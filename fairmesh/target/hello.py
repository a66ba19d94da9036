"""``hello``: the facts about a machine that its users and the dispatcher want to know."""

import glob
import os
import platform
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from typing import Any, Dict, List, Optional

from ..runner import jsonfiles, owner
from ..runner.gpu import Gpus
from ..runner.leases import cores
from ..runner.safefiles import NoLocksError, try_link, try_lock
from ..runner.text import lines_of
from ..schedulers import SchedulerError, available
from .request import Answer, Request

PROGRAMS = ("bash", "tar", "rsync", "nvidia-smi", "apptainer", "singularity", "podman", "docker", "shutdown")
_ANSWER = 10.0  # seconds for the answer of a program
_QUOTAS = (["quota", "-w", "-s"], ["lfs", "quota", "-h", "."])


def answer(request: Request) -> Answer:
    """Return the facts; nothing stays on the machine."""
    base = request.base
    uname = os.uname()
    facts: Dict[str, Any] = {
        "host": uname[1],
        "system": f"{uname[0]} {uname[2]} {uname[4]}",
        "user": _user(),
        "boot": owner.current_process()["boot"],
        "python": platform.python_version(),
        "cores": len(cores()),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpus": [gpu.name for gpu in Gpus().all],
        "base": base,
        "clock": time.time(),
        "schedulers": _schedulers(),
        "programs": {name: shutil.which(name) or "" for name in PROGRAMS},
        "ends_user_processes": _ends_user_processes(),
    }
    facts.update(_storage(base))
    return Answer(facts)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _schedulers() -> List[Dict[str, str]]:
    """Return the schedulers that are installed, each with its version or why it does not answer."""
    found = []
    for scheduler in available():
        entry = {"name": scheduler.name, "version": "", "cluster": "", "problem": ""}
        try:
            entry.update(version=scheduler.version(_ANSWER), cluster=scheduler.cluster(_ANSWER))
        except SchedulerError as error:
            entry["problem"] = error.reason
        found.append(entry)
    return found


def _storage(base: str) -> Dict[str, Any]:
    """Return what the file system of the base folder can do, and how much is free there."""
    parent = base
    while not os.path.isdir(parent) and parent != os.path.dirname(parent):
        parent = os.path.dirname(parent)
    facts: Dict[str, Any] = {"is_writable": False, "has_hard_links": False, "has_locks": False, "problem": ""}
    status = os.statvfs(parent)
    facts.update(free=status.f_bavail * status.f_frsize, free_files=status.f_favail, quota=_quota(parent))
    try:
        with tempfile.TemporaryDirectory(prefix=".fairmesh-", dir=parent) as folder:
            facts.update(
                _abilities(os.path.join(folder, "file")), is_writable=parent == base or not os.path.lexists(base)
            )
    except OSError as error:
        facts["problem"] = f"{parent}: {error.strerror}"
    return facts


def _abilities(path: str) -> Dict[str, bool]:
    jsonfiles.write(path, {})
    with open(path, "rb") as file:
        try:
            has_locks = try_lock(file.fileno(), path)
        except NoLocksError:
            has_locks = False
    return {"has_hard_links": try_link(path, path + ".link") is True, "has_locks": has_locks}


def _quota(folder: str) -> str:
    """Return what the quota programs of the system print about a folder, in lines; empty without any."""
    for command in _QUOTAS:
        output = _output(command, folder)
        if output:
            return "\n".join(lines_of(output)[:20])
    return ""


def _output(command: List[str], folder: str) -> Optional[bytes]:
    try:
        done = subprocess.run(
            command, check=False, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_ANSWER
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _ends_user_processes() -> bool:
    """Return whether systemd ends the processes of a user who logs out, according to its settings."""
    value = "no"
    for path in ["/etc/systemd/logind.conf", *sorted(glob.glob("/etc/systemd/logind.conf.d/*.conf"))]:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                value = (re.findall(r"^\s*KillUserProcesses\s*=\s*(\w+)", file.read(), re.MULTILINE) or [value])[-1]
        except OSError:
            continue
    lingers = os.path.exists(os.path.join("/var/lib/systemd/linger", _user()))
    return value.lower() in ("yes", "true", "1", "on") and not lingers
