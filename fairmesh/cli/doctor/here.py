"""Where the doctor looks: the working folder, the profile, and what it names; a broken file is for the checks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.schema import Node, load_yaml
from fairmesh.status import places
from fairmesh.study.settings import Machine
from fairmesh.workflow.configuration import find_machine

PROFILE_FILE, MACHINE_FILE = "config.yaml", "machine.yaml"
PROFILES = Path("profiles")


@dataclass(frozen=True)
class Here:
    """The patient.

    Parameters
    ----------
    folder, root : Path
        The working folder, and that of the Snakefile.
    profile : Path
        The folder of the profile.
    executor, machine : str
        What the profile names.
    results : Path
        The results folder.
    deep : bool
        Whether to take minutes.
    """

    folder: Path
    root: Path
    profile: Path
    executor: str
    machine: str
    results: Path
    deep: bool = False

    @property
    def place(self) -> Path:
        """The results folder, or what it will be made in."""
        return next(each for each in (self.results, *self.results.absolute().parents) if each.is_dir())

    def entry(self) -> Machine | None:
        """Return the machine's entry in machines.yaml; None if it cannot be read."""
        try:
            return find_machine(self.machine, self.root, "")[1]
        except (InputError, OSError):
            return None

    @classmethod
    def of(cls, folder: Path, profile: str, deep: bool = False) -> Here:
        """Look around.

        Raises
        ------
        InputError
            If there is no such profile.
        """
        root = places.find_root(folder.resolve())
        place = _profile(folder, root, profile)
        executor = _text(place / PROFILE_FILE, "executor") or "local"
        return cls(folder, root, place, executor, _machine(folder, place), _results(folder), deep)


def _profile(folder: Path, root: Path, name: str) -> Path:
    known = (folder / name, folder / PROFILES / name, root / name, root / PROFILES / name)
    found = next((each for each in known if each.is_dir()), None)
    if found is None:
        names = sorted({path.parent.name for path in (*folder.glob("profiles/*/*"), *root.glob("profiles/*/*"))})
        problem = Problem(f"there is no profile {name!r}", "--profile", ", ".join(names), nearest(name, names))
        raise InputError([problem])
    return found


def _machine(folder: Path, profile: Path) -> str:
    return _text(profile / MACHINE_FILE, "machine") or _text(folder / places.CONFIG, "machine") or "local"


def _results(folder: Path) -> Path:
    try:
        return places.results_of(folder)
    except InputError:  # which another check tells
        return folder / "results"


def _text(path: Path, key: str) -> str:
    try:
        found = load_yaml(path).entries.get(key, Node(None)).value
    except (InputError, OSError):
        return ""
    return found if isinstance(found, str) else ""
