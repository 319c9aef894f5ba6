"""NumPy/CuPy dispatch: the module of an array, and copies to the GPU and back.

This is the only file that imports CuPy. There is no global switch: every operation asks `get_xp` for the module of the
array it was handed, so CPU and GPU can be compared in one process.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np

from .errors import UsageError

Array = Any  # numpy.ndarray or cupy.ndarray: the same code serves both
Arrays = dict[str, Array]  # parameters or gradients by name


def get_xp(array: Array) -> ModuleType:
    """The module (`numpy` or `cupy`) whose functions work on `array`."""
    if isinstance(array, (np.ndarray, np.generic)):
        return np
    # An array of CuPy's can only exist once somebody has imported CuPy.
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(array, cupy.ndarray):
        return cupy
    raise TypeError(f"expected a NumPy or CuPy array, got {type(array).__name__}")


def is_finite(array: Array) -> bool:
    """Whether every number is finite; waits for a GPU."""
    return bool(get_xp(array).isfinite(array).all())


def require_gpu() -> ModuleType:
    """CuPy, ready to use.

    Raises:
        UsageError: CuPy is not installed, or it is and finds no CUDA device. The message says which.
    """
    try:
        import cupy
    except ImportError as error:
        if not isinstance(error, ModuleNotFoundError) or error.name not in (None, "cupy"):
            reason = (str(error).strip().splitlines() or ["no reason given"])[0]
            raise UsageError(f"--gpu needs CuPy, which is installed but cannot be loaded: {reason}") from error
        raise UsageError(
            '--gpu needs CuPy, which is not installed: pip install -e ".[gpu]" for CUDA 12, '
            '".[gpu13]" for CUDA 13, or leave --gpu out to run on the CPU'
        ) from error
    # Importing CuPy succeeds on a machine without a device; only this call asks the driver.
    if not cupy.is_available():
        raise UsageError(
            "--gpu needs an NVIDIA GPU and its driver: CuPy is installed but finds no CUDA device "
            "(does nvidia-smi list one?); leave --gpu out to run on the CPU"
        )
    return cupy


def choose_gpu(number: int) -> None:
    """Use the device of that number, or that number modulo how many there are, from here on."""
    cuda = require_gpu().cuda
    cuda.Device(number % cuda.runtime.getDeviceCount()).use()


def gpu_peak_bytes() -> int:
    """Peak GPU memory of this process in bytes: CuPy's pool keeps freed blocks, so its size is the peak."""
    return require_gpu().get_default_memory_pool().total_bytes()


def to_gpu(array: np.ndarray) -> Array:
    """Copy a NumPy array to the GPU. Raises `UsageError` as `require_gpu` does."""
    return require_gpu().asarray(array)


def to_cpu(array: Array) -> np.ndarray:
    """Copy an array of either kind to NumPy; a NumPy array is returned as it is."""
    return array if get_xp(array) is np else array.get()
