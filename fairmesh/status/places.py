"""Find results by study, folder or configuration, without heavy imports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fairmesh.errors import InputError, Problem, nearest, place
from fairmesh.jobs.paths import StudyPaths
from fairmesh.project import configured_study, is_path, project_folder, results_folder, text_of
from fairmesh.schema import load_yaml

FindProject = Callable[[], Path]
"""Returns the project folder; it is called only if it is needed, since results can be read without a project."""


def find_study(given: str, results: Path | None = None, project: FindProject = project_folder) -> StudyPaths:
    """Return the study with a name or path; the parameters are those of ``find_studies``.

    Raises
    ------
    InputError
        If there is none, or there are several.
    """
    studies = find_studies(given, results, project)
    if len(studies) > 1:
        raise InputError([Problem(f"{given} holds several studies", "", ", ".join(paths.study for paths in studies))])
    return studies[0]


def find_studies(given: str, results: Path | None = None, project: FindProject = project_folder) -> list[StudyPaths]:
    """Return the studies with a name or path, all with results.

    Parameters
    ----------
    given : str
        A name; or the path of a study file, of a study's folder in the results, or of a folder of several; the
        configuration's if empty.
    results : Path or None
        The results folder; the configuration's if None.
    project : callable
        Returns the project folder; by default it is found from the current folder.

    Raises
    ------
    InputError
        If there are no such results.
    """
    if is_path(given) and Path(given).is_dir():
        studies = studies_in(Path(given))
        if not studies:
            raise InputError([Problem(f"{given}: there are no results in this folder; a run of a study makes them")])
        return studies
    home = home_folder(results, project)
    paths = StudyPaths(home, name_of(given or configured_study(project()), project))
    if not paths.plan.is_file():
        known = [other.study for other in studies_in(home)]
        message = f"{home} has no results of study {paths.study!r}; a run makes them"
        if given and not is_path(given) and studies_in(Path(given)):
            message = f"{home} has no results of study {given!r}; ./{given} means the folder"
        raise InputError([Problem(message, "", ", ".join(known), nearest(paths.study, known))])
    return [paths]


def home_folder(results: Path | None, project: FindProject) -> Path:
    """Return the results folder, by default the one that the configuration names."""
    return results or Path(place(results_folder(project())))


def studies_in(folder: Path) -> list[StudyPaths]:
    """Return the studies of a results folder, or the study if it is the folder of one."""
    if StudyPaths(folder.parent, folder.name).plan.is_file():
        return [StudyPaths(folder.resolve().parent if not folder.name else folder.parent, folder.resolve().name)]
    candidates = (StudyPaths(folder, path.name) for path in sorted(folder.glob("*")))
    return [paths for paths in candidates if paths.plan.is_file()]


def name_of(study: str, project: FindProject = project_folder) -> str:
    """Return the name of a study, which is the name of its folder in the results.

    Raises
    ------
    InputError
        If it is the path of a file that does not exist or cannot be read.
    """
    if not is_path(study):
        return study
    path = Path(study)
    if not path.is_file():
        raise InputError([Problem(f"there is no file {study!r}")])
    return text_of(load_yaml(path), "study") or _name_of_another_kind(path, project)


def _name_of_another_kind(path: Path, project: FindProject) -> str:
    """Return the name of the study of a Cloudmesh configuration."""
    from fairmesh.study import load_plan  # noqa: PLC0415  rarely needed, and heavy

    return load_plan(path, project(), "local").study
