"""Whether GPUs and energy counters can be used."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fairmesh.cli.doctor.asking import LONG, Answer, ask
from fairmesh.cli.doctor.finding import Finding, fail, ok, warn
from fairmesh.cli.doctor.here import Here
from fairmesh.cli.doctor.installation import installed
from fairmesh.runner.telemetry import RAPL

PCI = Path("/sys/bus/pci/devices")
NVIDIA = "0x10de"
QUERY = ("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")
_SEEN = "import tensorflow as tf; print('seen', *(each.name for each in tf.config.list_physical_devices('GPU')))"


def checks(here: Here) -> Iterator[Finding]:
    """Look at GPUs and energy counters of this computer."""
    answer = ask(*QUERY) if shutil.which(QUERY[0]) else None
    gpus = answer.output.splitlines() if answer and answer.good else []
    yield gpu(answer, cards(PCI))
    yield tensorflow(installed("tensorflow"), installed("tensorflow-cpu"), len(gpus))
    if here.deep and (installed("tensorflow") or installed("tensorflow-cpu")):
        yield seen(ask(sys.executable, "-c", _SEEN, patience=LONG), len(gpus))
    yield energy(sorted(Path(RAPL).parent.glob(Path(RAPL).name)))


def cards(folder: Path) -> int:
    """Count the display devices of NVIDIA's that the computer has, whether there is a driver or not."""
    found = [each for each in folder.glob("*") if _text(each / "vendor") == NVIDIA]
    return sum(_text(each / "class").startswith("0x03") for each in found)


def gpu(answer: Answer | None, on_bus: int) -> Finding:
    """Check that the driver of the GPUs works.

    Parameters
    ----------
    answer : Answer or None
        That of nvidia-smi, if it is there.
    on_bus : int
        How many GPUs the computer has.
    """
    if answer and answer.good and answer.output.strip():
        return ok("gpu", "; ".join(line.strip() for line in answer.output.splitlines()))
    if answer:
        return fail(
            "gpu", f"nvidia-smi: {answer.output.strip() or 'finds none'}", "reload or reinstall NVIDIA's driver"
        )
    if on_bus:
        return warn("gpu", f"{on_bus} of NVIDIA's, without a driver", "install NVIDIA's driver, with nvidia-smi")
    return ok("gpu", "none on this computer")


def tensorflow(whole: str | None, for_cpu: str | None, gpus: int) -> Finding:
    """Check that the TensorFlow that is installed fits the computer."""
    if not whole and not for_cpu:
        return ok("tensorflow", "not installed; an application that needs it brings it along")
    if gpus and not whole:
        return warn("tensorflow", f"tensorflow-cpu {for_cpu} uses no GPU", "pip install 'fairmesh[gpu]'")
    return ok("tensorflow", f"tensorflow {whole}" if whole else f"tensorflow-cpu {for_cpu}")


def seen(answer: Answer, gpus: int) -> Finding:
    """Check that TensorFlow can be imported, and sees the GPUs."""
    line = next((line for line in answer.output.splitlines() if line.startswith("seen")), "")
    if not answer.good or not line:
        return fail("tensorflow sees", answer.output.strip()[-300:], "make setup; or pip install 'fairmesh[gpu]'")
    count = len(line.split()) - 1
    if count < gpus:
        advice = "pip install 'fairmesh[gpu]', and a driver that is as new as its CUDA"
        return warn("tensorflow sees", f"{count} of {gpus} GPUs", advice)
    return ok("tensorflow sees", f"{count} GPUs")


def _can_read(path: Path) -> bool:
    return os.access(path, os.R_OK)


def energy(counters: Sequence[Path], can_read: Callable[[Path], bool] = _can_read) -> Finding:
    """Check that the energy counters of the processor can be read."""
    packages = [each for each in counters if each.name.count(":") == 1]
    if not packages:
        return ok("energy", "no counters of the processor here (RAPL): records say unavailable")
    closed = [each for each in packages if not can_read(each / "energy_uj")]
    if closed:
        advice = f"as root, after each boot: chmod a+r {closed[0].parent}/intel-rapl:*/energy_uj"
        return warn("energy", "the counters of the processor are there, and you may not read them", advice)
    return ok("energy", f"{len(packages)} counters of the processor")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
