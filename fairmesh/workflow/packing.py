"""Copy everything that results refer to into the study's folder, so that it is self-contained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from fairmesh import files
from fairmesh.fair.documents import Described, describe
from fairmesh.fair.package import APPLICATIONS, MAIN, PROJECT, environment_of, stage_paths
from fairmesh.installed import DEFAULT_SNAKEFILE, SNAKEFILE, find_snakefile
from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.reading import read_map
from fairmesh.results import StudyResults, load_study, table, write_csv
from fairmesh.runner.protocol import COMMIT, ENVIRONMENTS, EXPERIMENT, STAGES
from fairmesh.runner.safefiles import NotRegularError, TooLargeError, read_regular
from fairmesh.stages import walk_needs
from fairmesh.study.find import APPLICATION
from fairmesh.workflow.application_copy import mirror_application

STUDY = "study.yaml"


def package(results: Path, study: str, project: Path) -> tuple[StudyResults, pd.DataFrame, Described | None]:
    """Write ``results.csv`` and all documents of a study.

    Parameters
    ----------
    results, study : Path, str
        The results folder, and the study's folder in it.
    project : Path
        The project folder, or any other without a project.

    Raises
    ------
    FairmeshError
        If the plan cannot be read.
    """
    study_results = load_study(results, study)
    frame = table(study_results)
    write_csv(frame, study_results.folder / "results.csv")
    notes = pack(study_results, project)
    return study_results, frame, describe(study_results, frame, notes)


def pack(study: StudyResults, project: Path) -> list[str]:
    """Copy the records of a study, their environments, application and workflow into the study's folder.

    Files that no longer exist on this computer stay as packed before; documents list what is missing.

    Returns
    -------
    list of str
        The files that are not packed, with the reason.
    """
    _records(study)
    commits = _stages(study)
    pairs = [*_environments(study, commits), *_project(study, project)]
    unread = list(filter(None, (_copy_text(source, target) for source, target in pairs)))
    application, name = _application(study), str(study.plan["application"]["name"])
    notes = mirror_application(application, study.folder / APPLICATIONS / name) if application else []
    return [*unread, *(f"{APPLICATIONS}/{name}: {note}" for note in notes)]


def _copy_text(source: Path, target: Path) -> str:
    """Copy a text file; return an error message, empty if it was copied or does not exist."""
    try:
        files.write_if_changed(target, read_regular(str(source)).decode())
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        return f"{source}: is not UTF-8"
    except (NotRegularError, TooLargeError) as error:
        return f"{source}: {error.strerror}"
    return ""


def _records(study: StudyResults) -> None:
    """Copy the commits of experiments without a record: a run may have been killed before it copied them."""
    paths = StudyPaths(study.folder.parent, study.name)
    for outcome in study.done:
        record, commit = paths.record(outcome.machine, outcome.id), paths.job(outcome.machine, outcome.id).commit
        if not record.exists() and commit.is_file():
            files.copy_file(commit, record)


def _environments(study: StudyResults, commits: list[dict[str, Any]]) -> Iterator[tuple[Path, Path]]:
    """Yield the environment files of experiments and stages, with their targets."""
    records = [*(outcome.record for outcome in study.done), *commits]
    for digest in sorted(set(filter(None, map(environment_of, records)))):
        name = f"{ENVIRONMENTS}/{digest}.json"
        yield study.folder.parent / name, study.folder / name


def _stages(study: StudyResults) -> list[dict[str, Any]]:
    """Copy the commits of shared stages without a marker, with their modification time.

    Returns
    -------
    list of dict
        The commits of all stages that the results depend on.
    """
    home = study.folder.parent / STAGES / str(study.plan["application"]["name"])
    commits = []

    def needs(path: str) -> list[str]:
        marker, commit = study.folder / path, home / Path(path).stem / COMMIT
        if not marker.exists() and commit.is_file():
            files.copy_file(commit, marker)
        commits.append(read_map(marker))
        return stage_paths(commits[-1])

    walk_needs([path for outcome in study.done for path in stage_paths(outcome.record)], needs)
    return commits


def _project(study: StudyResults, project: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the files of the workflow and the study, with their targets."""
    yield find_snakefile(project) or DEFAULT_SNAKEFILE, study.folder / MAIN
    workflow = SNAKEFILE.parent
    for path in (SNAKEFILE, *sorted(workflow.glob("rules/*.smk"))):
        yield path, study.folder / PROJECT / "workflow" / path.relative_to(workflow)
    source = str(study.plan.get("source") or "")
    if source:
        yield project / source, study.folder / PROJECT / STUDY


def _application(study: StudyResults) -> Path | None:
    """Return the folder of the application, if it exists on this computer outside the study's folder."""
    name = study.plan["application"]["name"]
    for outcome in study.experiments:
        application = read_map(outcome.folder / EXPERIMENT).get("application")
        folder = str(application.get("folder") or "") if isinstance(application, dict) else ""
        if folder:
            place = study.folder.parent / folder  # an absolute folder is not changed
            packed = study.folder / APPLICATIONS / str(name)
            is_there = (place / APPLICATION).is_file() and place.resolve() != packed.resolve()
            return place if is_there else None
    return None
