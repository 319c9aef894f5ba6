"""Fewer operations: two convolutions with nothing between them are one linear map, and are done as one.

Without a ReLU between `reconstruct1` (F maps to F) and `reconstruct2` (F maps to one), nine maps in between suffice
instead of F. `reconstruct2` multiplies a pixel with nine taps, and then shifts the nine products to the
pixels they belong to and adds them up. The multiplication can be done beforehand, in the kernel of `reconstruct1`:

    K = w1 @ taps    k = b1 @ taps        (3, 3, F, 9) and (9,), with taps (F, 9) the pixel's weights in w2
    f = shift_and_add(conv(h, K, k)) + b2

and what is left of `reconstruct2` is a kernel that shifts, (3, 3, 9, 1), with a single 1 for each of its nine maps. So
the network that results is again one of `network.py`, with nine channels in its reconstruction instead of F. It
computes the same, zero padding at the border included: the shift meets the zeros around conv(h, K, k), where
`reconstruct2` meets those around conv(h, w1, b1).
"""

from __future__ import annotations

from ..backend import Array, Arrays, get_xp

TAPS = 9  # of reconstruct2, and so the channels that are left
W1, B1, W2 = "reconstruct1.w", "reconstruct1.b", "reconstruct2.w"


def fold_forward(params: Arrays) -> tuple[Arrays, Arrays]:
    """The parameters with a reconstruction of nine channels, and as cache the parameters themselves."""
    w1, b1, w2 = params[W1], params[B1], params[W2]
    taps = _taps(w2)
    xp, (side, _, _, _) = get_xp(w2), w2.shape
    shift = xp.eye(side * side, dtype=w2.dtype).reshape(side, side, side * side, 1)
    return {**params, W1: w1 @ taps, B1: b1 @ taps, W2: shift}, params


def fold_backward(grads: Arrays, cache: Arrays) -> Arrays:
    """The gradients of the parameters, from those of the folded ones."""
    w1, b1, w2 = cache[W1], cache[B1], cache[W2]
    taps = _taps(w2)
    dK, dk = grads[W1], grads[B1]  # (3, 3, F, 9), (9,)
    # forward: K = w1 @ taps, k = b1 @ taps, so that taps are used in both
    F = len(b1)
    dtaps = w1.reshape(-1, F).T @ dK.reshape(-1, taps.shape[1]) + get_xp(b1).outer(b1, dk)
    return {**grads, W1: dK @ taps.T, B1: taps @ dk, W2: dtaps.T.reshape(w2.shape)}


def _taps(w2: Array) -> Array:
    """The kernel (3, 3, F, 1) as a matrix (F, 9)."""
    return w2.reshape(-1, w2.shape[2]).T
