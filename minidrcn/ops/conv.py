"""A convolution as a matrix product, and its backward pass: the textbook version.

Everything is "same" convolution with stride 1 and zero padding, odd kernels, NHWC maps and HWIO kernels. As everywhere
in deep learning the kernel is not mirrored (it is a cross-correlation):

    y[n, i, j, f] = b[f] + sum over k, l, c of  x[n, i + k - p, j + l - p, c] * w[k, l, c, f]      p = K // 2

`im2col` lays the K*K*C numbers that one output pixel needs side by side in one row. The convolution is then one matrix
product, and its backward pass is the one of a matrix product.

The pair works through the maps in blocks of rows, so that the columns of a block are still in the cache when they are
multiplied. Without that loop forward and backward would be the body of the loop, once.
"""

from __future__ import annotations

import numpy as np

from ..backend import Array, get_xp
from .memory import GPU_BLOCK_BYTES, Workspace, blocks, cut, scratch

BLOCK_BYTES = 2_500_000  # of columns, measured: more leave the cache, less make small matrix products


def im2col(x: Array, kernel: int = 3, padded: bool = False, workspace: Workspace | None = None) -> Array:
    """Lay the neighbourhood of every pixel out as one row.

    Args:
        x: maps, (N, H, W, C).
        kernel: side K of the square, odd neighbourhood. Beyond the border the maps count as zero.
        padded: x comes with a border of p = K // 2 pixels on every side; (N, H + 2p, W + 2p, C) then.
        workspace: scratch memory for the result, which then lasts until its next use.

    Returns:
        (N*H*W, K*K*C): row (n, i, j) holds `x[n, i-p : i+p+1, j-p : j+p+1, :]` flattened, in the order of `w[k, l, c]`.

    Raises:
        ValueError: x does not have four axes, or the kernel is even or not positive.
    """
    xp = get_xp(x)
    p = _padding(kernel)
    if x.ndim != 4:
        raise ValueError(f"expected maps of shape (N, H, W, C), got {x.shape}")
    if not padded:
        x = cut(x, -p, -p, x.shape[1] + 2 * p, x.shape[2] + 2 * p, workspace)
    N, H, W, C = x.shape[0], x.shape[1] - 2 * p, x.shape[2] - 2 * p, x.shape[3]
    # A view, no copy yet: windows[n, i, j, k, l, c] is x[n, i + k, j + l, c].
    n, i, j, c = x.strides
    windows = xp.lib.stride_tricks.as_strided(x, (N, H, W, kernel, kernel, C), (n, i, j, i, j, c))
    cols = scratch(workspace, "cols", (N * H * W, kernel * kernel * C), x)
    cols.reshape(windows.shape)[...] = windows
    return cols


def col2im(cols: Array, shape: tuple[int, int, int, int], kernel: int = 3, padded: bool = False) -> Array:
    """Add every entry of every row back to the pixel that `im2col` took it from: the adjoint of `im2col`.

    `im2col` copies a pixel into as many as K*K rows. A gradient flows back from each of these copies, and what flows
    into one place from several adds up. Hence `<im2col(x), c> == <x, col2im(c)>` for all x and c.

    Args:
        cols: (N*H*W, K*K*C).
        shape: (N, H, W, C) of the maps.
        kernel: side K of the neighbourhood.
        padded: keep the border of p = K // 2 pixels that came from the padding.

    Returns:
        (N, H, W, C), or with its border (N, H + 2p, W + 2p, C).

    Raises:
        ValueError: cols does not have the shape `im2col` gives for such maps, or the kernel is even or not positive.
    """
    xp = get_xp(cols)
    p = _padding(kernel)
    N, H, W, C = shape
    if cols.shape != (N * H * W, kernel * kernel * C):
        raise ValueError(f"expected columns of shape {(N * H * W, kernel * kernel * C)}, got {cols.shape}")
    windows = cols.reshape(N, H, W, kernel, kernel, C)
    x = xp.zeros((N, H + 2 * p, W + 2 * p, C), dtype=cols.dtype)
    for k in range(kernel):
        for l in range(kernel):  # noqa: E741, the letter of the formula above
            x[:, k : k + H, l : l + W] += windows[:, :, :, k, l]
    return x if padded else x[:, p : p + H, p : p + W].copy()


