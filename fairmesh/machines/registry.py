"""Find kinds of machines by name: the module of a kind has a function ``computers``, which is called here."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from fairmesh.jobs.paths import StudyPaths
from fairmesh.machines.computers import Computers
from fairmesh.study.machines import Machine


def computers(name: str, machine: Machine, paths: StudyPaths, project: Path, run: str = "") -> Computers:
    """Return the computers of a machine.

    Parameters
    ----------
    name : str
        Its name in machines.yaml.
    machine : Machine
        Its settings.
    paths : StudyPaths
        The study whose experiments run there.
    project : Path
        The folder of the project.
    run : str
        The identifier of the run; empty outside of runs.

    Raises
    ------
    LookupError
        If experiments of this kind of machine are run by Snakemake.
    InputError
        If the settings name files that are missing.
    """
    if not machine.is_remote:
        raise LookupError(f"{name} is a machine of kind {machine.kind}, where Snakemake runs the experiments")
    computers: Computers = import_module(f"fairmesh.machines.{machine.kind}").computers(
        name, machine, paths, project, run
    )
    return computers
