"""Checks of this computer: GPUs, energy counters, token, ports and browser."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fairmesh.cli.doctor.base import LONG, Answer, CheckedProject, Finding, ask, fail, ok, warn
from fairmesh.cli.doctor.installation import installed
from fairmesh.cli.serve import PORT
from fairmesh.extras import install_command
from fairmesh.runner.telemetry import RAPL
from fairmesh.web.access import token_file

PCI = Path("/sys/bus/pci/devices")
NVIDIA = "0x10de"
QUERY = ("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")
_SEEN = "import tensorflow as tf; print('seen', *(each.name for each in tf.config.list_physical_devices('GPU')))"
_INSTALL_GPU = install_command(["tensorflow[and-cuda]"])
NAMES = ("chromium", "chromium-browser", "google-chrome")
PORTS = {PORT: "fairmesh serve", 8501: "fairmesh monitor"}


def hardware_checks(project: CheckedProject) -> Iterator[Finding]:
    """Check GPUs and energy counters."""
    answer = ask(*QUERY) if shutil.which(QUERY[0]) else None
    gpus = answer.output.splitlines() if answer and answer.good else []
    yield gpu(answer, cards(PCI))
    yield tensorflow(installed("tensorflow"), installed("tensorflow-cpu"), len(gpus))
    if project.deep and (installed("tensorflow") or installed("tensorflow-cpu")):
        yield seen(ask(sys.executable, "-c", _SEEN, patience=LONG), len(gpus))
    yield energy(sorted(Path(RAPL).parent.glob(Path(RAPL).name)))


def cards(folder: Path) -> int:
    """Return the number of NVIDIA GPUs on the bus, with or without a driver."""
    devices = [path for path in folder.glob("*") if _text(path / "vendor") == NVIDIA]
    return sum(_text(device / "class").startswith("0x03") for device in devices)


def gpu(answer: Answer | None, on_bus: int) -> Finding:
    """Check that the driver of the GPUs works.

    Parameters
    ----------
    answer : Answer or None
        The answer of nvidia-smi, if it is installed.
    on_bus : int
        The number of GPUs on the bus.
    """
    if answer and answer.good and answer.output.strip():
        return ok("gpu", "; ".join(line.strip() for line in answer.output.splitlines()))
    if answer:
        return fail(
            "gpu", f"nvidia-smi: {answer.output.strip() or 'finds none'}", "reload or reinstall the NVIDIA driver"
        )
    if on_bus:
        return warn("gpu", f"{on_bus} from NVIDIA without a driver", "install the NVIDIA driver with nvidia-smi")
    return ok("gpu", "none on this computer")


def tensorflow(whole: str | None, for_cpu: str | None, gpus: int) -> Finding:
    """Check that the installed TensorFlow fits the computer."""
    if not whole and not for_cpu:
        return ok("tensorflow", "not installed; applications that need it install it")
    if gpus and not whole:
        return warn("tensorflow", f"tensorflow-cpu {for_cpu} uses no GPU", _INSTALL_GPU)
    return ok("tensorflow", f"tensorflow {whole}" if whole else f"tensorflow-cpu {for_cpu}")


def seen(answer: Answer, gpus: int) -> Finding:
    """Check that TensorFlow can be imported, and finds the GPUs."""
    line = next((line for line in answer.output.splitlines() if line.startswith("seen")), "")
    if not answer.good or not line:
        return fail("tensorflow sees", answer.output.strip()[-300:], _INSTALL_GPU)
    count = len(line.split()) - 1
    if count < gpus:
        advice = f"{_INSTALL_GPU}, and a driver that is as new as its CUDA"
        return warn("tensorflow sees", f"{count} of {gpus} GPUs", advice)
    return ok("tensorflow sees", f"{count} GPUs")


def _can_read(path: Path) -> bool:
    return os.access(path, os.R_OK)


def energy(counters: Sequence[Path], can_read: Callable[[Path], bool] = _can_read) -> Finding:
    """Check that the energy counters of the processor can be read."""
    packages = [counter for counter in counters if counter.name.count(":") == 1]
    if not packages:
        return ok("energy", "no processor counters (RAPL): records say unavailable")
    closed = [package for package in packages if not can_read(package / "energy_uj")]
    if closed:
        advice = f"as root, after each boot: chmod a+r {closed[0].parent}/intel-rapl:*/energy_uj"
        return warn("energy", "you do not have permission to read the processor counters", advice)
    return ok("energy", f"{len(packages)} processor counters")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def browser_checks(project: CheckedProject) -> Iterator[Finding]:
    """Check Chromium with --deep."""
    if project.deep:
        path = next(filter(None, map(shutil.which, NAMES)), None)
        yield chromium(ask(path, "--version", patience=LONG) if path else None)


def chromium(answer: Answer | None) -> Finding:
    """Check that Chromium starts."""
    if answer and answer.good:
        return ok("chromium", answer.output.strip())
    state = f"does not start: {answer.output}" if answer else "not installed; only tests of pages need it"
    return warn("chromium", state, "make debian, or apt-get install chromium")


def service_checks(_: CheckedProject) -> Iterator[Finding]:
    """Check the token and the ports of the servers."""
    yield token(token_file(), os.getuid())
    for number, whose in PORTS.items():
        yield port(number, whose)


def token(path: Path, user: int) -> Finding:
    """Check that other users cannot read the token."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return ok("token", f"fairmesh serve will create {path}")
    except OSError as error:
        return fail("token", f"{path}: {error.strerror}", f"check {path.parent}")
    if not stat.S_ISREG(status.st_mode) or status.st_uid != user:
        return fail("token", f"{path} is not a file of yours", f"remove {path}; fairmesh serve creates a new one")
    if stat.S_IMODE(status.st_mode) & 0o077:
        return fail("token", f"other users can read {path}", f"remove {path}; fairmesh serve creates a new one")
    return ok("token", f"{path}, readable only by you")


def port(number: int, whose: str) -> Finding:
    """Check that a port of this computer is free."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", number))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return warn(f"port {number}", f"{error.strerror}", f"{whose} --port: choose another")
            return warn(f"port {number}", "in use", f"fine if it is {whose}; otherwise use {whose} --port")
    return ok(f"port {number}", f"free for {whose}")
