"""Checks of im2col, its adjoint, and the convolution made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...grad_check import numeric_gradient
from ...ops import conv
from .cases import Check, Sizes, pick, shown
from .judge import Case, Unusable, by_position
from .report import Result

COLUMNS = (
    {"N": 1, "H": 4, "W": 5, "C": 1, "K": 3},
    {"N": 2, "H": 4, "W": 3, "C": 3, "K": 3},
    {"N": 2, "H": 3, "W": 5, "C": 2, "K": 5},
    {"N": 2, "H": 4, "W": 6, "C": 2, "K": 1},
)
COLUMN_LABELS = ("one channel", "several images and channels", "other kernels", "other kernels")
CONVOLUTIONS = (
    {"N": 2, "H": 4, "W": 5, "C": 3, "F": 2, "K": 3},
    {"N": 3, "H": 5, "W": 3, "C": 1, "F": 2, "K": 3},
    {"N": 2, "H": 3, "W": 4, "C": 2, "F": 1, "K": 5},
    {"N": 1, "H": 4, "W": 3, "C": 2, "F": 3, "K": 1},
)


@shown
def check_im2col(fn: Callable, seed: int = 0) -> Result:
    """Check `fn(x, kernel) -> cols`: x (N, H, W, C), cols (N*H*W, K*K*C), as `minidrcn.ops.conv.im2col`."""
    return IM2COL.judge(fn, seed)


@shown
def check_col2im(fn: Callable, seed: int = 0) -> Result:
    """Check `fn(cols, shape, kernel) -> x`, the adjoint of im2col: cols (N*H*W, K*K*C), shape and x (N, H, W, C)."""
    return COL2IM.judge(fn, seed)


@shown
def check_conv_forward(fn: Callable, seed: int = 0) -> Result:
    """Check `fn(x, w, b) -> y, cache`: x (N, H, W, C), w (K, K, C, F), b (F,), y (N, H, W, F), cache (x, w)."""
    return CONV_FORWARD.judge(fn, seed)


@shown
def check_conv_backward(fn: Callable, seed: int = 0) -> Result:
    """Check `fn(dy, cache) -> dx, dw, db`: dy (N, H, W, F), cache (x, w); gradients in the shapes of x, w and b."""
    return CONV_BACKWARD.judge(fn, seed)


def _im2col_cases(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    x = rng.standard_normal(pick(sizes, "NHWC"))
    return [Case((x, sizes["K"]), {"cols": conv.im2col(x, sizes["K"])}, sizes)]


def _col2im_cases(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    shape, K = pick(sizes, "NHWC"), sizes["K"]
    cols = rng.standard_normal((int(np.prod(shape[:3])), K * K * shape[3]))
    # The adjoint is the derivative of <im2col(x), cols> by x, wherever x is.
    x = numeric_gradient(lambda x: (conv.im2col(x, K) * cols).sum(), np.zeros(shape))
    return [Case((cols, shape, K), {"x": x}, sizes)]


def _draw_convolution(sizes: Sizes, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        rng.standard_normal(pick(sizes, "NHWC")),
        rng.standard_normal(pick(sizes, "KKCF")),
        rng.standard_normal(sizes["F"]),
    )


def _forward_cases(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    x, w, b = _draw_convolution(sizes, rng)
    y, _ = conv.conv2d_forward(x, w, b)
    return [Case((x, w, b), {"y": y, "x in the cache": x, "w in the cache": w}, sizes)]


def _unpack_forward(value: Any) -> dict:
    if isinstance(value, np.ndarray):
        return {"y": value}
    named = by_position(("y", "cache"))(value)
    cache = named["cache"]
    if not isinstance(cache, tuple) or len(cache) != 2:
        raise Unusable("the cache must be (x, w), what the backward pass needs")
    return {"y": named["y"], "x in the cache": cache[0], "w in the cache": cache[1]}


def _backward_cases(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    x, w, b = _draw_convolution(sizes, rng)
    dy = rng.standard_normal(pick(sizes, "NHWF"))

    def loss(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> float:
        y, _ = conv.conv2d_forward(x, w, b)
        return (y * dy).sum()

    right = {
        "dx": numeric_gradient(lambda x: loss(x, w, b), x),
        "dw": numeric_gradient(lambda w: loss(x, w, b), w),
        "db": numeric_gradient(lambda b: loss(x, w, b), b),
    }
    return [Case((dy, (x, w)), right, sizes)]


IM2COL = Check("ops.conv:im2col", ("x", "kernel"), COLUMNS, _im2col_cases, COLUMN_LABELS, tolerance=0.0)
COL2IM = Check("ops.conv:col2im", ("cols", "shape", "kernel"), COLUMNS, _col2im_cases, COLUMN_LABELS)
CONV_FORWARD = Check(
    "ops.conv:conv2d_forward",
    ("x", "w", "b"),
    CONVOLUTIONS,
    _forward_cases,
    unpack=_unpack_forward,
    tolerance=1e-10,
    weights={"y": 8, "x in the cache": 1, "w in the cache": 1},
)
CONV_BACKWARD = Check("ops.conv:conv2d_backward", ("dy", "cache"), CONVOLUTIONS, _backward_cases)
