"""What a profile of Snakemake says of where jobs run, as far as a plan needs to know."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.schema import load_yaml

CONFIG = "config.yaml"
MACHINE = "machine.yaml"
LOCAL = "local"


@dataclass(frozen=True)
class Profile:
    """A profile.

    Parameters
    ----------
    folder : Path
        Where it is.
    machine : str
        The machine that its jobs run on.
    executor : str
        What takes the jobs; empty for this computer.
    jobs : int or None
        How many jobs may be with the executor at once, if it says.
    cores : int
        The processors of this computer that it uses.
    """

    folder: Path
    machine: str = LOCAL
    executor: str = ""
    jobs: int | None = None
    cores: int = 1


def read_profile(folder: Path) -> Profile:
    """Read a profile.

    Raises
    ------
    InputError
        If there is none, with the nearest one, or with the mistakes of its YAML.
    """
    if not (folder / CONFIG).is_file():
        known = [str(each.parent) for each in sorted(folder.parent.glob(f"*/{CONFIG}"))]
        message = f"there is no profile {str(folder)!r}"
        raise InputError([Problem(message, "--profile", ", ".join(known), nearest(str(folder), known))])
    own = load_yaml(folder / CONFIG).plain()
    machine = load_yaml(folder / MACHINE).plain() if (folder / MACHINE).is_file() else {}
    settings: dict[str, Any] = own if isinstance(own, dict) else {}
    executor = settings.get("executor", "")
    return Profile(
        folder,
        str(machine.get("machine", LOCAL)) if isinstance(machine, dict) else LOCAL,
        "" if executor == LOCAL else str(executor),
        _count(settings.get("jobs")),
        _count(settings.get("cores")) or os.cpu_count() or 1,
    )


def _count(found: Any) -> int | None:
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None
