"""Whether what is installed is what the project was tested with."""

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
from fairmesh.cli.doctor.finding import Finding, fail, ok, warn
from fairmesh.cli.doctor.here import Here
from fairmesh.submission.repository import Refusal

OLDEST = (3, 11)
LOCK = Path("requirements/run.lock")
OF_SLURM = ".venv-slurm"
LOGGER = "snakemake_logger_plugin_fairmesh"
SHOWN = 3  # packages that are named
_OWN = ("slurm-lean",)  # executors of this repository


def checks(here: Here) -> Iterator[Finding]:
    """Look at the installation."""
    yield python(sys.version_info[:3])
    yield environment(sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ, _installer())
    path = here.root / LOCK
    yield lock(path.read_text(encoding="utf-8") if path.is_file() else "", installed)
    yield source(Path(fairmesh.__file__).parent, here.root, _is_editable())
    yield snakemake(installed("snakemake"), _has(LOGGER))
    yield executor(here.executor, _has, _slurms_environment(here.root))
    yield from repository(here.folder, Refusal.of(here.folder))


def repository(folder: Path, refusal: Refusal) -> Iterator[Finding]:
    """Check that git reads the repository of the project, if there is one: records name the commit."""
    if refusal.why:
        yield warn("git", f"commits are not recorded for {folder}: {refusal.why}", refusal.advice)


def python(found: tuple[int, ...]) -> Finding:
    """Check the version of Python."""
    text = ".".join(map(str, found))
    if found[:2] < OLDEST:
        return fail("python", f"{text} is too old", "make PYTHON=python3.11, or a newer one")
    return ok("python", text)


def environment(is_own: bool, installer: str) -> Finding:
    """Check that packages are in an environment of their own, and that something can install more."""
    if not is_own:
        return warn("environment", "packages are those of the whole system", "use the project's own: make setup")
    if not installer:
        return warn("environment", "neither uv nor pip is in it", "make setup brings uv")
    return ok("environment", f"{sys.prefix}, with {installer}")


def lock(text: str, found: Callable[[str], str | None]) -> Finding:
    """Check that the installed packages are those of the lock.

    Parameters
    ----------
    text : str
        The content of the lock file, empty if there is none.
    found : callable
        Gives the installed version of a package, or None.
    """
    wanted = list(_pinned(text))
    if not wanted:
        return ok("packages", "there is no lock file to compare with")
    wrong = [f"{name} {found(name) or 'missing'} (lock: {pinned})" for name, pinned in wanted if found(name) != pinned]
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
        pinned = next((each.version for each in wanted.specifier if each.operator == "=="), "")
        if pinned and _applies(wanted.marker):
            yield wanted.name, pinned


def _applies(marker: Marker | None) -> bool:
    return marker is None or marker.evaluate()


def source(imported: Path, root: Path, editable: bool) -> Finding:
    """Check that the package that runs is the one beside the Snakefile."""
    if not (root / "fairmesh").is_dir() or imported.resolve() == (root / "fairmesh").resolve():
        return ok("fairmesh", f"{imported.parent}{', editable' if editable else ''}")
    advice = "install this checkout: make setup, or pip install --editable ."
    return warn("fairmesh", f"imported from {imported.parent}, but the Snakefile is in {root}", advice)


def snakemake(found: str | None, has_logger: bool) -> Finding:
    """Check that Snakemake is there, and finds the plugin that writes the events."""
    if not found:
        return fail("snakemake", "not installed", "make setup")
    if not has_logger:
        return fail("snakemake", f"{found}, without its logger plugin {LOGGER}", "make setup, or pip install -e .")
    return ok("snakemake", found)


def executor(name: str, has: Callable[[str], bool], in_slurms: bool | None) -> Finding:
    """Check that the plugin of a profile's executor is there.

    Parameters
    ----------
    name : str
        The executor.
    has : callable
        Tells whether a module can be imported here.
    in_slurms : bool or None
        Whether .venv-slurm has the plugin for Slurm; None if there is no such environment.
    """
    what, module = "executor", f"snakemake_executor_plugin_{name.replace('-', '_')}"
    if name == "local" or has(module):
        return ok(what, name)
    if name == "slurm" and in_slurms:
        return ok(what, f"slurm, in {OF_SLURM}: start it by make PROFILE=profiles/slurm, or {OF_SLURM}/bin/snakemake")
    if name == "slurm":
        state = "has no" if in_slurms is False else "is missing, and with it the"
        return fail(what, f"{OF_SLURM} {state} plugin for Slurm", "make setup-slurm; or take profiles/slurm-lean")
    if name in _OWN:
        return fail(what, f"{module} cannot be imported", "make setup, or pip install -e .")
    return fail(what, f"{module} cannot be imported", f"pip install {module.replace('_', '-')}")


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
