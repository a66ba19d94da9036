"""An environment in which fairmesh is installed from its wheel alone, with no clone in reach."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tests.needs import note_component

ROOT = Path(__file__).parents[2]
_PROGRAMS = {"snakemake": "snakemake.cli", "fairmesh": "fairmesh.cli"}
"""The programs of the environment, and the modules that have their ``main``."""


@dataclass(frozen=True)
class Installation:
    """A virtual environment with fairmesh, installed from its wheel.

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
    def create(cls, place: Path) -> Installation:
        """Build the wheel and install it into a new environment, which borrows all other packages from this one."""
        wheel = build_wheel(place)
        installation = cls(place / "venv", wheel)
        venv.create(installation.folder, symlinks=True)
        _install(wheel, installation.packages)
        (installation.packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
        for name, module in _PROGRAMS.items():
            _write_program(installation.folder / "bin" / name, module)
        note_component("the wheel, in an environment without a clone")
        return installation

    @property
    def packages(self) -> Path:
        """The folder of its packages."""
        return self.folder / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of a shell in which it is activated, and no other environment."""
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


def _install(wheel: Path, packages: Path) -> None:
    """Unpack a wheel of pure Python, and note where it is from, as installers do."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    info = next(packages.glob("fairmesh-*.dist-info"))
    (info / "direct_url.json").write_text(f'{{"url": "{wheel.as_uri()}", "archive_info": {{}}}}')


def _write_program(path: Path, module: str) -> None:
    text = f"#!{path.parent}/python\nimport sys\nfrom {module} import main\nsys.exit(main())\n"
    path.write_text(text)
    path.chmod(0o755)
