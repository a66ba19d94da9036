"""From a study that was checked to a run of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fairmesh.api import starts
from fairmesh.api.project import Project
from fairmesh.api.running import Run
from fairmesh.files import escape_path
from fairmesh.jobs.paths import StudyPaths
from fairmesh.status import places
from fairmesh.status.launch import run_command


def launch(
    project: Project,
    study: str,
    source: Path,
    profile: str,
    config: Mapping[str, Any],
    key: str = "",
    snakemake: Sequence[str] = (),
) -> Run:
    """Start a run of a study that was checked; the configuration is what was wished."""
    paths = StudyPaths(project.results, study)
    over = {"study": project.short_name(source), **config}
    if project.results != places.results_of(project.folder):
        over["results"] = escape_path(project.results)
    made = run_command(project.root, profile, over, snakemake, project.folder)
    about = {"profile": profile, "config": over, "snakemake": list(snakemake)}
    return Run(project, paths, starts.start(paths, made, about, key, bool(config.get("wait"))))
