"""What comes of an import: tried out first, then written."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from fairmesh import files
from fairmesh.cloudmesh import texts
from fairmesh.errors import FairmeshError, InputError, Problem, place
from fairmesh.study import load_plan
from fairmesh.study.find import STUDIES


@dataclass
class Imported:
    """What comes of an import.

    Parameters
    ----------
    name : str
        Of the study and the application.
    contents : dict of Path to bytes
        The files, by their path below the folder that they go to.
    notes : list of str
        What a person should know, a line each.
    count : int
        How many experiments there are.
    stages : int
        How many stages there are before the experiment, if it is a workflow; else -1.
    is_same : bool
        Whether Cloudmesh makes as many experiments.
    """

    name: str
    contents: dict[Path, bytes]
    notes: list[str]
    count: int
    stages: int = -1
    is_same: bool = True

    @property
    def summary(self) -> str:
        """How much there is, in a line."""
        if self.stages < 0:
            same = ", as Cloudmesh makes of it" if self.is_same else ""
            return f"{self.count} experiment{'s' * (self.count != 1)}{same}"
        return f"{self.stages} stage{'s' * (self.stages != 1)} and the experiment, which ends the workflow"

    @property
    def study(self) -> Path:
        """The study's path below the folder."""
        return STUDIES / f"{self.name}.yaml"


def try_out(imported: Imported) -> None:
    """Load what was made, before anything is written where a person wants it."""
    with tempfile.TemporaryDirectory() as folder:
        for path, content in imported.contents.items():
            files.write_bytes(Path(folder, path), content)
        try:
            plan = load_plan(Path(folder, imported.study), Path(folder), "local")
        except InputError as error:
            found = [str(each).removeprefix(place(Path(folder)) + "/") for each in error.problems]
            raise InputError(Problem(f"the result would have a mistake: {each}") for each in found) from error
        script = Path(folder, imported.name, texts.RUN)
        checked = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    if len(plan.experiments) != imported.count:
        imported.notes.append(f"Cloudmesh makes {imported.count} experiments of it, and here there are others")
        imported.count, imported.is_same = len(plan.experiments), False
    if checked.returncode:
        reason = checked.stderr.strip().splitlines()[:1]
        imported.notes.append(f"run.sh is no whole shell script: {''.join(reason).replace(folder + '/', '')}")


def write(imported: Imported, out: Path, force: bool) -> list[Path]:
    """Write the files.

    Parameters
    ----------
    imported : Imported
        What to write.
    out : Path
        The folder that everything goes to.
    force : bool
        Whether files that are there already may be replaced.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    InputError
        If a file is there already and differs, or the place is none for an application.
    FairmeshError
        If it cannot be written.
    """
    if (out / imported.name / "__init__.py").exists():
        raise InputError(
            [Problem(f"{place(out / imported.name)} is a package of Python; choose another name", "--name")]
        )
    try:
        differing = [path for path in imported.contents if _differs(out / path, imported.contents[path])]
        if differing and not force:
            raise InputError(
                Problem("is there already, and differs; --force replaces it", place(out / path)) for path in differing
            )
        for path, content in imported.contents.items():
            files.write_bytes(out / path, content, files.PROGRAM if path.suffix == ".sh" else files.PLAIN)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError([Problem(f"{error.filename or out} is in the way: it is a file", "--out")]) from error
    except OSError as error:
        raise FairmeshError(f"{error.filename or out}: {error.strerror}") from error
    return [out / path for path in imported.contents]


def _differs(path: Path, content: bytes) -> bool:
    return path.exists() and (not path.is_file() or path.read_bytes() != content)
