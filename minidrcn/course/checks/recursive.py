"""The recursive part of DRCN by itself, as forward/backward pairs of a few lines: what the later exercises are about.

`network.py` has all of it in one loop, with the embedding before and everything optional.
"""

from __future__ import annotations

import numpy as np

from ...backend import Array
from ...model.loss import loss_backward, loss_forward
from ...ops.conv import conv2d_backward, conv2d_forward
from ...ops.pointwise import relu_backward, relu_forward, weighted_sum_backward, weighted_sum_forward


def recursion_forward(h: Array, w: Array, b: Array, D: int) -> tuple[Array, tuple]:
    """Apply one convolution D times: `h_d = relu(conv(h_(d-1), w, b))`, from h_0 (N, H, W, F), w (K, K, F, F), b (F,).

    Returns:
        h_D, and D caches: `(conv_cache, relu_cache)` with conv_cache = (h_(d-1), w) and relu_cache = h_d.
    """
    caches = []
    for _ in range(D):
        z, conv_cache = conv2d_forward(h, w, b)
        h, relu_cache = relu_forward(z)
        caches.append((conv_cache, relu_cache))
    return h, tuple(caches)


def recursion_backward(dh: Array, caches: tuple) -> tuple[Array, Array, Array]:
    """From the derivative by h_D, returns dh_0, dw and db."""
    (_, w), _ = caches[0]
    dw, db = np.zeros_like(w), np.zeros(w.shape[3], w.dtype)
    for conv_cache, relu_cache in reversed(caches):
        dz = relu_backward(dh, relu_cache)
        dh, dw_d, db_d = conv2d_backward(dz, conv_cache)
        dw += dw_d
        db += db_d
    return dh, dw, db


def supervision_forward(h: Array, w: Array, b: Array, v: Array, c: Array, D: int) -> tuple[Array, tuple]:
    """The same recursion, with a prediction after each: `y_d = conv(h_d, v, c)`, v (K, K, F, 1) and c (1,).

    Returns:
        ys (D, N, H, W, 1), and D caches: `(conv_cache, relu_cache, reconstruct_cache)`, the last one (h_d, v).
    """
    ys, caches = [], []
    for _ in range(D):
        z, conv_cache = conv2d_forward(h, w, b)
        h, relu_cache = relu_forward(z)
        y, reconstruct_cache = conv2d_forward(h, v, c)
        ys.append(y)
        caches.append((conv_cache, relu_cache, reconstruct_cache))
    return np.stack(ys), tuple(caches)


def supervision_backward(dys: Array, caches: tuple) -> tuple[Array, ...]:
    """From the derivatives by the D predictions, returns dh_0, dw, db, dv and dc."""
    (h, w), _, (_, v) = caches[0]
    dw, db = np.zeros_like(w), np.zeros(w.shape[3], w.dtype)
    dv, dc = np.zeros_like(v), np.zeros(v.shape[3], v.dtype)
    dh = np.zeros_like(h)
    for dy, (conv_cache, relu_cache, reconstruct_cache) in zip(dys[::-1], reversed(caches), strict=True):
        dh_supervision, dv_d, dc_d = conv2d_backward(dy, reconstruct_cache)
        dv += dv_d
        dc += dc_d
        # h_d is used twice: by the next recursion and by its own prediction.
        dh = dh + dh_supervision
        dz = relu_backward(dh, relu_cache)
        dh, dw_d, db_d = conv2d_backward(dz, conv_cache)
        dw += dw_d
        db += db_d
    return dh, dw, db, dv, dc


def loss_and_gradients(ys: Array, w: Array, y: Array, alpha: float) -> tuple[Array, Array, Array]:
    """The whole loss (paper eq. 8 to 10) with the ensemble in it, and its gradients dys and dw.

    ys (D, N, H, W, 1) are the predictions, w (D,) the ensemble's weights, y (N, H, W, 1) is the target, and alpha, in
    0..1, the weight of the predictions' own losses.
    """
    final, ensemble_cache = weighted_sum_forward(ys, w)
    loss, loss_cache = loss_forward(final, ys, y, alpha)
    dfinal, dys = loss_backward(loss_cache)
    dys_ensemble, dw = weighted_sum_backward(dfinal, ensemble_cache)
    return loss, dys + dys_ensemble, dw
