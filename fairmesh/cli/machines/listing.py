"""``fairmesh machines`` without a command: list the machines where experiments can run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fairmesh.cli import options
from fairmesh.cli.output import table
from fairmesh.files import canonical_json
from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.reading import read_map
from fairmesh.printing import print_json, print_lines
from fairmesh.project import MACHINES, configured, own_or_installed, profile_folders
from fairmesh.runner.protocol import RECORDS
from fairmesh.status.places import studies_in
from fairmesh.study.machines import Machine, load_machines
from fairmesh.workflow.configuration import LOCAL, Profile, read_profile


def run(arguments: argparse.Namespace) -> int:
    """List all machines in machines.yaml, profiles and studies."""
    project = options.project(arguments)
    known = load_machines(own_or_installed(project, MACHINES))
    profiles = [read_profile(folder) for folder in profile_folders(project).values()]
    used = _used(options.results_folder(arguments))
    names = dict.fromkeys([*known, *(profile.machine for profile in profiles), *used])
    default = configured("machine", project) or LOCAL
    entries = [
        _about(name, known.get(name), profiles, used.get(name, [])) | {"default": name == default} for name in names
    ]
    if arguments.json:
        print_json(entries)
    else:
        print_lines(table(_HEADS, [_row(entry) for entry in entries]))
    return 0


def _used(results: Path) -> dict[str, list[str]]:
    """Return the studies that are planned for each machine or have results of it."""
    studies: dict[str, list[str]] = {}
    for study in studies_in(results) if results.is_dir() else ():
        for name in sorted(_machines_of(study)):
            studies.setdefault(name, []).append(study.study)
    return studies


def _machines_of(study: StudyPaths) -> set[str]:
    planned = read_map(study.plan).get("machines")
    recorded = {path.name for path in (study.folder / RECORDS).glob("*") if path.is_dir()}
    return recorded | {str(name) for name in planned if isinstance(planned, list)} if planned else recorded


def _about(name: str, machine: Machine | None, profiles: list[Profile], studies: list[str]) -> dict[str, Any]:
    matching = [profile for profile in profiles if profile.machine == name]
    return {
        "machine": name,
        "is_configured": machine is not None,
        **(machine.model_dump(exclude_none=True) if machine else {}),
        "profiles": {
            profile.folder.name: {"executor": profile.executor or "local", "jobs": profile.jobs} for profile in matching
        },
        "studies": studies,
    }


_HEADS = ("machine", "kind", "scheduler", "profiles", "resources of each job", "GPUs", "unsatisfiable jobs", "studies")


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    name = f"{entry['machine']} *" if entry["default"] else str(entry["machine"])
    if not entry["is_configured"]:
        return name, "not in machines.yaml", "", ", ".join(entry["profiles"]), "", "", "", ", ".join(entry["studies"])
    return (
        name,
        " ".join(filter(None, (entry["kind"], entry.get("host")))),
        entry["scheduler"],
        ", ".join(entry["profiles"]),
        ", ".join(f"{key}={value}" for key, value in entry["resources"].items()),
        ", ".join(f"{gpu}: {canonical_json(asked)}" for gpu, asked in entry["gpus"].items()),
        entry["unsatisfiable_jobs"],
        ", ".join(entry["studies"]),
    )
