"""Recipes of images with the software of an application: a Containerfile, or a definition for Apptainer.

An image has the locked packages, not the application: its code is mounted, so that one image serves all its versions.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import jinja2

from fairmesh.errors import InputError, Problem
from fairmesh.files import write_text
from fairmesh.installed import installed
from fairmesh.printing import one_line
from fairmesh.runner.safefiles import read_regular
from fairmesh.study.application import Application
from fairmesh.study.find import APPLICATION

CONTAINERFILE, APPTAINER = "containerfile", "apptainer"
PYTHON = "docker.io/library/python:3.11-slim"
CONDA = "docker.io/mambaorg/micromamba:2.0-debian12-slim"
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", re.ASCII)
_NAMES = {CONTAINERFILE: "Containerfile", APPTAINER: "apptainer.def"}


@dataclass(frozen=True)
class Recipe:
    """A recipe, and the file with the packages, which must be beside it.

    Parameters
    ----------
    name, text : str
        The name of the recipe's file, and its content.
    packages : Path
        The application's file of packages.
    """

    name: str
    text: str
    packages: Path

    def write(self, folder: Path) -> list[Path]:
        """Write both files into a folder; return their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / self.packages.name
        if target.resolve() != self.packages.resolve():
            write_text(target, self.packages.read_text(encoding="utf-8"))
        write_text(folder / self.name, self.text)
        return [folder / self.name, target]


def recipe(application: Application, style: str = CONTAINERFILE, base: str = "") -> Recipe:
    """Return the recipe of an image for an application.

    Parameters
    ----------
    application : Application
        The application; its ``environment`` names locked requirements of pip, or a conda environment.
    style : str
        ``containerfile`` or ``apptainer``.
    base : str
        The image to begin with, preferably with its digest; by default one with Python, or with micromamba.

    Raises
    ------
    InputError
        If the application names no file of packages, or there is no such file.
    """
    packages = _packages(application)
    content = read_regular(str(packages)).decode("utf-8", "replace")
    is_conda = not application.environment.requirements
    options = "" if style == CONTAINERFILE else f" --format {style}"
    options += f" --base {shlex.quote(base)}" if base else ""
    text = _template(_NAMES[style]).render(
        name=application.name,
        version=application.version,
        title=one_line(f"{application.title or application.name} {application.version}"),
        tag=f"{application.name.lower()}:{hashlib.sha256(content.encode()).hexdigest()[:12]}",
        command=f"fairmesh container {application.name}{options}",
        recipe=_NAMES[style],
        base=base or (CONDA if is_conda else PYTHON),
        file=packages.name,
        sha256=hashlib.sha256(content.encode()).hexdigest(),
        is_conda=is_conda,
        has_hashes="--hash=" in content,
    )
    return Recipe(_NAMES[style], text, packages)


def _packages(application: Application) -> Path:
    """Return the file of packages of an application."""
    environment, where = application.environment, str(application.folder / APPLICATION)
    key = "requirements" if environment.requirements else "conda"
    name = environment.requirements or environment.conda
    if not name:
        message = "'environment.requirements' is missing: the file with the packages that the image shall have"
        message += ", such as `environment: {requirements: requirements.txt}`"
        raise InputError([Problem(message, where)])
    path = application.folder / name
    if not path.is_file():
        raise InputError([Problem(f"'environment.{key}': there is no file {name!r}", where)])
    if not _FILE.fullmatch(path.name):
        message = f"'environment.{key}': {path.name!r} must have letters, digits, '.', '_', '+' and '-' only"
        raise InputError([Problem(message, where)])
    return path


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(  # noqa: S701  the output is no HTML
        loader=jinja2.FileSystemLoader(installed("workflow/envs")),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"one_line": one_line, "string_literal": _string_literal}
    return environment.get_template(f"{name}.jinja")


def _string_literal(text: str) -> str:
    r"""Return a text as a literal of a Containerfile, in which nothing is replaced.

    >>> print(_string_literal('1.0 "$HOME"'))
    "1.0 \"\$HOME\""
    """
    return json.dumps(one_line(text), ensure_ascii=False).replace("$", "\\$")