def conv2d_forward(x: Array, w: Array, b: Array, workspace: Workspace | None = None) -> tuple[Array, tuple]:
    """Convolve maps with a kernel and add a bias.

    Args:
        x: maps, (N, H, W, C).
        w: kernel, (K, K, C, F), K odd.
        b: bias, (F,).
        workspace: scratch memory; it changes no result.

    Returns:
        y: (N, H, W, F).
        cache: (x, w). The columns are made again in the backward pass: kept, they would take K*K times x's memory.

    Raises:
        ValueError: the shapes do not fit together.
    """
    check_shapes(x, w, b)
    N, H, W, _ = x.shape
    K, F = w.shape[0], w.shape[3]
    y = get_xp(x).empty((N, H, W, F), dtype=x.dtype)
    for n, rows in _blocks(x, K):
        cols = im2col(_with_border(x[n], rows, K, workspace), K, True, workspace)
        y[n, rows] = (cols @ w.reshape(-1, F) + b).reshape(y[n, rows].shape)  # (pixels, K*K*C) @ (K*K*C, F)
    return y, (x, w)


def conv2d_backward(dy: Array, cache: tuple, workspace: Workspace | None = None) -> tuple[Array, Array, Array]:
    """Send the gradient of the output back to the maps, the kernel and the bias.

    Args:
        dy: derivative of the loss with respect to y, (N, H, W, F).
        cache: (x, w) from `conv2d_forward`.
        workspace: scratch memory; it changes no result.

    Returns:
        dx (N, H, W, C), dw (K, K, C, F), db (F,).

    Raises:
        ValueError: dy does not have the shape of y.
    """
    x, w = cache
    xp, (K, _, C, F), p = get_xp(x), w.shape, w.shape[0] // 2
    check_upstream(dy, x, F)
    N, H, W, _ = x.shape
    dx = xp.zeros((N, H + 2 * p, W + 2 * p, C), dtype=x.dtype)  # with its border
    dw, db = xp.zeros((K * K * C, F), dtype=w.dtype), xp.zeros(F, dtype=w.dtype)
    for n, rows in _blocks(x, K):
        cols = im2col(_with_border(x[n], rows, K, workspace), K, True, workspace)
        dy_rows = dy[n, rows].reshape(-1, F)  # (pixels, F)
        # forward: y = cols @ w + b, and b is added to every row
        db += dy_rows.sum(axis=0)
        dw += cols.T @ dy_rows
        dcols = dy_rows @ w.reshape(-1, F).T  # (pixels, K*K*C)
        # forward: cols = im2col(x); a row of x is a neighbour of several rows, and so of several blocks
        shape = (n.stop - n.start, rows.stop - rows.start, W, C)
        dx[n, rows.start : rows.stop + 2 * p] += col2im(dcols, shape, K, True)
    return dx[:, p : p + H, p : p + W].copy(), dw.reshape(w.shape), db


def _blocks(x: Array, K: int):
    N, H, W, C = x.shape
    limit = BLOCK_BYTES if get_xp(x) is np else GPU_BLOCK_BYTES
    return blocks(N, H, W * K * K * C * x.dtype.itemsize, limit)


def _with_border(x: Array, rows: slice, K: int, workspace: Workspace | None) -> Array:
    p = K // 2
    return cut(x, rows.start - p, -p, rows.stop - rows.start + 2 * p, x.shape[2] + 2 * p, workspace)


def _padding(kernel: int) -> int:
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"the kernel's side must be odd and positive, got {kernel}")
    return kernel // 2


def check_shapes(x: Array, w: Array, b: Array) -> None:
    """Raise `ValueError` unless maps, kernel and bias fit together."""
    if x.ndim != 4:
        raise ValueError(f"expected maps of shape (N, H, W, C), got {x.shape}")
    if w.ndim != 4 or w.shape[0] != w.shape[1] or w.shape[2] != x.shape[3]:
        raise ValueError(f"expected a kernel of shape (K, K, {x.shape[3]}, F) for maps {x.shape}, got {w.shape}")
    if b.shape != (w.shape[3],):
        raise ValueError(f"expected a bias of shape {(w.shape[3],)}, got {b.shape}")


def check_upstream(dy: Array, x: Array, F: int) -> None:
    """Raise `ValueError` unless dy has the shape of the convolution's output."""
    if dy.shape != (*x.shape[:3], F):
        raise ValueError(f"expected dy of shape {(*x.shape[:3], F)}, got {dy.shape}")
