"""Find results by study, folder or configuration, without heavy imports."""

from __future__ import annotations

from pathlib import Path

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.files import expand_path
from fairmesh.jobs.paths import StudyPaths
from fairmesh.schema import Node, load_yaml

CONFIG = Path("config/config.yaml")


def find_root(start: Path) -> Path:
    """Return the nearest parent folder with a Snakefile, or else the folder of the package."""
    folders = (start, *start.parents)
    return next((folder for folder in folders if (folder / "Snakefile").is_file()), Path(__file__).resolve().parents[2])


def find_study(given: str, results: Path | None, folder: Path | None = None) -> StudyPaths:
    """Return the study with a name or path.

    Raises
    ------
    InputError
        If there is none, or there are several.
    """
    studies = find_studies(given, results, folder)
    if len(studies) > 1:
        raise InputError([Problem(f"{given} holds several studies", "", ", ".join(paths.study for paths in studies))])
    return studies[0]


def find_studies(given: str, results: Path | None, folder: Path | None = None) -> list[StudyPaths]:
    """Return the studies with a name or path, all with results.

    Parameters
    ----------
    given : str
        A name, a study file, a study's folder in the results, or a folder of several; the configuration's if empty.
    results : Path or None
        The results folder; the configuration's if None.
    folder : Path or None
        The working folder; this process's if None.

    Raises
    ------
    InputError
        If there are no such results.
    """
    here = folder or Path()
    if given and (here / given).is_dir():
        studies = studies_in(here / given)
        if not studies:
            raise InputError([Problem(f"{given}: there are no results in this folder; a run of a study makes them")])
        return studies
    home = results or results_of(here)
    study = given or configured("study", here)
    if not study:
        raise InputError([Problem(f"there is no {CONFIG} here that names a study", allowed="a study, or its results")])
    paths = StudyPaths(home, name_of(study, here))
    if not paths.plan.is_file():
        known = [other.study for other in studies_in(home)]
        message = f"{home} has no results of study {paths.study!r}; a run makes them"
        raise InputError([Problem(message, "", ", ".join(known), nearest(paths.study, known))])
    return [paths]


def results_of(folder: Path) -> Path:
    """Return the results folder that the configuration of a working folder names."""
    return folder / (configured_path("results", folder) or "results")


def configured_path(key: str, folder: Path) -> str:
    """Return a path of the configuration of a working folder, with home and variables expanded.

    Raises
    ------
    InputError
        If they cannot be expanded.
    """
    try:
        return expand_path(configured(key, folder))
    except ValueError as error:
        raise InputError([Problem(f"{key!r} {error}", str(folder / CONFIG))]) from error


def configured(key: str, folder: Path) -> str:
    """Return a text of the configuration of a working folder; empty if there is none."""
    path = folder / CONFIG
    return _text(load_yaml(path) if path.is_file() else Node({}), key)


def studies_in(folder: Path) -> list[StudyPaths]:
    """Return the studies of a results folder, or the study if it is the folder of one."""
    if StudyPaths(folder.parent, folder.name).plan.is_file():
        return [StudyPaths(folder.resolve().parent if not folder.name else folder.parent, folder.resolve().name)]
    candidates = (StudyPaths(folder, path.name) for path in sorted(folder.glob("*")))
    return [paths for paths in candidates if paths.plan.is_file()]


def name_of(study: str, folder: Path) -> str:
    """Return the name of a study, which is the name of its folder in the results."""
    if "/" not in study and Path(study).suffix not in {".yaml", ".yml"}:
        return study
    path = folder / study
    if not path.is_file():
        raise InputError([Problem(f"there is no file {study!r}")])
    return _text(load_yaml(path), "study") or _name_of_another_kind(path, folder)


def _name_of_another_kind(path: Path, folder: Path) -> str:
    """Return the name of the study of a Cloudmesh configuration."""
    from fairmesh.study import load_plan  # noqa: PLC0415  rarely needed, and heavy

    return load_plan(path, find_root(folder.resolve()), "local").study


def _text(node: Node, key: str) -> str:
    entry = node.entries.get(key)
    return "" if entry is None or isinstance(entry.value, dict | list | None) else entry.text or str(entry.value)
