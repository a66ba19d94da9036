"""What the dispatcher must know about a job to run it on another machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairmesh.jobs.paths import JobPaths


@dataclass(frozen=True)
class NeededStage:
    """A shared stage that a job needs, with its result in the local results folder.

    Parameters
    ----------
    paths : JobPaths
        Its job folder.
    fingerprint : str
        The fingerprint of its result.
    """

    paths: JobPaths
    fingerprint: str


@dataclass(frozen=True)
class ApplicationFiles:
    """The code of an application that is copied to machines.

    Parameters
    ----------
    target : str
        The folder of the copy below the home, ``applications/<12 hex>/<name>``: its name follows from its content.
    folder : Path
        The folder of the application here.
    files : sequence of Path
        The files that are copied, all below the folder.
    """

    target: str
    folder: Path
    files: Sequence[Path]


@dataclass(frozen=True)
class RemoteJob:
    """An experiment or a stage that runs on another machine; its job folder is written already.

    Parameters
    ----------
    paths : JobPaths
        Its job folder, in the local results folder.
    fingerprint : str
        The fingerprint that its result must have.
    record : Path
        The file that gets a copy of the commit.
    key : str
        Its key, for the name of a scheduler's job.
    stages : sequence of NeededStage
        The stages that it needs.
    application : ApplicationFiles, optional
        The code that it needs; None if its command needs none.
    resources : mapping
        Its resources, under Snakemake's names.
    is_exclusive : bool
        Whether nothing else may run on its computer.
    force : bool
        Whether it runs again in spite of a result with this fingerprint on the machine.
    """

    paths: JobPaths
    fingerprint: str
    record: Path
    key: str
    stages: Sequence[NeededStage] = ()
    application: ApplicationFiles | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)
    is_exclusive: bool = False
    force: bool = False
