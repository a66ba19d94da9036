"""A project: the folder with ``config/config.yaml``, the workflow, and the results."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.jobs.paths import StudyPaths
from fairmesh.schema import load_yaml
from fairmesh.status import places
from fairmesh.study.settings import Requests, load_config

STUDIES = Path("config/studies")
PROFILES = Path("profiles")
MACHINE = "machine.yaml"
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"


@dataclass(frozen=True)
class Project:
    """A project folder.

    Parameters
    ----------
    folder : Path
        The folder in which runs are started, with config/config.yaml and the profiles.
    root : Path
        The folder of the Snakefile.
    results : Path
        The results folder.
    """

    folder: Path
    root: Path
    results: Path

    @classmethod
    def of(cls, folder: str | Path | None = None, results: str | Path | None = None) -> Project:
        """Return the project in a folder, by default the current one; its configuration names the results."""
        here = Path(folder or ".").resolve()
        return cls(here, places.find_root(here), Path(results).resolve() if results else places.results_of(here))

    def paths(self, study: str) -> StudyPaths:
        """Return the files of a study, by its name.

        Raises
        ------
        InputError
            If the name is not valid.
        """
        if not re.fullmatch(NAME, study, re.ASCII):
            raise InputError([Problem(f"not the name of a study: {study[:100]!r}")])
        return StudyPaths(self.results, study)

    def studies(self) -> dict[str, Path | None]:
        """Return all studies by name, with the study file if it is known here."""
        configured = places.configured("study", self.folder)
        files = [
            *sorted((self.root / STUDIES).glob("*.yaml")),
            *([self.folder / configured] if "/" in configured else []),
        ]
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
        path = self.folder / places.CONFIG
        return load_config(path).requests if path.is_file() else Requests()

    def short_name(self, source: Path) -> str:
        """Return the name of a study file in config/studies, or else its path, relative if it is below the folder."""
        path = self.folder / source
        if path.parent == self.root / STUDIES:
            return path.stem
        return f"./{path.relative_to(self.folder)}" if path.is_relative_to(self.folder) else str(path)

    def profiles(self) -> dict[str, str]:
        """Return the machine of each profile, by the profile's name."""
        machines = {}
        for path in sorted((self.folder / PROFILES).glob(f"*/{MACHINE}")):
            if re.fullmatch(NAME, path.parent.name, re.ASCII):
                machine = load_yaml(path).entries.get("machine")
                machines[path.parent.name] = str(machine.value) if machine else "local"
        return machines


def _named(files: list[Path]) -> Iterator[tuple[str, Path]]:
    """Yield study files by their name; one that cannot be read has the name of its file."""
    for path in files:
        try:
            name = places.name_of(str(path), path.parent)
        except InputError:
            name = path.stem
        if re.fullmatch(NAME, name, re.ASCII):
            yield name, path
