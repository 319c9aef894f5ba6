"""The way to the GPU, and that the stand-in for CuPy refuses what CuPy refuses."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import standin

from minidrcn.backend import get_xp, require_gpu, to_cpu, to_gpu
from minidrcn.errors import UsageError


def test_arrays_know_their_module(xp):
    a = xp.asarray(np.arange(3.0))
    assert get_xp(a) is xp
    assert isinstance(to_cpu(a), np.ndarray)
    assert to_cpu(a).tolist() == [0, 1, 2]
    with pytest.raises(TypeError, match="expected a NumPy or CuPy array, got list"):
        get_xp([1, 2])


def test_without_cupy_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(UsageError, match=r'CuPy, which is not installed: pip install -e "\.\[gpu\]"'):
        require_gpu()


def test_a_cupy_that_cannot_be_loaded_says_why(monkeypatch, tmp_path):
    (tmp_path / "cupy.py").write_text("raise ImportError('libcublas.so not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    with pytest.raises(UsageError, match=r"installed but cannot be loaded: libcublas\.so not found"):
        require_gpu()


def test_without_a_device_the_message_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", standin.make_module(device=False))
    with pytest.raises(UsageError, match="CuPy is installed but finds no CUDA device"):
        to_gpu(np.zeros(3))


@pytest.mark.parametrize(
    "mix",
    [
        lambda d, h: d + h,
        lambda d, h: h + d,
        lambda d, h: h @ d,
        lambda d, h: d.__setitem__(slice(None), h),
        lambda d, h: np.sqrt(d),
        lambda d, h: np.asarray(d),
        lambda d, h: np.stack([d, h]),
    ],
)
def test_host_and_device_do_not_mix(xp, mix):
    if xp is np:
        pytest.skip("NumPy alone has nothing to mix")
    if getattr(xp, "__file__", None) and "sqrt" in mix.__code__.co_names:
        pytest.skip("CuPy itself takes NumPy's ufuncs; the stand-in is stricter")
    with pytest.raises(TypeError):
        mix(xp.arange(4.0).reshape(2, 2), np.ones((2, 2)))


def test_to_gpu_and_back(xp, monkeypatch):
    if xp is np:
        pytest.skip("NumPy has no device")
    a = np.arange(6.0).reshape(2, 3)
    moved = to_gpu(a)
    assert get_xp(moved) is sys.modules["cupy"]
    assert np.array_equal(to_cpu(moved), a)
    moved[0, 0] = 7
    assert a[0, 0] == 0
