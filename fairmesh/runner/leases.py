"""Lease cores and GPUs of a computer without a scheduler to one experiment at a time.

Each core and GPU has a lock file in the user's private folder. The program inherits the open files, so a lease lasts as
long as any process of the experiment, even if its runner was killed.
"""

import contextlib
import json
import os
import time
from typing import Any, Dict, List, Mapping, MutableMapping

from ..schedulers.base import gpus as requested_gpus
from . import jsonfiles, owner
from .gpu import Gpus
from .machine_lock import private_folders
from .safefiles import try_lock

FOLDER = "leases"
_LONGEST = 1 << 16  # bytes of the content of a lock file


class TooMuchError(Exception):
    """Raised if more is requested than the computer has."""


class Pool:
    """The cores or the GPUs of this computer.

    Runners take all that they need of a pool at once, in the order in which they came, so that none waits forever and
    no two wait for each other.

    Parameters
    ----------
    kind : str
        The name in messages and of the lock files.
    names : list of str
        The names of the units.
    count : int
        The number of units to lease.
    model : str
        The model that the names are limited to, for messages.

    Raises
    ------
    TooMuchError
        If there are not that many.
    """

    def __init__(self, kind: str, names: List[str], count: int, model: str = "") -> None:
        if count > len(names):
            units = f"{count} {kind}" + "s" * (count > 1) + (f" of the model {model}" if model else "")
            raise TooMuchError(f"it requests {units}, and this computer has {len(names)}")
        self._kind, self._names, self._count = kind, names, count
        self._turn: List[int] = []
        self.taken: Dict[str, int] = {}

    def try_take(self, experiment: str) -> bool:
        """Lease the units if it is this runner's turn and enough of them are free."""
        if len(self.taken) == self._count:
            return True
        folder = _folder()
        if not self._turn:
            turn = _open(os.path.join(folder, f"{self._kind}-turn.lock"))
            if not try_lock(turn, folder):
                os.close(turn)
                return False
            self._turn.append(turn)
        for name in self._names:
            descriptor = _open(os.path.join(folder, f"{self._kind}-{name}.lock"))
            if len(self.taken) < self._count and try_lock(descriptor, folder):
                self.taken[name] = descriptor
            else:
                os.close(descriptor)
        if len(self.taken) < self._count:
            self._release(self.taken.values())
            self.taken.clear()
            return False
        self._release(self._turn)
        self._turn.clear()
        _describe(self.taken.values(), experiment)
        return True

    @staticmethod
    def _release(descriptors: Any) -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    def reason(self) -> str:
        """Return why the units cannot be leased now, with the experiments that have them."""
        folder = _folder()
        holders = [_holder(os.path.join(folder, f"{self._kind}-{name}.lock")) for name in self._names]
        experiments = ", ".join(dict.fromkeys(filter(None, holders)))
        shown = f"; they are leased to {experiments[:300]}" if experiments else ""
        return f"waits for {self._count} of {len(self._names)} {self._kind}s{shown}"

    @property
    def is_complete(self) -> bool:
        """Whether all units are leased."""
        return len(self.taken) == self._count


class Leases:
    """The cores and GPUs that one experiment leases; GPUs come first.

    Parameters
    ----------
    resources : mapping
        ``threads`` or ``cpus_per_task``, and ``gres`` or ``gpu_model``; what is not requested is not leased.
    experiment : str
        Its name in the messages of those that wait.

    Raises
    ------
    TooMuchError
        If the computer does not have that many.
    """

    def __init__(self, resources: Mapping[str, Any], experiment: str = "") -> None:
        self._experiment = experiment
        model, count = requested_gpus(resources)
        threads = _whole(resources.get("cpus_per_task", resources.get("threads")))
        self._gpus = Pool("GPU", _gpus(model) if count else [], count, model)
        self._cores = Pool("core", [str(core) for core in cores()] if threads else [], threads)

    @property
    def descriptors(self) -> List[int]:
        """The open files that hold the leases."""
        return [*self._gpus.taken.values(), *self._cores.taken.values()]

    def try_take(self) -> bool:
        """Lease what is missing if it is free; return whether nothing is missing."""
        return self._gpus.try_take(self._experiment) and self._cores.try_take(self._experiment)

    def reason(self) -> str:
        """Return why something cannot be leased now."""
        return (self._cores if self._gpus.is_complete else self._gpus).reason()

    def apply(self, variables: MutableMapping[str, str]) -> Dict[str, Any]:
        """Restrict this process and its children to the leased cores and GPUs; return them for the status."""
        leased: Dict[str, Any] = {}
        if self._cores.taken:
            leased["cores"] = sorted(map(int, self._cores.taken))
            variables.setdefault("OMP_NUM_THREADS", str(len(leased["cores"])))
            if hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(0, leased["cores"])
        if self._gpus.taken:
            leased["gpus"] = list(self._gpus.taken)
            variables["CUDA_VISIBLE_DEVICES"] = ",".join(leased["gpus"])
        return leased


def cores() -> List[int]:
    """Return the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _gpus(model: str) -> List[str]:
    """Return the UUIDs of the GPUs of a model that this process may use: part of the name is enough."""
    wanted = model.lower().replace("_", " ")
    return [gpu.uuid for gpu in Gpus().all if wanted in gpu.name.lower()]


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _folder() -> str:
    folder = os.path.join(private_folders()[0], FOLDER)
    os.makedirs(folder, 0o700, exist_ok=True)
    return folder


def _open(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _describe(descriptors: Any, experiment: str) -> None:
    """Write into lock files who holds them; a full disk does not matter."""
    about = dict(owner.current_process(), since=time.strftime("%H:%M"), experiment=experiment)
    data = json.dumps(about).encode()
    with contextlib.suppress(OSError):
        for descriptor in descriptors:
            os.pwrite(descriptor, data, 0)
            os.ftruncate(descriptor, len(data))


def _holder(path: str) -> str:
    """Return the experiment that leases a unit, empty if none is known."""
    holder = jsonfiles.read_map(path)
    return str(holder.get("experiment", "")) if holder and owner.is_alive(holder) else ""
