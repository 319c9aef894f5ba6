"""The convolution pair for few output channels: multiply first, move afterwards.

A convolution from F channels to one, done as im2col says, copies every map nine times and then multiplies it into a
single column. The two steps can be swapped: multiply each pixel by all nine taps (one product with K*K columns), then
shift the nine results into place and add them, which is `col2im` on a map of one channel. The backward pass swaps the
same two steps: `im2col` of dy, which has one channel, and two products. Nothing wide is ever copied.

The products are ordered by where each pixel is sent *to*, so the taps run in the reverse order of `w[k, l]`: input
pixel i feeds output pixel i + p - k.
"""

from __future__ import annotations

from ..backend import Array
from .conv import check_shapes, check_upstream, col2im, im2col


def conv2d_forward(x: Array, w: Array, b: Array) -> tuple[Array, tuple]:
    """`minidrcn.ops.conv.conv2d_forward`, faster where F is small."""
    check_shapes(x, w, b)
    N, H, W, _ = x.shape
    K, F = w.shape[0], w.shape[3]
    cols = x @ _taps(w)  # (N, H, W, C) @ (C, K*K*F), row by row: x may be some channels of a larger map
    return col2im(cols.reshape(N * H * W, -1), (N, H, W, F), K) + b, (x, w)


def conv2d_backward(dy: Array, cache: tuple) -> tuple[Array, Array, Array]:
    """`minidrcn.ops.conv.conv2d_backward`, faster where F is small."""
    x, w = cache
    K, _, C, F = w.shape
    check_upstream(dy, x, w)
    # forward: y = col2im(cols) + b
    db = dy.sum(axis=(0, 1, 2))
    dcols = im2col(dy, K)  # (N*H*W, K*K*F)
    # forward: cols = x @ taps
    dx = (dcols @ _taps(w).T).reshape(x.shape)
    dtaps = x.reshape(-1, C).T @ dcols  # (C, K*K*F)
    dw = dtaps.reshape(C, K, K, F)[:, ::-1, ::-1].transpose(1, 2, 0, 3)
    return dx, dw, db


def _taps(w: Array) -> Array:
    """The kernel (K, K, C, F) as a matrix (C, K*K*F), its taps reversed."""
    return w[::-1, ::-1].transpose(2, 0, 1, 3).reshape(w.shape[2], -1)
