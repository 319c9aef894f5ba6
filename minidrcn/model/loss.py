"""The paper's loss: every recursion's prediction and their ensemble, each compared with the target."""

from __future__ import annotations

from ..backend import Array, get_xp
from ..ops.pointwise import squared_error_backward, squared_error_forward


def loss_forward(final: Array, ys: Array, y: Array, alpha: float) -> tuple[Array, tuple]:
    """`L = alpha l1 + (1 - alpha) l2` (paper eq. 8 to 10; the weight decay is the optimiser's).

        l1 = sum over d of  1 / (2 D N) * sum over n of ||y[n] - ys[d, n]||^2      every recursion on its own
        l2 =                1 / (2 N)   * sum over n of ||y[n] - final[n]||^2      the ensemble

    Args:
        final: the ensemble's prediction, (N, H, W, 1).
        ys: the prediction after each recursion, (D, N, H, W, 1).
        y: the target, (N, H, W, 1).
        alpha: the weight of l1, in 0..1. Training starts near 1, so that every recursion learns to predict, and ends
            at 0, so that nothing but the ensemble counts.

    Returns:
        loss: a scalar, a sum over pixels and a mean over the batch.
        cache: for `loss_backward`.

    Raises:
        ValueError: alpha is not in 0..1, or the shapes differ.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be in 0..1, got {alpha}")
    alpha = float(alpha)  # a NumPy float64 would make the loss float64
    D = len(ys)
    l2, final_cache = squared_error_forward(final, y)
    loss = (1 - alpha) * l2
    single_caches = []
    for y_d in ys:
        l1_d, single_cache = squared_error_forward(y_d, y)
        loss = loss + alpha / D * l1_d
        single_caches.append(single_cache)
    return loss, (final_cache, single_caches, alpha)


def loss_backward(cache: tuple) -> tuple[Array, Array]:
    """Returns dfinal (N, H, W, 1) and dys (D, N, H, W, 1), the derivatives of the loss by its two kinds of inputs."""
    final_cache, single_caches, alpha = cache
    D = len(single_caches)
    # forward: loss = (1 - alpha) * l2 + sum_d alpha / D * l1_d
    dfinal = squared_error_backward(1 - alpha, final_cache)
    dys = [squared_error_backward(alpha / D, single_cache) for single_cache in single_caches]
    return dfinal, get_xp(dfinal).stack(dys)
