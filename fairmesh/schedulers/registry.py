"""Find schedulers by name: each module here, except the interface, implements the scheduler of its name."""

import importlib
import os
import pkgutil
from functools import lru_cache
from typing import Dict, Iterator, List, Optional, Tuple, Type

from .base import CurrentJob, JobState, Scheduler
from .transport import LocalTransport

CHOICE = "FAIRMESH_SCHEDULER"  # the variable that selects one of several schedulers
_INTERFACE = ("base", "registry", "transport")
_schedulers: Dict[str, Scheduler] = {}


@lru_cache(maxsize=None)
def names() -> Tuple[str, ...]:
    """Return the names of all schedulers."""
    package = importlib.import_module(__name__.rpartition(".")[0])
    modules = [module.name for module in pkgutil.iter_modules(package.__path__)]
    return tuple(sorted(name for name in modules if name not in _INTERFACE and not name.startswith("_")))


def find_scheduler(name: str, transport: Optional[LocalTransport] = None) -> Scheduler:
    """Return the scheduler of a name, which runs its programs on this computer or through another transport.

    Raises
    ------
    LookupError
        If there is no scheduler of this name.
    """
    if transport is not None:
        return _load(name)(transport)
    if name not in _schedulers:
        _schedulers[name] = _load(name)(LocalTransport())
    return _schedulers[name]


def _load(name: str) -> Type[Scheduler]:
    if name not in names():
        raise LookupError(f"there is no scheduler {name!r}; allowed: {', '.join(names())}")
    module = importlib.import_module("." + name, __name__.rpartition(".")[0])
    kinds: Iterator[Type[Scheduler]] = (
        value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Scheduler)
    )
    return next(kind for kind in kinds if kind.name == name)


def available() -> List[Scheduler]:
    """Return the schedulers that are available here, the preferred one first.

    That is the one whose job this process runs in, otherwise the one that ``FAIRMESH_SCHEDULER`` names.
    """
    chosen = os.environ.get(CHOICE, "")
    known = [find_scheduler(name) for name in names()]
    here = [scheduler for scheduler in known if scheduler.is_in_job() or scheduler.is_available()]
    return sorted(here, key=lambda scheduler: (not scheduler.is_in_job(), scheduler.name != chosen))


def detect() -> Optional[Scheduler]:
    """Return the preferred scheduler, None if there is none."""
    return next(iter(available()), None)


def required_scheduler(name: str = "") -> Scheduler:
    """Return the scheduler to submit to: the named or selected one, even if it is not available, or the one here.

    Raises
    ------
    LookupError
        If there is no scheduler of this name, or none here.
    """
    chosen = name or os.environ.get(CHOICE, "")
    scheduler = find_scheduler(chosen) if chosen else detect()
    if scheduler is None:
        titles = ", ".join(find_scheduler(known).title for known in names())
        raise LookupError(f"there is no scheduler here ({titles}); profiles/local runs everything on this computer")
    return scheduler


def job_scheduler() -> Optional[Scheduler]:
    """Return the scheduler in whose job this process runs, None outside of jobs."""
    return next((scheduler for scheduler in map(find_scheduler, names()) if scheduler.is_in_job()), None)


def choose_scheduler(name: str) -> Optional[Scheduler]:
    """Return the scheduler of a machine, which ``detect`` prefers from now on, unless the user has selected one.

    Parameters
    ----------
    name : str
        Its name, or ``none``.
    """
    if name not in names():
        return None
    os.environ.setdefault(CHOICE, name)
    return find_scheduler(name)


def current_job() -> Optional[CurrentJob]:
    """Return the scheduler's job that this process runs in, None outside of jobs."""
    scheduler = job_scheduler()
    return scheduler.current_job() if scheduler else None


def state_of_word(word: str) -> Optional[JobState]:
    """Return the state for a scheduler's own word, None if no scheduler has it."""
    states = (find_scheduler(name).words.get(word) for name in names())
    return next(filter(None, states), None)
