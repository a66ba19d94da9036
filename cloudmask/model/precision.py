"""The precision of training: bfloat16 or float16 if the processor or GPU has instructions for it, else float32.

The choice depends on the features of the machine, never on a timing, so it is reproducible.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

CPUINFO = Path("/proc/cpuinfo")
FLAGS = ("amx_bf16", "avx512_bf16")  # instructions that multiply bfloat16
FLOAT32, BFLOAT16, FLOAT16 = "float32", "mixed_bfloat16", "mixed_float16"


@dataclass(frozen=True)
class Precision:
    """A precision and the reason for it.

    Attributes
    ----------
    policy : str
        Keras's dtype policy.
    reason : str
        The reason, as readable text.
    """

    policy: str
    reason: str


def choose(requested: str) -> Precision:
    """Return the requested precision; for ``auto`` choose by the GPUs or, without any, by the processor.

    Parameters
    ----------
    requested : str
        auto, float32, mixed_bfloat16 or mixed_float16.
    """
    if requested != "auto":
        return Precision(requested, "as the parameter says")
    if gpus := tf.config.list_physical_devices("GPU"):
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        return for_gpus([detail.get("compute_capability", (0, 0)) for detail in details])
    return for_processor(processor_flags())


def for_gpus(capabilities: list[tuple[int, int]]) -> Precision:
    """Choose by the compute capability of the weakest GPU.

    Tensor cores multiply float16 from 7.0 and bfloat16 from 8.0: https://docs.nvidia.com/cuda/cuda-c-programming-guide

    >>> for_gpus([(9, 0), (7, 5)]).policy
    'mixed_float16'
    """
    weakest = min(capabilities)
    policy = BFLOAT16 if weakest >= (8, 0) else FLOAT16 if weakest >= (7, 0) else FLOAT32
    return Precision(policy, f"GPU of compute capability {weakest[0]}.{weakest[1]}")


def for_processor(flags: set[str]) -> Precision:
    """Choose bfloat16 if the processor has instructions that multiply it.

    Parameters
    ----------
    flags : set of str
        The flags of the processor, as in /proc/cpuinfo.

    Examples
    --------
    >>> for_processor({"avx2", "amx_bf16"})
    Precision(policy='mixed_bfloat16', reason='processor with amx_bf16')
    """
    supported = [flag for flag in FLAGS if flag in flags]
    if not supported:
        return Precision(FLOAT32, f"processor without {' and '.join(FLAGS)}")
    return Precision(BFLOAT16, f"processor with {supported[0]}")


def processor_flags(cpuinfo: Path = CPUINFO) -> set[str]:
    """Return the processor's flags; an empty set if the file is missing."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return {flag for line in lines if line.startswith("flags") for flag in line.partition(":")[2].split()}
