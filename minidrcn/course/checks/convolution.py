"""Checks of im2col, its adjoint, and the convolution made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...grad_check import numeric_gradient
from ...ops import conv
from .cases import Sizes, comparing, derivatives, draw, pick
from .judge import Case, Unusable, by_position

COLUMNS = (
    {"N": 1, "H": 4, "W": 5, "C": 1, "K": 3},
    {"N": 2, "H": 4, "W": 3, "C": 3, "K": 3},
    {"N": 2, "H": 3, "W": 5, "C": 2, "K": 5},
    {"N": 2, "H": 4, "W": 6, "C": 2, "K": 1},
    {"N": 3, "H": 3, "W": 3, "C": 2, "K": 3},
    {"N": 1, "H": 3, "W": 4, "C": 2, "K": 3, "dtype": "float32"},
)
CONVOLUTIONS = (
    {"N": 2, "H": 4, "W": 5, "C": 3, "F": 2, "K": 3},
    {"N": 3, "H": 5, "W": 3, "C": 1, "F": 2, "K": 3},
    {"N": 2, "H": 3, "W": 4, "C": 2, "F": 1, "K": 5},
    {"N": 1, "H": 4, "W": 3, "C": 2, "F": 3, "K": 1},
    {"N": 3, "H": 3, "W": 3, "C": 2, "F": 2, "K": 3},
)


def _unpack_forward(value: Any) -> dict:
    if isinstance(value, np.ndarray):
        return {"y": value}
    named = by_position(("y", "cache"))(value)
    if not isinstance(named["cache"], tuple) or len(named["cache"]) != 2:
        raise Unusable("the cache must be (x, w), what the backward pass needs")
    return {"y": named["y"], **dict(zip(("x in the cache", "w in the cache"), named["cache"], strict=True))}


@comparing("ops.conv:im2col", COLUMNS, tolerance=0.0)
def check_im2col(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(x, kernel) -> cols`: x (N, H, W, C), cols (N*H*W, K*K*C), as `minidrcn.ops.conv.im2col`."""
    x = draw(rng, sizes, "NHWC")[0].astype(sizes.get("dtype", float))
    return [Case((x, sizes["K"]), {"cols": conv.im2col(x, sizes["K"])}, sizes, label=_label(sizes))]


@comparing("ops.conv:col2im", COLUMNS)
def check_col2im(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(cols, shape, kernel) -> x`, the adjoint of im2col: cols (N*H*W, K*K*C), shape and x (N, H, W, C)."""
    shape, K = pick(sizes, "NHWC"), sizes["K"]
    # Eighths add up without rounding, in float32 as well.
    cols = rng.integers(-30, 31, (int(np.prod(shape[:3])), K * K * shape[3])) / 8
    # The adjoint is the derivative of <im2col(x), cols> by x, wherever x is.
    x = numeric_gradient(lambda x: (conv.im2col(x, K) * cols).sum(), np.zeros(shape))
    cols, x = (array.astype(sizes.get("dtype", float)) for array in (cols, x))
    return [Case((cols, shape, K), {"x": x}, sizes, label=_label(sizes))]


def _label(sizes: Sizes) -> str:
    if "dtype" in sizes:
        return sizes["dtype"]
    if sizes["K"] != 3:
        return "other kernels"
    return "one channel" if sizes["C"] == 1 else "several images and channels"


def _credit(sizes: Sizes) -> dict:
    """Three quarters are for kernels of 3 x 3, whatever becomes of the others."""
    return {"label": "3 x 3 kernels", "weight": 3} if sizes["K"] == 3 else {"label": "other kernels"}


@comparing("ops.conv:conv2d_forward", CONVOLUTIONS, unpack=_unpack_forward, tolerance=1e-10, weights={"y": 8})
def check_conv_forward(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(x, w, b) -> y, cache`: x (N, H, W, C), w (K, K, C, F), b (F,), y (N, H, W, F), cache (x, w)."""
    x, w, b = draw(rng, sizes, "NHWC", "KKCF", "F")
    return [Case((x, w, b), _unpack_forward(conv.conv2d_forward(x, w, b)), sizes, **_credit(sizes))]


@comparing("ops.conv:conv2d_backward", CONVOLUTIONS)
def check_conv_backward(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(dy, cache) -> dx, dw, db`: dy (N, H, W, F), cache (x, w); gradients in the shapes of x, w and b."""
    x, w, b, dy = draw(rng, sizes, "NHWC", "KKCF", "F", "NHWF")

    def loss(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> float:
        return (conv.conv2d_forward(x, w, b)[0] * dy).sum()

    return [Case((dy, (x, w)), derivatives(loss, x=x, w=w, b=b), sizes, **_credit(sizes))]
