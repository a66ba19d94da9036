"""Record the environment of an attempt: hardware, system, interpreter and packages, in a file named by its hash.

Only the variables in provenance.py are recorded, never all environment variables, which may contain secrets.
"""

import glob
import hashlib
import json
import os
import platform
import shutil
import subprocess
from typing import Any, Dict, Optional

from . import jsonfiles, owner, provenance
from .container import Container
from .gpu import Gpus
from .protocol import ENVIRONMENTS, FORMAT

# Run by the program's own interpreter, which may have other packages than the runner's.
_ASK_PYTHON = """
import json, platform
try:
    from importlib.metadata import distributions
except ImportError:
    distributions = list
packages = {d.metadata["Name"]: d.version for d in distributions() if d.metadata["Name"]}
found = {"version": platform.python_version(), "implementation": platform.python_implementation()}
print(json.dumps(dict(found, packages=packages)))
"""


def record(home: str, command: str, code: Dict[str, Any], container: Optional[Container] = None) -> str:
    """Write the environment of a command unless it is there, and return its SHA-256.

    Listing packages takes longer than a small experiment, so the result is cached until the host is rebooted, the
    interpreter's packages change, or the number of cores or the recorded settings differ.

    Parameters
    ----------
    home : str
        The folder of environments/.
    command : str
        The program; if it is a Python interpreter, its packages are recorded.
    code : dict
        The commits of application and project, as experiment.json names them.
    container : Container, optional
        The container of the command; its interpreter is recorded.
    """
    folder = os.path.join(home, ENVIRONMENTS)
    interpreter = _interpreter_name(command) if container else interpreter_of(command)
    settings = dict(provenance.settings(), code=code)
    settings.update({"container": container.describe()} if container else {})
    changed = container.digest if container else _changed(interpreter)
    about = [os.uname()[1], owner.current_process()["boot"], interpreter, changed, _cores(), settings]
    note = os.path.join(folder, "." + _digest(about)[:32])
    known = jsonfiles.read(note)
    if isinstance(known, str) and os.path.exists(os.path.join(folder, known + ".json")):
        return known
    call = container.command([interpreter], {}) if container else [interpreter]
    content = dict(describe(*call), **settings, format=FORMAT)
    digest = _digest(content)
    os.makedirs(folder, exist_ok=True)
    jsonfiles.write(os.path.join(folder, digest + ".json"), content)
    jsonfiles.write(note, digest)
    return digest


def describe(*interpreter: str) -> Dict[str, Any]:
    """Return a description of the machine and the interpreter, which is called by one or more words."""
    gpus = Gpus()
    return {
        "system": {"name": platform.system(), "release": platform.release(), "distribution": _distribution()},
        "processor": {
            "name": _processor(),
            "architecture": platform.machine(),
            "cores": _cores(),
            "machine_cores": _cores_of_machine(),
        },
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpus": [gpu.name for gpu in gpus.all],
        "gpu_driver": gpus.driver,
        "python": _ask(*interpreter) if any(interpreter) else None,
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def interpreter_of(command: str) -> str:
    """Return the path of a command that is a Python interpreter, otherwise that of ``python3``."""
    return shutil.which(_interpreter_name(command)) or ""


def _interpreter_name(command: str) -> str:
    return command if os.path.basename(command).startswith("python") else "python3"


def _changed(interpreter: str) -> float:
    libraries = os.path.join(os.path.dirname(os.path.dirname(interpreter)), "lib", "python3*", "site-packages")
    return max((os.stat(folder).st_mtime for folder in glob.glob(libraries)), default=0.0)


def _ask(*interpreter: str) -> Optional[Dict[str, Any]]:
    try:
        answer = subprocess.run([*interpreter, "-c", _ASK_PYTHON], stdout=subprocess.PIPE, timeout=60, check=True)
        description = json.loads(answer.stdout.decode())
        packages = sorted((_text(name), _text(version)) for name, version in description["packages"].items())
    except (OSError, subprocess.SubprocessError, ValueError, TypeError, KeyError):
        return None
    return dict(description, packages=dict(packages))


def _text(value: Any) -> str:
    """Return a text of a package's metadata, which may not be valid Unicode."""
    return str(value).encode("utf-8", "replace").decode()


def _distribution() -> str:
    return provenance.value_in("/etc/os-release", "PRETTY_NAME=")


def _processor() -> str:
    return provenance.value_in("/proc/cpuinfo", "model name") or platform.processor()


def _cores_of_machine() -> int:
    return os.cpu_count() or 1


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
