"""Record the settings and inputs of a result that can change between starts.

Only the variables in these lists are recorded, never all of ``os.environ``, which may contain secrets.
"""

import hashlib
import os
from typing import Any, Dict, Iterable, Tuple

from ..schedulers import current_job, detect
from . import commit, manifest, protocol

THREADS = (
    "OMP_NUM_THREADS",
    "OMP_PROC_BIND",
    "OMP_PLACES",
    "GOMP_CPU_AFFINITY",
    "KMP_AFFINITY",
    "KMP_BLOCKTIME",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "CUDA_VISIBLE_DEVICES",
)
"""Variables that set the number and placement of threads."""

DETERMINISM = (
    "PYTHONHASHSEED",
    "TF_DETERMINISTIC_OPS",
    "TF_CUDNN_DETERMINISTIC",
    "TF_ENABLE_ONEDNN_OPTS",
    "NVIDIA_TF32_OVERRIDE",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_LAUNCH_BLOCKING",
    "XLA_FLAGS",
)
"""Variables that decide whether the same seed gives the same numbers."""

_IMAGES = {
    "apptainer": ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"),
    "charliecloud": ("CH_RUNNING",),
    "enroot": ("ENROOT_ROOTFS",),
}
_MARKS = {"podman": "/run/.containerenv", "docker": "/.dockerenv"}


def settings() -> Dict[str, Any]:
    """Return settings that the jobs of a study usually share: variables, modules and container."""
    modules = _variable("LOADEDMODULES").split(":")
    return {
        "variables": _variables(THREADS + DETERMINISM),
        "modules": [name for name in modules if name],
        "container": container(),
    }


def container() -> Dict[str, str]:
    """Return the kind and the image of the container of this process; empty outside of containers."""
    for kind, names in _IMAGES.items():
        for name in names:
            if os.environ.get(name):
                return {"kind": kind, "image": _variable(name)}
    for kind, mark in _MARKS.items():
        if os.path.exists(mark):
            return {"kind": kind, "image": value_in(mark, "image=")}
    return {}


def of_attempt(experiment: Dict[str, Any], home: str) -> Dict[str, Any]:
    """Return the origin of a result: the scheduler's job, seeds, and outputs of the stages that it needs.

    Parameters
    ----------
    experiment : dict
        experiment.json.
    home : str
        The folder that holds stages/.
    """
    seed = experiment["application"].get("seed", "")
    parameters = experiment["parameters"]
    return {
        "scheduler": scheduler(),
        "seeds": {seed: parameters[seed]} if seed in parameters else {},
        "inputs": [_input(experiment, home, name, mark) for name, mark in sorted(experiment["stages"].items())],
    }


def scheduler() -> Dict[str, Any]:
    """Return the scheduler, number and variables of this process's job; empty outside of jobs."""
    job, here = current_job(), detect()
    if job is None or here is None:
        return {}
    return {"name": here.name, "job": job.id, "variables": _variables(here.variables[1:])}


def manifest_sha256(files: Iterable[Tuple[str, str]]) -> str:
    """Return one hash for several files, given as path and SHA-256: that of their lines in sha256sum's format."""
    lines = (manifest.sum_line(sha256, path) for path, sha256 in sorted(files))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def value_in(path: str, key: str) -> str:
    """Return the value in the first line of a text file that begins with the key; empty if there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = [line for line in file if line.startswith(key)]
    except OSError:
        return ""
    return lines[0].split("=" if "=" in lines[0] else ":", 1)[1].strip().strip('"') if lines else ""


def _input(experiment: Dict[str, Any], home: str, stage: str, fingerprint: str) -> Dict[str, Any]:
    name = protocol.marker_name(stage, fingerprint)
    folder = os.path.join(home, protocol.STAGES, experiment["application"]["name"], name)
    result = commit.read(folder, fingerprint) or {}
    files = result.get("files", [])
    return {
        "stage": stage,
        "fingerprint": fingerprint,
        "code": _code_of(result),
        "sha256": manifest_sha256((manifest.path_in(file), str(file["sha256"])) for file in files),
        "files": len(files),
        "bytes": sum(file["bytes"] for file in files),
    }


def _code_of(result: Dict[str, Any]) -> str:
    """Return the hash of the code that made a stage; that of its own inputs if they were made with other code."""
    own = str(result.get("application", {}).get("code", ""))
    codes = [str(stage.get("code", "")) for stage in result.get("provenance", {}).get("inputs", [])]
    return next((code for code in codes if code and code != own), own)


def _variables(names: Any) -> Dict[str, str]:
    return {name: _variable(name) for name in names if name in os.environ}


def _variable(name: str) -> str:
    """Return a variable's value; bytes that are not text are written as escapes of Python."""
    return os.fsencode(os.environ.get(name, "")).decode("utf-8", "backslashreplace")
