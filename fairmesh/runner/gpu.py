"""Read GPUs from the driver's library (NVML) by ctypes, so that no package is needed.

Functions and units as in NVIDIA's NVML API reference: utilisation in percent, memory in bytes, power in mW, energy in
mJ since the driver was loaded (Volta and newer).
"""

import ctypes
import os
from typing import Any, Callable, Dict, List, NamedTuple, Optional


class Gpu(NamedTuple):
    """A GPU that this job may use."""

    number: int
    name: str
    uuid: str
    handle: Any


class _Utilization(ctypes.Structure):
    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


class _Memory(ctypes.Structure):
    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class Gpus:
    """The GPUs that this job may use; none without a driver."""

    def __init__(self) -> None:
        self._nvml = _library()
        self.driver = self._text("nvmlSystemGetDriverVersion") if self._nvml else ""
        self.all = [gpu for gpu in self._find() if _is_visible(gpu)] if self._nvml else []

    def _find(self) -> List[Gpu]:
        count = ctypes.c_uint()
        self._call("nvmlDeviceGetCount_v2", ctypes.byref(count))
        return [self._gpu(index) for index in range(count.value)]

    def _gpu(self, index: int) -> Gpu:
        handle = ctypes.c_void_p()
        self._call("nvmlDeviceGetHandleByIndex_v2", index, ctypes.byref(handle))
        return Gpu(index, self._text("nvmlDeviceGetName", handle), self._text("nvmlDeviceGetUUID", handle), handle)

    def sample(self, gpu: Gpu) -> Dict[str, float]:
        """Measure a GPU: ``utilisation`` (%), ``memory`` (bytes) and ``power`` (W), as far as available."""
        values: Dict[str, float] = {}
        rates, memory, power = _Utilization(), _Memory(), ctypes.c_uint()
        if self._call("nvmlDeviceGetUtilizationRates", gpu.handle, ctypes.byref(rates)):
            values["utilisation"] = float(rates.gpu)
        if self._call("nvmlDeviceGetMemoryInfo", gpu.handle, ctypes.byref(memory)):
            values["memory"] = float(memory.used)
        if self._call("nvmlDeviceGetPowerUsage", gpu.handle, ctypes.byref(power)):
            values["power"] = power.value / 1000
        return values

    def energy(self, gpu: Gpu) -> Optional[float]:
        """Return the energy a GPU used since its driver was loaded, in joules."""
        energy = ctypes.c_ulonglong()
        known = self._call("nvmlDeviceGetTotalEnergyConsumption", gpu.handle, ctypes.byref(energy))
        return energy.value / 1000 if known else None

    def _call(self, name: str, *arguments: Any) -> bool:
        function: Optional[Callable[..., int]] = getattr(self._nvml, name, None)
        return function is not None and function(*arguments) == 0

    def _text(self, name: str, *arguments: Any) -> str:
        buffer = ctypes.create_string_buffer(96)
        return buffer.value.decode() if self._call(name, *arguments, buffer, ctypes.c_uint(96)) else ""


def _library() -> Any:
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    return nvml if nvml.nvmlInit_v2() == 0 else None


def _is_visible(gpu: Gpu) -> bool:
    """Return whether the job may use a GPU; ``CUDA_VISIBLE_DEVICES`` lists indices or UUIDs if it is set."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return True
    names = [name.strip() for name in visible.split(",")]
    return str(gpu.number) in names or any(name and gpu.uuid.startswith(name) for name in names if not name.isdigit())
