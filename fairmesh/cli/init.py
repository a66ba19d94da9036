"""``fairmesh init``: create a project."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from fairmesh.api.new_project import NewProject, check_folder, enclosing_project, git_user, write_project
from fairmesh.api.project_files import (
    FIRST,
    NO_APPLICATION,
    PROFILES,
    REQUIREMENTS,
    ProjectSettings,
    application_choices,
    installed_profiles,
)
from fairmesh.cli.output import is_interactive
from fairmesh.errors import InputError, Problem, nearest
from fairmesh.identifiers import normalize_license, spdx_identifier
from fairmesh.printing import print_lines
from fairmesh.project import CONFIG
from fairmesh.study.find import find_applications

LICENSES = ("CC-BY-4.0", "CC0-1.0", "CC-BY-SA-4.0", "Apache-2.0", "MIT")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("folder", metavar="DIR", nargs="?", type=Path, default=Path(), help="the folder (.)")
    parser.add_argument(
        "--application",
        metavar="APP",
        default="python",
        help="what it starts with: a program in python or shell, an installed application such as cloudmask, or none",
    )
    parser.add_argument("--here", action="store_true", help="join a folder with files, and change none of them")
    parser.add_argument("--title", metavar="TEXT", help="the title of the website")
    parser.add_argument(
        "--author", metavar="NAME", action="append", dest="authors", help="who publishes the results; can be repeated"
    )
    parser.add_argument("--license", metavar="SPDX", help="the license of the results, such as CC-BY-4.0")
    parser.add_argument(
        "--profile",
        metavar="NAME",
        action="append",
        dest="profiles",
        help=f"a profile to start with; can be repeated ({', '.join(PROFILES)})",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the project, and print the next steps."""
    folder: Path = arguments.folder
    check_folder(folder, arguments.here)
    _check_choices(arguments)
    project = write_project(folder, _settings(arguments, folder))
    _print(project, folder, arguments.application)
    return 0


def _check_choices(arguments: argparse.Namespace) -> None:
    choices = {"--application": ([arguments.application], application_choices())}
    choices["--profile"] = (arguments.profiles or [], installed_profiles())
    problems = [
        Problem(f"unknown {option[2:]} {name!r}", option, ", ".join(known), nearest(name, known))
        for option, (names, known) in choices.items()
        for name in names
        if name not in known
    ]
    if problems:
        raise InputError(problems)
    if arguments.license:
        _license(arguments.license)


def _settings(arguments: argparse.Namespace, folder: Path) -> ProjectSettings:
    """Return the settings: those in the arguments, and for the others the answers of the user."""
    title, authors, license_ = arguments.title, arguments.authors, arguments.license
    is_project = (folder / CONFIG).is_file()
    ask = (lambda _, default: default) if is_project else _ask
    if title is None:
        title = ask("Title of the website", folder.resolve().name)
    if authors is None:
        authors = [ask("Author of the results", git_user())]
    if license_ is None:
        license_ = ask("License of the results, such as CC-BY-4.0 (may be decided later)", "")
    return ProjectSettings(
        _line(title, "--title"),
        [_line(author, "--author") for author in authors if author],
        _license(license_),
        arguments.application,
        arguments.profiles or ([] if is_project else PROFILES),
    )


def _line(text: str, option: str) -> str:
    """Return a text as one line without characters that steer a terminal."""
    line = " ".join(text.split())
    if not line.isprintable():
        raise InputError([Problem(f"must have printable characters only, not {text!r}", option)])
    if not line:
        raise InputError([Problem("must not be empty", option)])
    return line


def _license(text: str) -> str:
    """Return a license as SPDX writes it; empty if nobody has chosen one."""
    name = normalize_license(text)
    if name and not spdx_identifier(name):
        message = f"{text!r} is not an SPDX identifier, see https://spdx.org/licenses"
        allowed = f"{', '.join(LICENSES)}, ..."
        raise InputError([Problem(message, "--license", allowed, nearest(name, LICENSES))])
    return name


def _ask(question: str, default: str) -> str:
    """Return the answer of the user; without a terminal, the default."""
    if not is_interactive():
        return default
    return input(f"{question} [{default}]: " if default else f"{question}: ").strip() or default


def _print(project: NewProject, folder: Path, application: str) -> None:
    """Print what was written and kept, and the next steps."""
    for name in project.written:
        print_lines(f"wrote {folder / name}")
    for name in project.kept:
        print_lines(f"kept {folder / name}, which exists")
    if project.unignored:
        print_lines("\n".join([f"add to {folder / '.gitignore'}:", *project.unignored]))
    if project.has_new_repository:
        print_lines("made a git repository")
    if REQUIREMENTS in project.written and (folder / REQUIREMENTS).read_text(encoding="utf-8").startswith("#"):
        print_lines(f"note: write into {folder / REQUIREMENTS} where others get fairmesh from")
    if project.other_workflow:
        print_lines(f"note: {project.other_workflow} is of another workflow; start runs with `fairmesh run`")
    enclosing = enclosing_project(folder)
    if enclosing:
        print_lines(f"note: the folder is inside another project, {enclosing}; commands in it use the new one")
    if str(CONFIG) in project.written:
        print_lines(f"next: {_next(project, folder, application)}")


def _next(project: NewProject, folder: Path, application: str) -> str:
    """Return the next command: it runs the first study, if there is one."""
    command = "fairmesh run" if project.other_workflow else "snakemake --profile profiles/local"
    if application == NO_APPLICATION:
        known = sorted(find_applications(folder))
        start = f"--application {known[0]}" if known else "--program python"
        command = f"fairmesh new {FIRST} {start}"
    return command if folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(folder))} && {command}"
