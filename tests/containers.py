"""Podman with an image that is made here, of this Python: nothing comes from a registry."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.needs import must_have, note_component

IMAGE = "localhost/fairmesh-test:1"
LEFT_OUT = ("site-packages", "test", "tests", "__pycache__", "idlelib", "tkinter", "ensurepip", "lib2to3", "config-*")
MOST_PROCESSES = 32768  # podman itself sets this limit


@dataclass(frozen=True)
class Podman:
    """Podman with a storage of its own, and one image.

    Parameters
    ----------
    folder : Path
        Where its configuration and storage are.
    """

    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """The variables that make every podman use this configuration and storage."""
        return {
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
        }

    def call(self, *arguments: str) -> str:
        """Call podman, and return what it prints."""
        command = ["podman", *arguments]
        done = subprocess.run(command, env=os.environ | self.variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def containers(self) -> list[str]:
        """Return the names of all containers, running or not."""
        return self.call("ps", "--all", "--format", "{{.Names}}").split()

    def digest(self) -> str:
        """Return the digest of the image."""
        return self.call("image", "inspect", "--format", "{{.Digest}}", IMAGE).strip()


def make_podman(folder: Path) -> Podman:
    """Configure podman for a container or a virtual machine without further rights, and import the image."""
    must_have(shutil.which("podman") and os.getuid() == 0, "podman, as root, is not here")
    runtime = next((name for name in ("runc", "crun") if shutil.which(name)), "crun")  # crun refuses hybrid cgroups
    processes = min(MOST_PROCESSES, resource.getrlimit(resource.RLIMIT_NPROC)[1] % (1 << 62) or MOST_PROCESSES)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    (folder / "containers.conf").write_text(
        f'[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]\n'
        f'[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "{runtime}"\n'
    )
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/storage"\nrunroot = "{folder}/run"\n'
    )
    podman = Podman(folder)
    root = folder / "root"
    _fill(root)
    archive = folder / "root.tar"
    subprocess.run(["tar", "-C", root, "-cf", archive, "."], check=True)
    podman.call("import", str(archive), IMAGE)
    shutil.rmtree(root)
    archive.unlink()
    note_component(podman.call("--version").strip().replace(" version", "") + f" with {runtime}")
    return podman


def _fill(root: Path) -> None:
    """Fill the root folder of the image: a shell, and this Python without packages."""
    python = Path(sys.base_prefix, "bin", f"python3.{sys.version_info[1]}").resolve()
    library = Path(sys.base_prefix, "lib", f"python3.{sys.version_info[1]}")
    for program, name in ((python, "usr/local/bin/python3"), (Path(shutil.which("dash") or "/bin/sh"), "bin/sh")):
        _copy(program, root / name)
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for path in re.findall(r"(?:=> |^\s+)(/\S+)", listed, re.MULTILINE):
            place = path if path.startswith("/lib") else f"/lib/x86_64-linux-gnu/{Path(path).name}"
            _copy(Path(path), root / place[1:])
    shutil.copytree(
        library, root / "usr/local/lib" / library.name, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True
    )
    for name in ("tmp", "proc", "dev", "sys", "etc"):
        (root / name).mkdir()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copy(source.resolve(), target)
