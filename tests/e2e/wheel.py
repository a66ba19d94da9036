"""Environments in which fairmesh is installed from its wheel alone, with no clone in reach."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.needs import note_component

ROOT = Path(__file__).parents[2]
_PROGRAMS = {"snakemake": "snakemake.cli", "fairmesh": "fairmesh.cli"}
"""The programs of an environment, and the modules that have their ``main``."""


@dataclass(frozen=True)
class Installation:
    """A virtual environment with fairmesh, installed from its wheel, and with the packages that it declares.

    Parameters
    ----------
    folder : Path
        The environment.
    wheel : Path
        The wheel.
    """

    folder: Path
    wheel: Path

    @classmethod
    def create(cls, place: Path, *extras: str) -> Installation:
        """Build the wheel and install it with extras into a new environment; other packages are links to those here."""
        installation = cls(place / "venv", build_wheel(place))
        venv.create(installation.folder, symlinks=True)
        _unpack(installation.wheel, installation.packages)
        for name in _dependencies(f"fairmesh[{','.join(extras)}]") - {"fairmesh"}:
            _link(name, installation.packages)
        for program, module in _PROGRAMS.items():
            _write_program(installation.folder / "bin" / program, module)
        note_component("the wheel, in an environment without a clone")
        return installation

    @property
    def packages(self) -> Path:
        """The folder of its packages."""
        return self.folder / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a shell in which it is activated, and no other environment."""
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        path = [place for place in os.environ["PATH"].split(os.pathsep) if not Path(place).is_relative_to(ROOT)]
        return inherited | {"VIRTUAL_ENV": str(self.folder), "PATH": os.pathsep.join([f"{self.folder}/bin", *path])}

    def run(self, *command: str, folder: Path, status: int = 0) -> str:
        """Run a program of it to its end in a folder, expect an exit status, and return what it said."""
        program = self.folder / "bin" / command[0]
        done = subprocess.run(
            [str(program), *command[1:]],
            cwd=folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout
        assert "Traceback" not in done.stdout, done.stdout
        return done.stdout


def build_wheel(place: Path) -> Path:
    """Build the wheel of this repository in a folder, without a network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(place.glob("*.whl"))


def _unpack(wheel: Path, packages: Path) -> None:
    """Install a wheel of pure Python, and note where it is from, as installers do."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    info = next(packages.glob("fairmesh-*.dist-info"))
    (info / "direct_url.json").write_text(f'{{"url": "{wheel.as_uri()}", "archive_info": {{}}}}')


def _dependencies(*wanted: str) -> set[str]:
    """Return the names of the packages that requirements need, directly and through others."""
    open_requirements, done = [*map(Requirement, wanted)], set[tuple[str, str]]()
    while open_requirements:
        requirement = open_requirements.pop()
        for extra in {"", *requirement.extras}:
            if (requirement.name, extra) not in done:
                done.add((requirement.name, extra))
                open_requirements += _required(requirement.name, extra)
    return {name for name, _ in done}


def _required(name: str, extra: str) -> Iterator[Requirement]:
    for text in distribution(name).requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement


def _link(name: str, packages: Path) -> None:
    """Link the modules and the metadata of a package of this environment into another one."""
    package = distribution(name)
    for part in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
        if not (packages / part).exists():
            (packages / part).symlink_to(package.locate_file(part))


def _write_program(path: Path, module: str) -> None:
    path.write_text(f"#!{path.parent}/python\nimport sys\nfrom {module} import main\nsys.exit(main())\n")
    path.chmod(0o755)
