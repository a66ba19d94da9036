"""Checks of the installation, and of configuration, profile and study."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement

import fairmesh
from fairmesh.api.upgrade import version_notice
from fairmesh.cli.doctor.base import (
    MACHINE_FILE,
    OK,
    CheckedProject,
    Finding,
    fail,
    ok,
    warn,
)
from fairmesh.errors import InputError
from fairmesh.extras import install_command
from fairmesh.installed import installed as installed_file
from fairmesh.printing import count_text
from fairmesh.project import CONFIG, PROFILE_CONFIG
from fairmesh.schema import load_yaml
from fairmesh.study import load_plan
from fairmesh.study.settings import Config, load_config
from fairmesh.submission.repository import Refusal
from fairmesh.workflow.configuration import find_machine

OLDEST = (3, 11)
LOCK = Path("requirements/run.lock")
OF_SLURM = ".venv-slurm"
LOGGER = "snakemake_logger_plugin_fairmesh"
SHOWN = 3  # packages that are named
_IS_CLONE = installed_file("Makefile").is_file()
_REPAIR = "make setup" if _IS_CLONE else "install fairmesh again"
_INSTALL_SLURM = "make setup-slurm" if _IS_CLONE else install_command(["snakemake-executor-plugin-slurm"])
_OWN = ("fairmesh",)  # executors of this repository


def checks(project: CheckedProject) -> Iterator[Finding]:
    """Check the installation."""
    yield python(sys.version_info[:3])
    yield environment(sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ, _installer())
    path = installed_file(str(LOCK))  # only in a clone
    yield lock(path.read_text(encoding="utf-8") if path.is_file() else "", installed)
    yield source(Path(fairmesh.__file__).parent, project.folder, _is_editable())
    yield snakemake(installed("snakemake"), _has(LOGGER))
    yield executor(project.executor, _has, _slurms_environment(project.folder))
    yield from repository(project.folder, Refusal.of(project.folder))
    yield from project_version(version_notice(project.folder))


def project_version(notice: str) -> Iterator[Finding]:
    """Check that the project's files are those of the installed version."""
    if notice:
        yield warn("project", notice, "fairmesh upgrade, or install the version of the project")


def repository(folder: Path, refusal: Refusal) -> Iterator[Finding]:
    """Check that git can read the repository of the project, since records name the commit."""
    if refusal.why:
        yield warn("git", f"commits are not recorded for {folder}: {refusal.why}", refusal.advice)


def python(version_info: tuple[int, ...]) -> Finding:
    """Check the version of Python."""
    text = ".".join(map(str, version_info))
    if version_info[:2] < OLDEST:
        return fail("python", f"{text} is too old", "make PYTHON=python3.11, or a newer one")
    return ok("python", text)


def environment(is_own: bool, installer: str) -> Finding:
    """Check that packages are in a virtual environment with an installer."""
    if not is_own:
        return warn("environment", "packages are those of the system", "install fairmesh into a virtual environment")
    if not installer:
        return warn("environment", "it has neither uv nor pip", "python -m ensurepip")
    return ok("environment", f"{sys.prefix}, with {installer}")


def lock(text: str, find_version: Callable[[str], str | None]) -> Finding:
    """Check that the installed packages match the lock file.

    Parameters
    ----------
    text : str
        The content of the lock file, empty if there is none.
    find_version : callable
        Returns the installed version of a package, or None.
    """
    wanted = list(_pinned(text))
    if not wanted:
        return ok("packages", "no lock file to compare with")
    wrong = [
        f"{name} {find_version(name) or 'missing'} (lock: {pinned})"
        for name, pinned in wanted
        if find_version(name) != pinned
    ]
    if not wrong:
        return ok("packages", f"all {len(wanted)} as in {LOCK}")
    more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    return warn("packages", f"not as in {LOCK}: {', '.join(wrong[:SHOWN])}{more}", "make setup")


def _pinned(text: str) -> Iterator[tuple[str, str]]:
    for line in re.findall(r"^[A-Za-z0-9].*?(?= *\\?$)", text, re.MULTILINE):
        try:
            wanted = Requirement(line)
        except InvalidRequirement:
            continue
        pinned = next((clause.version for clause in wanted.specifier if clause.operator == "=="), "")
        if pinned and _applies(wanted.marker):
            yield wanted.name, pinned


def _applies(marker: Marker | None) -> bool:
    return marker is None or marker.evaluate()


