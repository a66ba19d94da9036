"""Find the files of studies and applications."""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.project import CONFIG, STUDIES, is_path, text_of
from fairmesh.schema import Node, load_yaml

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
        message = f"no study {study!r}" if known else f"no study {study!r}, and no other; {_new_study(study, root)}"
        raise InputError([Problem(message, _configured_at(study, root), ", ".join(known), nearest(study, known))])
    return path


def _new_study(study: str, root: Path) -> str:
    """Return the advice for a project without studies."""
    known = sorted(find_applications(root))
    return f"`fairmesh new {study} --application {known[0] if len(known) == 1 else 'APP'}` makes one"


def _configured_at(study: str, root: Path) -> str:
    """Return the place in the configuration that names a study; empty if it names another one."""
    config = root / CONFIG
    node = load_yaml(config).entries.get("study") if config.is_file() else None
    return node.place(config) if node and node.value == study else ""


def find_application(node: Node, study: Path, root: Path) -> Path:
    """Return the ``application.yaml`` that a study names.

    It is in a folder below the root, in an installed package, or at a path from the study; the name is that of its
    folder, or else the one in its file.

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
    return known[name] if name in known else _find_by_own_name(name, known, where)


def _find_by_own_name(name: str, known: dict[str, Path], where: str) -> Path:
    """Return the application that has a name in its file; its folder has another name."""
    folders = [folder for folder, path in sorted(known.items()) if _own_name(path) == name]
    if len(folders) > 1:
        message = f"several applications are named {name!r}; name the folder of one"
        raise InputError([Problem(message, where, ", ".join(folders))])
    if not folders:
        raise InputError([Problem(f"no application {name!r}", where, ", ".join(sorted(known)), nearest(name, known))])
    return known[folders[0]]


def _own_name(application: Path) -> str:
    """Return the name in an application.yaml; empty if the file is invalid."""
    try:
        return text_of(load_yaml(application, []), "name")
    except InputError:
        return ""


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
