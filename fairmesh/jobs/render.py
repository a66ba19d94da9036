"""Write job folders, which contain everything that an experiment needs to run."""

from __future__ import annotations

import importlib.util
import io
import marshal
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from fairmesh import files, schema
from fairmesh.errors import FairmeshError
from fairmesh.expressions import ExpressionError, parse_template
from fairmesh.jobs.directives import batch_values, directives
from fairmesh.jobs.paths import JobPaths
from fairmesh.jobs.results_folder import hide_from_git
from fairmesh.jobs.templates import Templates
from fairmesh.runner import protocol
from fairmesh.runner.job import APPLICATION, MARK
from fairmesh.runner.safefiles import read_regular
from fairmesh.target import bootstrap


@dataclass(frozen=True)
class JobFolder:
    """The content of a job folder.

    Parameters
    ----------
    paths : JobPaths
        Its paths.
    parameters : mapping
        The content of config.yaml, which the program reads.
    experiment : mapping
        The content of experiment.json, which the runner reads.
    """

    paths: JobPaths
    parameters: Mapping[str, Any]
    experiment: Mapping[str, Any]


def write_runner(path: Path) -> None:
    """Write the runner as one file, for a copy that travels, unless an identical file exists."""
    data = archive()
    try:
        is_there = read_regular(str(path)) == data
    except OSError:
        is_there = False
    if not is_there:
        files.write_bytes(path, data, flush=True)


def install_runner(home: Path) -> None:
    """Install the runner in a results folder; jobs that run there keep the version that they have started with."""
    bootstrap.install_runner(str(home), archive())
    hide_from_git(home / bootstrap.VERSIONS)


def render(job: JobFolder, templates: Templates, machine: Mapping[str, Any]) -> None:
    """Write a job folder; the output is reproducible, and files that are up to date are not touched.

    Parameters
    ----------
    job : JobFolder
        The folder and its contents.
    templates : Templates
        The templates of job.sh.
    machine : mapping
        The machine's entry in machines.yaml.

    Raises
    ------
    FairmeshError
        If the template cannot be rendered; the message names the template and the line.
    """
    lines = directives(job.experiment, machine)
    script = templates.render(experiment=job.experiment, machine=machine, directives=lines, **batch_values(machine))
    files.write_folder(
        job.paths.folder,
        [
            (protocol.CONFIG, schema.dump_yaml(dict(job.parameters)), files.PLAIN),
            (protocol.JOB, script, files.PROGRAM),
            (protocol.EXPERIMENT, files.json_lines(job.experiment), files.PLAIN),
        ],
    )


def render_command(command: list[str], where: str, parameters: Mapping[str, Any], stages: list[str]) -> list[str]:
    """Fill parameters into a command; the runner fills in the folders of the application and of stages later.

    Raises
    ------
    FairmeshError
        If an argument uses an unknown name; the message begins with ``where``.
    """
    values = {"application": APPLICATION, **parameters, "stage": {name: f"{MARK}{name}{MARK}" for name in stages}}
    try:
        return [_argument(text)(values) if "{" in text else text for text in command]
    except ExpressionError as error:
        raise FairmeshError(f"{where}: command {command}: {error}") from error


_argument = cache(parse_template)


# The first member of each version, always with the same bytes: so a runner.pyz that is replaced just now is read well.
# Everything else is imported from the version that runner.pyz leads to, which is never replaced.
# The end skips the shutdown of Python: a signal in these milliseconds would make a finished job look failed.
_START = """import os, sys
sys.path[0] = os.path.realpath(sys.path[0])
from fairmesh.runner.main import main
status = main()
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)
"""
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time of a zip file, for reproducible bytes


def archive() -> bytes:
    """Return the bytes of the runner: a zip file, identical for the same version of Python."""
    texts = {"fairmesh/__init__.py": ""}
    for package in ("runner", "schedulers", "target"):
        modules = [file for file in resources.files(f"fairmesh.{package}").iterdir() if file.name.endswith(".py")]
        texts |= {f"fairmesh/{package}/{file.name}": file.read_text(encoding="utf-8") for file in modules}
    members = {"__main__.py": _START.encode()}
    for name, text in texts.items():
        members[name] = text.encode()
        members[f"{name}c"] = _compiled(name, text)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for name, data in sorted(members.items()):
            file.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    return buffer.getvalue()


def _compiled(name: str, text: str) -> bytes:
    """Return the content of an unchecked hash-based .pyc file (PEP 552)."""
    unchecked = (1).to_bytes(4, "little")
    source_hash = importlib.util.source_hash(text.encode())
    code = compile(text, name, "exec", dont_inherit=True)
    # Later formats mark objects that something else refers to at the moment: the bytes would differ between processes.
    return importlib.util.MAGIC_NUMBER + unchecked + source_hash + marshal.dumps(code, 2)
