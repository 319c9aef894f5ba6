"""Operations besides the convolution, as forward/backward pairs: ReLU, squared error, weighted sum."""

from __future__ import annotations

import numpy as np

from ..backend import Array, get_xp


def relu_forward(x: Array) -> tuple[Array, Array]:
    """Rectify: `y = max(x, 0)`, any shape.

    Returns:
        y, and as cache y itself: y > 0 exactly where x > 0, so x need not be kept.
    """
    y = get_xp(x).maximum(x, 0)
    return y, y


def relu_backward(dy: Array, cache: Array) -> Array:
    """Let the gradient through where the forward pass let the signal through; at x = 0 it is 0."""
    y = cache
    return dy * (y > 0)


def squared_error_forward(prediction: Array, target: Array) -> tuple[Array, tuple]:
    """Half the squared distance, summed over pixels, averaged over the batch (paper eq. 8 and 9).

        loss = 1 / (2 N) * sum over n of ||target[n] - prediction[n]||^2

    The norm is a sum over pixels, not a mean: with a mean over 41 x 41 pixels the paper's learning rate would be 1681
    times too small.

    Args:
        prediction: (N, ...).
        target: the same shape.

    Returns:
        loss: a scalar of the arrays' dtype (on a GPU an array without axes, so that nothing waits for it).
        cache: (prediction, target).

    Raises:
        ValueError: the shapes differ.
    """
    if prediction.shape != target.shape:
        raise ValueError(f"prediction {prediction.shape} and target {target.shape} differ in shape")
    difference = prediction - target
    loss = (difference * difference).sum() / (2 * len(target))
    return loss, (prediction, target)


def squared_error_backward(dloss: float | Array, cache: tuple) -> Array:
    """The derivative by the prediction, (N, ...), where `dloss` is the derivative of the whole loss by this one."""
    prediction, target = cache
    dloss = float(dloss) if isinstance(dloss, np.generic) else dloss  # a NumPy float64 would make the result float64
    # forward: loss = sum (prediction - target)^2 / (2 N)
    return (prediction - target) * (dloss / len(target))


def weighted_sum_forward(ys: Array, w: Array) -> tuple[Array, tuple]:
    """Sum D arrays with learned weights: `sum over d of w[d] * ys[d]` (the ensemble, paper section 3.2).

    Args:
        ys: (D, ...).
        w: (D,). The weights are free: they need not sum to 1.

    Returns:
        the sum, of shape ys.shape[1:], and as cache (ys, w).

    Raises:
        ValueError: there are not as many weights as arrays.
    """
    if w.shape != (len(ys),):
        raise ValueError(f"expected {len(ys)} weights for {len(ys)} arrays, got shape {w.shape}")
    return get_xp(ys).tensordot(w, ys, axes=1), (ys, w)


def weighted_sum_backward(dy: Array, cache: tuple) -> tuple[Array, Array]:
    """Returns dys (D, ...) and dw (D,); dy has the shape of the sum."""
    ys, w = cache
    # forward: y = sum_d w[d] * ys[d]
    dys = w.reshape(-1, *(1,) * dy.ndim) * dy
    dw = (ys * dy).reshape(len(ys), -1).sum(axis=1)
    return dys, dw
