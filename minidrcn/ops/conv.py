"""A convolution as a matrix product, and its backward pass: the textbook version.

Everything is "same" convolution with stride 1 and zero padding, odd kernels, NHWC maps and HWIO kernels. As everywhere
in deep learning the kernel is not mirrored (it is a cross-correlation):

    y[n, i, j, f] = b[f] + sum over k, l, c of  x[n, i + k - p, j + l - p, c] * w[k, l, c, f]      p = K // 2

`im2col` lays the K*K*C numbers that one output pixel needs side by side in one row. The convolution is then one matrix
product, and its backward pass is the one of a matrix product.
"""

from __future__ import annotations

from ..backend import Array, get_xp


def im2col(x: Array, kernel: int = 3) -> Array:
    """Lay the neighbourhood of every pixel out as one row.

    Args:
        x: maps, (N, H, W, C).
        kernel: side K of the square, odd neighbourhood. Beyond the border the maps count as zero.

    Returns:
        (N*H*W, K*K*C): row (n, i, j) holds `x[n, i-p : i+p+1, j-p : j+p+1, :]` flattened, in the order of `w[k, l, c]`.

    Raises:
        ValueError: x does not have four axes, or the kernel is even or not positive.
    """
    xp, p = get_xp(x), _padding(kernel)
    if x.ndim != 4:
        raise ValueError(f"expected maps of shape (N, H, W, C), got {x.shape}")
    N, H, W, C = x.shape
    padded = xp.zeros((N, H + 2 * p, W + 2 * p, C), dtype=x.dtype)
    padded[:, p : p + H, p : p + W] = x
    cols = xp.empty((N, H, W, kernel, kernel, C), dtype=x.dtype)
    for k in range(kernel):
        for l in range(kernel):  # noqa: E741, the letter of the formula above
            cols[:, :, :, k, l] = padded[:, k : k + H, l : l + W]
    return cols.reshape(N * H * W, kernel * kernel * C)


def col2im(cols: Array, shape: tuple[int, int, int, int], kernel: int = 3) -> Array:
    """Add every entry of every row back to the pixel that `im2col` took it from: the adjoint of `im2col`.

    `im2col` copies a pixel into as many as K*K rows. A gradient flows back from each of these copies, and what flows
    into one place from several adds up. Hence `<im2col(x), c> == <x, col2im(c)>` for all x and c.

    Args:
        cols: (N*H*W, K*K*C).
        shape: (N, H, W, C) of the maps.
        kernel: side K of the neighbourhood.

    Returns:
        (N, H, W, C), a view into a larger fresh array.

    Raises:
        ValueError: cols does not have the shape `im2col` gives for such maps, or the kernel is even or not positive.
    """
    xp, p = get_xp(cols), _padding(kernel)
    N, H, W, C = shape
    if cols.shape != (N * H * W, kernel * kernel * C):
        raise ValueError(f"expected columns of shape {(N * H * W, kernel * kernel * C)}, got {cols.shape}")
    cols = cols.reshape(N, H, W, kernel, kernel, C)
    padded = xp.zeros((N, H + 2 * p, W + 2 * p, C), dtype=cols.dtype)
    for k in range(kernel):
        for l in range(kernel):  # noqa: E741
            padded[:, k : k + H, l : l + W] += cols[:, :, :, k, l]
    return padded[:, p : p + H, p : p + W]


def conv2d_forward(x: Array, w: Array, b: Array) -> tuple[Array, tuple]:
    """Convolve maps with a kernel and add a bias.

    Args:
        x: maps, (N, H, W, C).
        w: kernel, (K, K, C, F), K odd.
        b: bias, (F,).

    Returns:
        y: (N, H, W, F).
        cache: (x, w). The columns are made again in the backward pass: kept, they would take K*K times x's memory.

    Raises:
        ValueError: the shapes do not fit together.
    """
    check_shapes(x, w, b)
    K, _, _, F = w.shape
    y = im2col(x, K) @ w.reshape(-1, F) + b  # (N*H*W, K*K*C) @ (K*K*C, F)
    return y.reshape(*x.shape[:3], F), (x, w)


def conv2d_backward(dy: Array, cache: tuple) -> tuple[Array, Array, Array]:
    """Send the gradient of the output back to the maps, the kernel and the bias.

    Args:
        dy: derivative of the loss with respect to y, (N, H, W, F).
        cache: (x, w) from `conv2d_forward`.

    Returns:
        dx (N, H, W, C), dw (K, K, C, F), db (F,).

    Raises:
        ValueError: dy does not have the shape of y.
    """
    x, w = cache
    check_upstream(dy, x, w)
    K, _, _, F = w.shape
    rows = dy.reshape(-1, F)  # (N*H*W, F)
    # forward: y = cols @ w + b, and b is added to every row
    db = rows.sum(axis=0)
    dw = (im2col(x, K).T @ rows).reshape(w.shape)
    dcols = rows @ w.reshape(-1, F).T  # (N*H*W, K*K*C)
    # forward: cols = im2col(x)
    dx = col2im(dcols, x.shape, K)
    return dx, dw, db


def check_shapes(x: Array, w: Array, b: Array) -> None:
    """Raise `ValueError` unless maps, kernel and bias fit together."""
    if x.ndim != 4:
        raise ValueError(f"expected maps of shape (N, H, W, C), got {x.shape}")
    if w.ndim != 4 or w.shape[0] != w.shape[1] or w.shape[2] != x.shape[3]:
        raise ValueError(f"expected a kernel of shape (K, K, {x.shape[3]}, F) for maps {x.shape}, got {w.shape}")
    if b.shape != (w.shape[3],):
        raise ValueError(f"expected a bias of shape {(w.shape[3],)}, got {b.shape}")


def check_upstream(dy: Array, x: Array, w: Array) -> None:
    """Raise `ValueError` unless dy has the shape of the convolution's output."""
    if dy.shape != (*x.shape[:3], w.shape[3]):
        raise ValueError(f"expected dy of shape {(*x.shape[:3], w.shape[3])}, got {dy.shape}")


def _padding(kernel: int) -> int:
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"the kernel's side must be odd and positive, got {kernel}")
    return kernel // 2
