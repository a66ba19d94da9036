"""The files of a new project: those that a person edits, and those that ``fairmesh upgrade`` renews."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import distribution, entry_points
from pathlib import Path

from fairmesh.api.starters import LANGUAGES, program_files, starter_file, study_text
from fairmesh.errors import InputError, Problem, nearest
from fairmesh.installed import DEFAULT_SNAKEFILE, find_other_workflow, installed
from fairmesh.jobs.results_folder import GITIGNORE
from fairmesh.printing import escape_markdown
from fairmesh.project import STUDIES, profile_folders
from fairmesh.schema import dump_yaml
from fairmesh.study.find import ENTRY_POINTS, installed_applications
from fairmesh.study.validation import load_application

NO_APPLICATION = "none"
PROGRAM = "pi"
"""The name of the application that a new project starts with."""
FIRST = "first"
"""The name of the first study; an installed application can offer one in a file of this name."""
PROFILES = ("local", "slurm")
REQUIREMENTS = "requirements.txt"
_PROFILE_FILES = ("config.yaml", "machine.yaml")
_FRAMEWORK = {
    "site/README.md": "site.md",
    ".github/workflows/benchmarks.yml": "github-check.yml",
    ".github/workflows/pages.yml": "github-pages.yml",
    ".gitlab-ci.yml": "gitlab-ci.yml",
}
_NAME = "fairmesh"
_NO_ADDRESS = """\
# {name} is installed here from a file or folder of this computer. Name a place where others find it, such as
# {name} @ git+https://HOST/PATH/REPOSITORY.git"""


@dataclass(frozen=True)
class ProjectSettings:
    """What a new project is about.

    Parameters
    ----------
    title : str
        The name of the website.
    authors : sequence of str
        The names of the authors of the results.
    licence : str
        The licence of the results, as an SPDX identifier; empty if nobody has chosen one.
    application : str
        A language, the name of an installed application, or ``none``.
    profiles : sequence of str
        The profiles to start with.
    """

    title: str
    authors: Sequence[str] = ()
    licence: str = ""
    application: str = "python"
    profiles: Sequence[str] = field(default=PROFILES)


def application_choices() -> list[str]:
    """Return what a new project can start with: languages, installed applications, and ``none``."""
    return [*LANGUAGES, *sorted(installed_applications()), NO_APPLICATION]


def installed_profiles() -> list[str]:
    """Return the names of the profiles that are installed."""
    return [*profile_folders(None)]


def framework_files(folder: Path, profiles: Iterable[str]) -> dict[str, str]:
    """Return the files of the framework in a project, by their path.

    Parameters
    ----------
    folder : Path
        The folder of the project; beside the Snakefile of another workflow it has none.
    profiles : iterable of str
        The names of the profiles among them.
    """
    files = {} if find_other_workflow(folder) else {"Snakefile": DEFAULT_SNAKEFILE.read_text(encoding="utf-8")}
    files |= {path: _read(name) for path, name in _FRAMEWORK.items()} | {"results/.gitignore": GITIGNORE}
    names = [f"profiles/{profile}/{file}" for profile in profiles for file in _PROFILE_FILES]
    return files | {name: installed(name).read_text(encoding="utf-8") for name in names}


def personal_files(settings: ProjectSettings) -> dict[str, str]:
    """Return the files that a person edits, by their path: configuration, study, program and notes.

    Raises
    ------
    InputError
        If there is no such application.
    """
    return {
        "config/config.yaml": _configuration(settings),
        "config/machines.yaml": _without_schema(installed("config/machines.yaml").read_text(encoding="utf-8")),
        **_application(settings.application),
        "README.md": _readme(settings),
        REQUIREMENTS: requirements(settings.application),
        ".gitignore": _read("gitignore"),
    }


def _read(name: str) -> str:
    return starter_file(f"project/{name}")


def _without_schema(text: str) -> str:
    """Return a YAML file without the line that names its schema, which is not part of a project."""
    first, _, rest = text.partition("\n")
    return rest if first.startswith("# yaml-language-server") else text


def _configuration(settings: ProjectSettings) -> str:
    lines = [f"  title: {_scalar(settings.title)}"]
    lines += ["  authors:"] * bool(settings.authors) + [f"    - name: {_scalar(name)}" for name in settings.authors]
    lines += [f"  licence: {settings.licence}"] * bool(settings.licence)
    return _read("config.yaml.in").format(study=FIRST, publisher="\n".join(lines))


def _scalar(text: str) -> str:
    return dump_yaml({"text": text}).removeprefix("text: ").rstrip("\n")


def _application(name: str) -> dict[str, str]:
    """Return the files of the application, and of its first study."""
    study = str(STUDIES / f"{FIRST}.yaml")
    if name == NO_APPLICATION:
        return {}
    if name in LANGUAGES:
        files = program_files(PROGRAM, name)
        return {f"{PROGRAM}/{file}": text for file, text in files.items()} | {study: _read("first.yaml.in")}
    known = installed_applications()
    if name not in known:
        choices = application_choices()
        message = f"there is no application {name!r} to start with"
        raise InputError([Problem(message, "--application", ", ".join(choices), nearest(name, choices))])
    offered = known[name].parent / f"{FIRST}.yaml"
    if offered.is_file():
        return {study: offered.read_text(encoding="utf-8")}
    return {study: study_text(FIRST, name, load_application(known[name]))}


def _readme(settings: ProjectSettings) -> str:
    row = f"| `{PROGRAM}/` | the program, and `application.yaml`, which describes it |\n"
    return _read("README.md.in").format(
        title=escape_markdown(settings.title), application_row=row if settings.application in LANGUAGES else ""
    )


def requirements(application: str) -> str:
    """Return the text of ``requirements.txt``: fairmesh and the application's package, as they are installed here."""
    offers = [entry for entry in entry_points(group=ENTRY_POINTS) if entry.name == application and entry.dist]
    package = offers[0].dist.name if offers and offers[0].dist else _NAME
    extras = ["site"] + [application] * (package == _NAME and bool(offers))
    lines = [_requirement(_NAME, extras)] + [_requirement(package, [])] * (package != _NAME)
    return "".join(f"{line}\n" for line in lines)


def _requirement(package: str, extras: Sequence[str]) -> str:
    """Return the requirement by which pip installs a package from where it was installed here (PEP 610)."""
    name = f"{package}[{','.join(extras)}]" if extras else package
    found = distribution(package)
    origin = json.loads(found.read_text("direct_url.json") or "{}")
    url = str(origin.get("url", ""))
    if not origin:
        return f"{name}=={found.version}"
    if url.startswith("file:"):
        return _NO_ADDRESS.format(name=name)
    commit = origin.get("vcs_info", {}).get("commit_id")
    return f"{name} @ git+{url}@{commit}" if commit else f"{name} @ {url}"
