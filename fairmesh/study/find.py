"""Find the files of studies and applications."""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.project import STUDIES, is_path
from fairmesh.schema import Node

APPLICATIONS = (".", "examples", "tests")
APPLICATION = "application.yaml"
ENTRY_POINTS = "fairmesh.applications"
"""The group of entry points by which packages offer applications: ``name = "package"``."""


def find_study(study: str | Path, root: Path) -> Path:
    """Return the file of a study: ``config/studies/NAME.yaml`` below the root for a name, or the path itself.

    Raises
    ------
    InputError
        If there is none, with the nearest name.
    """
    if isinstance(study, Path) or is_path(study):
        path = Path(study)
        if not path.exists() and (root / STUDIES / path.name).is_file():
            raise InputError([Problem(f"there is no file {str(study)!r}", near=path.stem)])
        return path
    path = root / STUDIES / f"{study}.yaml"
    if not path.is_file():
        known = sorted(file.stem for file in (root / STUDIES).glob("*.yaml"))
        raise InputError([Problem(f"no study {study!r}", "", ", ".join(known), nearest(study, known))])
    return path


def find_application(node: Node, study: Path, root: Path) -> Path:
    """Return the ``application.yaml`` that a study names.

    It is in a folder below the root, in an installed package, or at a path from the study.

    Raises
    ------
    InputError
        If there is none, with the nearest name.
    """
    name = node.text or str(node.value)
    where = node.place(study)
    if is_path(name):
        path = study.parent / name
        path = path / APPLICATION if path.is_dir() else path
        if not path.is_file():
            raise InputError([Problem(f"'application': there is no file {name!r}", where)])
        return path
    known = find_applications(root)
    if name not in known:
        known = known_applications(root)
    if name not in known:
        raise InputError([Problem(f"no application {name!r}", where, ", ".join(sorted(known)), nearest(name, known))])
    return known[name]


def find_applications(root: Path) -> dict[str, Path]:
    """Return the ``application.yaml`` of each application below a root, by its name."""
    # Earlier places take precedence, so they come last.
    places = [root / place for place in reversed(APPLICATIONS)]
    return {path.parent.name: path for place in places for path in place.glob(f"*/{APPLICATION}")}


def known_applications(root: Path) -> dict[str, Path]:
    """Return the ``application.yaml`` of each application that studies below a root can name."""
    return installed_applications() | find_applications(root)


def installed_applications() -> dict[str, Path]:
    """Return the ``application.yaml`` of each application that an installed package offers, by its name."""
    places = ((entry.name, _package_folder(entry.value)) for entry in entry_points(group=ENTRY_POINTS))
    return {name: folder / APPLICATION for name, folder in places if folder and (folder / APPLICATION).is_file()}


def _package_folder(package: str) -> Path | None:
    """Return the folder of a package without importing it; None if there is no such package."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin).parent if spec and spec.origin else None
