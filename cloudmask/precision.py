"""The arithmetic of training: bfloat16 or float16 where the processor or GPU is faster with it, float32 elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

CPUINFO = Path("/proc/cpuinfo")
FLAGS = ("amx_bf16", "avx512_bf16")  # instructions that multiply bfloat16
MARGIN = 1.15  # how many times faster bfloat16 must be in the probe
WIDTH = 32  # of the probe whatever the network's, so that the choice is the processor's and does not flutter
REPEATS = 5
FLOAT32, BFLOAT16, FLOAT16 = "float32", "mixed_bfloat16", "mixed_float16"


@dataclass(frozen=True)
class Precision:
    """A choice of arithmetic.

    Attributes
    ----------
    policy : str
        What Keras calls a dtype policy.
    reason : str
        Why this one, for people.
    gain : float or None
        How many times faster the probe was in bfloat16 than in float32, in processor seconds, where it ran.
    """

    policy: str
    reason: str
    gain: float | None = None


def choose(wish: str) -> Precision:
    """Follow a wish other than ``auto``; for ``auto`` look at the GPUs, or else at the processor.

    Parameters
    ----------
    wish : str
        auto, float32, mixed_bfloat16 or mixed_float16.
    """
    if wish != "auto":
        return Precision(wish, "as the parameter says")
    if gpus := tf.config.list_physical_devices("GPU"):
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        return for_gpus([each.get("compute_capability", (0, 0)) for each in details])
    return for_processor(processor_flags(), probe)


def for_gpus(capabilities: list[tuple[int, int]]) -> Precision:
    """Choose by the compute capability of the weakest GPU.

    Tensor cores multiply float16 from 7.0 and bfloat16 from 8.0: https://docs.nvidia.com/cuda/cuda-c-programming-guide

    >>> for_gpus([(9, 0), (7, 5)]).policy
    'mixed_float16'
    """
    weakest = min(capabilities)
    policy = BFLOAT16 if weakest >= (8, 0) else FLOAT16 if weakest >= (7, 0) else FLOAT32
    return Precision(policy, f"GPU of compute capability {weakest[0]}.{weakest[1]}")


def for_processor(flags: set[str], measure: Callable[[], float]) -> Precision:
    """Choose bfloat16 if the processor has instructions for it and they pay in a short measurement.

    Parameters
    ----------
    flags : set of str
        What the processor can do, in the words of /proc/cpuinfo.
    measure : callable
        Gives how many times faster bfloat16 is; called only if the instructions are there.
    """
    found = [flag for flag in FLAGS if flag in flags]
    if not found:
        return Precision(FLOAT32, f"processor without {' and '.join(FLAGS)}")
    gain = round(measure(), 2)
    policy = BFLOAT16 if gain >= MARGIN else FLOAT32
    return Precision(policy, f"processor with {found[0]}, {gain} times as fast in bfloat16", gain)


def processor_flags(cpuinfo: Path = CPUINFO) -> set[str]:
    """Read the processor's flags; an empty set on a system without such a file."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return {flag for line in lines if line.startswith("flags") for flag in line.partition(":")[2].split()}


def probe() -> float:
    """Measure how many times less processor time a convolution of the network takes in bfloat16, forth and back."""
    return _seconds(tf.float32) / _seconds(tf.bfloat16)


def _seconds(dtype: tf.DType) -> float:
    image, kernel = tf.ones((2, 128, 128, WIDTH), dtype), tf.ones((3, 3, WIDTH, WIDTH), dtype)

    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch([image, kernel])
            out = tf.nn.relu(tf.nn.conv2d(image, kernel, 1, "SAME"))
        return tape.gradient(out, [image, kernel])

    compiled = tf.function(step)

    def timed() -> float:
        start = time.process_time()
        compiled()[1].numpy()
        return time.process_time() - start

    timed()  # traces
    return min(timed() for _ in range(REPEATS))
