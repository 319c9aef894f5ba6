"""A stand-in for CuPy on machines without a GPU: NumPy inside, CuPy's refusals outside.

Arrays of this module wrap a NumPy array and refuse to be mixed with one, to be turned into one silently, and to be
handed to a NumPy function. What passes with it never mixes host and device; it says nothing about speed or rounding.
"""

from __future__ import annotations

import operator
import sys
import types

import numpy as np

waits = 0  # how often the host has waited for a number from the device


def _wait() -> None:
    global waits
    waits += 1


class ndarray:
    """An array "on the device"."""

    __array_ufunc__ = None  # NumPy arrays then leave binary operations to the methods below

    def __init__(self, wrapped: np.ndarray) -> None:
        self._wrapped = np.asarray(wrapped)

    def get(self) -> np.ndarray:
        _wait()
        return self._wrapped.copy()

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed")

    def __float__(self) -> float:
        _wait()
        return float(self._wrapped)

    def __bool__(self) -> bool:
        _wait()
        return bool(self._wrapped)

    def __len__(self) -> int:
        return len(self._wrapped)

    def __iter__(self):
        return (ndarray(item) for item in self._wrapped)

    def __getitem__(self, index: object) -> ndarray:
        return ndarray(self._wrapped[_unwrap(index)])

    def __setitem__(self, index: object, value: object) -> None:
        self._wrapped[_unwrap(index)] = _unwrap(value)

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return _wrap_callable(getattr(self._wrapped, name))

    def __repr__(self) -> str:
        return f"device {self._wrapped!r}"


def _operator(name: str):
    function = getattr(operator, name.strip("_").removeprefix("r") if name.startswith("__r") else name)

    def forward(self: ndarray, other: object) -> ndarray:
        return ndarray(function(self._wrapped, _unwrap(other)))

    def reflected(self: ndarray, other: object) -> ndarray:
        return ndarray(function(_unwrap(other), self._wrapped))

    return reflected if name.startswith("__r") else forward


for _name in ("add", "sub", "mul", "truediv", "pow", "matmul"):
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
    setattr(ndarray, f"__r{_name}__", _operator(f"__r{_name}__"))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
ndarray.__neg__ = lambda self: ndarray(-self._wrapped)
ndarray.__hash__ = None


def _in_place(name: str):
    function = getattr(operator, name)

    def apply(self: ndarray, other: object) -> ndarray:
        self._wrapped = function(self._wrapped, _unwrap(other))
        return self

    return apply


for _name in ("iadd", "isub", "imul", "itruediv"):
    setattr(ndarray, f"__{_name}__", _in_place(f"__{_name}__"))


def _unwrap(value: object) -> object:
    if isinstance(value, ndarray):
        return value._wrapped
    if isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    if isinstance(value, (tuple, list)):
        return type(value)(_unwrap(item) for item in value)
    return value


def _wrap(value: object) -> object:
    # Reductions give NumPy scalars; CuPy gives arrays without axes, so that nothing waits for the device.
    return ndarray(value) if isinstance(value, (np.ndarray, np.generic)) else value


def _wrap_callable(value: object) -> object:
    if not callable(value) or isinstance(value, type):
        return _wrap(value)

    def call(*args: object, **kwargs: object) -> object:
        return _wrap(value(*map(_unwrap, args), **{key: _unwrap(item) for key, item in kwargs.items()}))

    return call


class _Module(types.ModuleType):
    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return _wrap_callable(getattr(np, name))


def make_module(device: bool = True) -> types.ModuleType:
    """A module to be put into `sys.modules["cupy"]`; without a device it imports and finds none, as CuPy does."""
    module = _Module("cupy")
    module.ndarray = ndarray
    module.is_available = lambda: device

    def asarray(value: object, dtype: object = None) -> ndarray:
        # The one way from the host to the device.
        wrapped = value._wrapped if isinstance(value, ndarray) else np.array(value)
        return ndarray(wrapped if dtype is None else wrapped.astype(dtype))

    module.asarray = module.array = asarray
    # The stand-in's memory is the host's.
    module.get_default_memory_pool = lambda: types.SimpleNamespace(total_bytes=lambda: 3 * 2**20)
    stride_tricks = types.SimpleNamespace(as_strided=_wrap_callable(np.lib.stride_tricks.as_strided))
    module.lib = types.SimpleNamespace(stride_tricks=stride_tricks)
    return module


def install(monkeypatch) -> types.ModuleType:
    """Let `import cupy` find the stand-in until the test ends."""
    module = make_module()
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module
