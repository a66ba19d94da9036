"""Job folders: all that an experiment needs, however it is started."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from fairmesh import files, yaml12
from fairmesh.errors import FairmeshError
from fairmesh.jobs.archive import archive
from fairmesh.jobs.paths import JobPaths
from fairmesh.runner.job import MARK


@dataclass(frozen=True)
class JobFolder:
    """What goes into one job folder.

    Parameters
    ----------
    paths : JobPaths
        Where it is.
    parameters : mapping
        What the program reads, as config.yaml.
    experiment : mapping
        What the runner reads, as experiment.json.
    """

    paths: JobPaths
    parameters: Mapping[str, Any]
    experiment: Mapping[str, Any]


def write_runner(path: Path) -> None:
    """Write the runner unless it is there already, byte for byte."""
    data = archive()
    if not path.exists() or path.read_bytes() != data:
        files.write_bytes(path, data)


def render(job: JobFolder, template: Path, machine: Mapping[str, Any]) -> None:
    """Write a job folder: the same input gives the same bytes, and a file that is right is not touched.

    Parameters
    ----------
    job : JobFolder
        The folder and its contents.
    template : Path
        The Jinja2 template of job.sh.
    machine : mapping
        The machine's entry in machines.yaml.

    Raises
    ------
    FairmeshError
        If the template cannot be rendered; the message names it and the line.
    """
    files.write_if_changed(job.paths.config, yaml12.dump(dict(job.parameters)))
    text = render_text(template, experiment=job.experiment, machine=machine)
    files.write_if_changed(job.paths.script, text, mode=0o755)
    files.write_if_changed(job.paths.experiment, json.dumps(job.experiment, indent=1, ensure_ascii=False) + "\n")


def render_text(template: Path, **values: Any) -> str:
    """Render a template; an unknown variable is an error.

    Raises
    ------
    FairmeshError
        If it cannot be rendered; the message names the template and the line.
    """
    try:
        return _environment(template.parent).get_template(template.name).render(**values)
    except jinja2.TemplateSyntaxError as error:
        raise FairmeshError(f"{error.filename or template}:{error.lineno}: {error.message}") from error
    except jinja2.TemplateError as error:
        raise FairmeshError(f"{template}:{_line_of(error, template)}: {error.message}") from error


@cache
def _environment(folder: Path) -> jinja2.Environment:
    environment = jinja2.Environment(  # noqa: S701  shell scripts; every value goes through the filter q
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["q"] = lambda value: shlex.quote(str(value))
    return environment


def _line_of(error: BaseException, template: Path) -> int:
    """Give the template's line in which an error was raised."""
    lines = [0]
    trace = error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename) == template:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return lines[-1]


def render_command(command: list[str], where: str, parameters: Mapping[str, Any], stages: list[str]) -> list[str]:
    """Fill parameters into a command; a stage's folder stays a mark that the runner fills in.

    Raises
    ------
    FairmeshError
        If an argument names something unknown; the message begins with ``where``.
    """
    values = {**parameters, "stage": {name: f"{MARK}{name}{MARK}" for name in stages}}
    try:
        return [_argument(text).render(values) for text in command]
    except jinja2.TemplateError as error:
        raise FairmeshError(f"{where}: command {command}: {error.message}") from error


@cache
def _argument(text: str) -> jinja2.Template:
    return _sandbox().from_string(text)


@cache
def _sandbox() -> jinja2.Environment:
    return ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
