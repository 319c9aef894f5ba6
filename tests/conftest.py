"""What all tests share: the array modules, random arrays, small images, where to find real ones."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
import standin
from hypothesis import settings

from minidrcn.backend import to_cpu

settings.register_profile("same every time", derandomize=True, deadline=None, max_examples=30)
settings.load_profile("same every time")

HANGS = 900  # seconds: a process that has not ended by then never will, whatever else the machine does


def cuda_device_problem() -> str | None:
    if importlib.util.find_spec("cupy") is None:
        return "CuPy is not installed"
    import cupy

    return None if cupy.is_available() else "CuPy finds no CUDA device"


@pytest.fixture(params=["numpy", "stand-in", pytest.param("cupy", marks=pytest.mark.gpu)])
def xp(request, monkeypatch):
    """The array module that a test body runs with: NumPy, the stand-in for CuPy, and CuPy where there is a device."""
    if request.param == "numpy":
        return np
    if request.param == "stand-in":
        return standin.install(monkeypatch)
    problem = cuda_device_problem()
    if problem:
        pytest.skip(problem)
    import cupy

    return cupy


@pytest.fixture
def rng():
    return np.random.default_rng(20161127)


@pytest.fixture
def shared_data() -> Path:
    """A folder with Set5 and the like, which are never part of the project."""
    candidates = [os.environ.get("MINIDRCN_DATA"), Path(__file__).parents[2] / "shared" / "data"]
    for candidate in candidates:
        if candidate and Path(candidate).is_dir():
            return Path(candidate)
    pytest.skip("no real images here: set MINIDRCN_DATA to a folder that holds Set5 and Set14")


@pytest.fixture
def photo(tmp_path) -> Path:
    """A folder with two small colour images that have something to learn in them."""
    from PIL import Image

    folder = tmp_path / "images"
    folder.mkdir()
    i, j = np.mgrid[:37, :46]
    for number, period in enumerate((5.0, 8.0)):
        waves = 0.5 + 0.4 * np.sin(i / period + j / 3.0) * np.cos(j / period)
        rgb = np.stack([waves, waves**2, 1 - waves], axis=-1)
        Image.fromarray((rgb * 255).astype(np.uint8)).save(folder / f"wave{number}.png")
    return folder


def run_command(main, arguments, capsys) -> tuple[int, str, str]:
    """Run a command in this process: its exit status, stdout and stderr."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as stopped:
        code = stopped.code
    return code, *capsys.readouterr()


def to_xp(xp, arrays):
    """Copy NumPy arrays to the module under test."""
    if isinstance(arrays, dict):
        return {name: xp.asarray(value) for name, value in arrays.items()}
    return tuple(xp.asarray(value) for value in arrays)


def relative_error(a, b) -> float:
    """The largest difference, relative to the largest magnitude of either."""
    a, b = np.asarray(to_cpu(a)), np.asarray(to_cpu(b))
    assert a.shape == b.shape
    scale = max(np.abs(a).max(initial=0), np.abs(b).max(initial=0))
    return float(np.abs(a - b).max(initial=0) / scale) if scale else 0.0
