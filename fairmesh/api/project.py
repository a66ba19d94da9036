"""A project: its studies, profiles and results."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.jobs.paths import StudyPaths
from fairmesh.project import (
    CONFIG,
    STUDIES,
    configured_study,
    is_path,
    profile_folders,
    project_folder,
    results_folder,
)
from fairmesh.schema import load_yaml
from fairmesh.status import places
from fairmesh.study.settings import Requests, load_config

MACHINE = "machine.yaml"
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"


@dataclass(frozen=True)
class Project:
    """A project.

    Parameters
    ----------
    folder : Path
        The folder with config/config.yaml, in which runs are started.
    results : Path
        The results folder.
    """

    folder: Path
    results: Path

    @classmethod
    def of(cls, folder: str | Path | None = None, results: str | Path | None = None) -> Project:
        """Return a project.

        Parameters
        ----------
        folder : str or Path, optional
            The folder with config/config.yaml; by default the nearest one upward from the current folder.
        results : str or Path, optional
            The results folder; by default its configuration names it.

        Raises
        ------
        InputError
            If there is no project, or its configuration cannot be read.
        """
        own = project_folder(folder)
        return cls(own, Path(results).resolve() if results else results_folder(own))

    def paths(self, study: str) -> StudyPaths:
        """Return the files of a study, by its name.

        Raises
        ------
        InputError
            If the name is not valid.
        """
        if not is_name(study):
            raise InputError([Problem(f"not the name of a study: {study[:100]!r}")])
        return StudyPaths(self.results, study)

    def studies(self) -> dict[str, Path | None]:
        """Return all studies by name, with the study file if it is known here."""
        configured = configured_study(self.folder)
        files = [*sorted((self.folder / STUDIES).glob("*.yaml")), *([Path(configured)] if is_path(configured) else [])]
        studies: dict[str, Path | None] = {paths.study: None for paths in places.studies_in(self.results)}
        return dict(sorted((studies | dict(_named(files))).items()))

    def study_file(self, study: str) -> Path:
        """Return the file of a study that is known here by its name.

        Raises
        ------
        InputError
            If there is none.
        """
        known = {name: path for name, path in self.studies().items() if path}
        path = known.get(study)
        if path is None:
            message = f"there is no study file for {study!r} in {STUDIES}"
            raise InputError([Problem(message, "", ", ".join(known), nearest(study, known))])
        return path

    def requests(self) -> Requests:
        """Return the limits of requests over the network, from the configuration.

        Raises
        ------
        InputError
            With all mistakes of the configuration.
        """
        return load_config(self.folder / CONFIG).requests

    def profiles(self) -> dict[str, str]:
        """Return the machine of each profile, by the profile's name."""
        return {name: _machine(folder) for name, folder in profile_folders(self.folder).items() if is_name(name)}


def is_name(text: str) -> bool:
    """Return whether a text is a valid name of a study or profile."""
    return bool(re.fullmatch(NAME, text, re.ASCII))


def _machine(profile: Path) -> str:
    path = profile / MACHINE
    machine = load_yaml(path).entries.get("machine") if path.is_file() else None
    return str(machine.value) if machine else "local"


def _named(files: list[Path]) -> Iterator[tuple[str, Path]]:
    """Yield study files by their name; one that cannot be read has the name of its file."""
    for path in files:
        try:
            name = places.name_of(str(path))
        except InputError:
            name = path.stem
        if is_name(name):
            yield name, path