def source(imported: Path, root: Path, editable: bool) -> Finding:
    """Check that the imported package is the one next to the Snakefile."""
    if not (root / "fairmesh").is_dir() or imported.resolve() == (root / "fairmesh").resolve():
        return ok("fairmesh", f"{imported.parent}{', editable' if editable else ''}")
    advice = "install this checkout: make setup, or pip install --editable ."
    return warn("fairmesh", f"imported from {imported.parent}, but the Snakefile is in {root}", advice)


def snakemake(release: str | None, has_logger: bool) -> Finding:
    """Check that Snakemake and the plugin that writes events are installed."""
    if not release:
        return fail("snakemake", "not installed", _REPAIR)
    if not has_logger:
        return fail("snakemake", f"{release}, without its logger plugin {LOGGER}", _REPAIR)
    return ok("snakemake", release)


def executor(name: str, has: Callable[[str], bool], in_slurms: bool | None) -> Finding:
    """Check that the plugin of a profile's executor is installed.

    Parameters
    ----------
    name : str
        The executor.
    has : callable
        Returns whether a module can be imported.
    in_slurms : bool or None
        Whether .venv-slurm has the plugin for Slurm; None if there is no such environment.
    """
    topic, module = "executor", f"snakemake_executor_plugin_{name.replace('-', '_')}"
    if name == "local" or has(module):
        return ok(topic, name)
    if name == "slurm" and in_slurms:
        return ok(topic, f"slurm, in {OF_SLURM}: start it by make PROFILE=profiles/slurm, or {OF_SLURM}/bin/snakemake")
    if name == "slurm":
        state = f"{OF_SLURM} has no" if in_slurms is False else "there is no"
        return fail(topic, f"{state} plugin for Slurm", f"{_INSTALL_SLURM}; or take profiles/slurm-lean")
    if name in _OWN:
        return fail(topic, f"{module} cannot be imported", _REPAIR)
    return fail(topic, f"{module} cannot be imported", install_command([module.replace("_", "-")]))


def installed(name: str) -> str | None:
    """Return the installed version of a package."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _has(module: str) -> bool:
    return find_spec(module) is not None


def _installer() -> str:
    folder = Path(sys.executable).parent
    if (folder / "uv").exists() or shutil.which("uv"):
        return "uv"
    return "pip" if _has("pip") else ""


def _is_editable() -> bool:
    try:
        text = Distribution.from_name("fairmesh").read_text("direct_url.json")
    except PackageNotFoundError:
        return False
    return '"editable": true' in (text or "") or '"editable":true' in (text or "")


def _slurms_environment(root: Path) -> bool | None:
    if not (root / OF_SLURM / "bin/python").exists():
        return None
    return any((root / OF_SLURM).glob("lib/python3*/site-packages/snakemake_executor_plugin_slurm"))


def settings_checks(project: CheckedProject) -> Iterator[Finding]:
    """Check configuration, machines, profile and study."""
    configuration = project.folder / CONFIG
    if not configuration.is_file():
        advice = "change to the folder of a project, or make one: fairmesh init"
        yield fail("config.yaml", f"no project: no {CONFIG} in this folder or above", advice)
    else:
        finding = readable("config.yaml", lambda: _named(load_config(configuration)))
        yield finding
        if finding.level == OK:
            yield readable("study", lambda: _study(project, load_config(configuration)))
    where = str(project.profile / MACHINE_FILE)
    yield readable(
        "machines.yaml", lambda: f"{find_machine(project.machine, project.folder, where)[0]} names {project.machine}"
    )
    yield profile(project.profile, project.executor)


def readable(topic: str, read: Callable[[], str]) -> Finding:
    """Return a finding for reading a file, with its mistakes as advice."""
    try:
        return ok(topic, read())
    except InputError as error:
        count = len(error.problems)
        return fail(topic, f"{count} mistake{'s' if count > 1 else ''}", "; ".join(map(str, error.problems)))
    except OSError as error:
        return fail(topic, f"cannot be read: {error.strerror}", f"check {error.filename}")


def profile(folder: Path, executor: str) -> Finding:
    """Check that the files of a profile are valid."""

    def read() -> str:
        for path in (folder / PROFILE_CONFIG, folder / MACHINE_FILE):
            if path.is_file():
                load_yaml(path)
        return f"{folder}, executor {executor}"

    return readable("profile", read)


def _named(config: Config) -> str:
    return f"study {config.study}, results in {config.results}"


def _study(project: CheckedProject, config: Config) -> str:
    plan = load_plan(config.study, project.folder, project.machine, config.set)
    return f"{plan.study}: {count_text(len(plan.experiments), 'experiment')}"
