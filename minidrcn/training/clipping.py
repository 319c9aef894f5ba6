"""Keeping a step small when the gradient is not: three ways to clip, each returning a fresh dict.

A gradient that passes through D recursions is multiplied by the same kernel D times and can grow like its gain to the
power of D. One such step undoes a thousand good ones.
"""

from __future__ import annotations

import math

from ..backend import Array, Arrays, get_xp


def global_norm(grads: Arrays) -> Array:
    """The Euclidean length of all gradients taken as one vector; a scalar, added up in float64."""
    # In float32 the square of 1e20 is infinite already.
    squares = [get_xp(g).square(g.astype("float64")).sum() for g in grads.values()]
    total = sum(squares[1:], start=squares[0])
    return get_xp(total).sqrt(total)


def clip_by_global_norm(grads: Arrays, max_norm: float) -> tuple[Arrays, Array]:
    """Shorten the gradient, keeping its direction, if it is longer than `max_norm` (Pascanu et al. 2013).

    Returns:
        the gradients, times `min(1, max_norm / norm)`, and their norm before.

    Raises:
        ValueError: max_norm is not positive.
    """
    _check_positive("max_norm", max_norm)
    norm = global_norm(grads)
    xp = get_xp(norm)
    # max_norm / max(norm, max_norm) is min(1, max_norm / norm) without a division by zero; nothing waits for the GPU.
    factor = max_norm / xp.maximum(norm, max_norm)
    return {name: g * factor.astype(g.dtype) for name, g in grads.items()}, norm


def clip_by_value(grads: Arrays, limit: float) -> Arrays:
    """Cut every entry to -limit..limit. The direction changes. Raises ValueError if the limit is not positive."""
    _check_positive("limit", limit)
    limit = float(limit)  # a NumPy float64 would make the gradients float64
    return {name: get_xp(g).clip(g, -limit, limit) for name, g in grads.items()}


def clip_adjustable(grads: Arrays, theta: float, lr: float) -> Arrays:
    """Cut every entry so that `abs(lr * g) <= theta`: as the learning rate falls, larger gradients are let through.

    The authors' training code clips so (theta 1e-5 at depth 20), after the same authors' VDSR (Kim et al. 2016,
    section 3.2). At a rate of 0 nothing is cut. Raises ValueError if theta is not positive or lr is negative.
    """
    _check_positive("theta", theta)
    if not lr >= 0:
        raise ValueError(f"lr must not be negative, got {lr}")
    return clip_by_value(grads, float(theta) / float(lr) if lr > 0 else math.inf)


def _check_positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} must be positive, got {value}")
