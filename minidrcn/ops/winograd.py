"""The convolution pair for 3x3 kernels with a quarter of the multiplications: Winograd's F(4x4, 3x3).

**In one dimension.** Four outputs of a filter with three taps need six inputs and, done plainly, 4 * 3 = 12
multiplications. Six are enough. Look at a product of polynomials first: p with 4 coefficients times w with 3 has 6, so
it is known from its values at six points, and each value is one multiplication:

    product = B [ (G w) * (A p) ]      * is entry by entry

A (6, 4) and G (6, 3) evaluate p and w at the points, B (6, 6) finds the coefficients of a polynomial from its values.
Multiplying by w is a linear map from 4 numbers to 6. A filter with the taps w, from 6 inputs to 4 outputs, is its
transpose ("add to a shifted place" becomes "read from it"), and transposing costs no multiplication:

    y = A' [ (G w) * (B' x) ]

The points are 0, 1, -1, 2, -2 and infinity (the leading coefficient). A row of A holds the powers q^0 .. q^3 of a point
q, a row of G its powers q^0 .. q^2 divided by its distances to the other points, so that B has whole numbers only. The
tests check that the three together are a filter. Larger tiles would save more and round worse.

**In two dimensions** the same is done along rows and along columns. A 6x6 tile, flattened to 36 numbers, is then
transformed by the Kronecker product of a matrix with itself, and 36 multiplications stand where 16 * 9 = 144 stood:

    V = (B (x) B)' tiles      (36, 36) @ (36, pixels of tiles x C)       tiles of 6x6 that overlap by 2
    U = (G (x) G)  w          (36, 9) @ (9, C x F)                       once for all uses of a kernel
    M_k = V_k U_k             36 products (tiles, C) @ (C, F)            the sum over channels is a matrix product
    Y = (A (x) A)' M          (16, 36) @ (36, tiles x F)                 tiles of 4x4, side by side

Everything is a matrix product, so the backward pass is the four lines read backwards, each matrix transposed. Two
things cost nothing: A's row for the point 1 is all ones, so a bias added to M at (1, 1) reaches all 16 outputs, and
dM at (1, 1) is the sum over dy's tile, which is what the bias's gradient adds up.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, section 4; the idea is
Winograd's (1980).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..backend import Array, get_xp
from . import conv, narrow
from .memory import Workspace, padded_window, scratch

A = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]).T
B = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
).T
G = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24

ONES = 1 * 6 + 1  # position (1, 1) of the 36: all 16 outputs of a tile contain it with factor 1
FEW_CHANNELS = 8  # below this the transforms cost more than they save
BLOCK_TILES, BLOCK_BYTES = 128, 3_000_000  # measured: V and M of a block stay in the cache, the products stay tall
GPU_BLOCK_BYTES = 2**30  # a device wants much work at a time, and its memory is the only limit


class Prepared(NamedTuple):
    """A kernel's transform, for any number of uses of that kernel."""

    w: Array  # the kernel
    U: Array  # (36, C, F)
    U_transposed: Array  # (36, F, C), the same numbers in the order in which the backward pass reads them

    def part(self, filters: slice) -> Prepared:
        """The transform of some of the kernel's filters: a view."""
        return Prepared(self.w[..., filters], self.U[:, :, filters], self.U_transposed[:, filters])


def supports(w: Array) -> bool:
    """Whether a kernel gains from being transformed: 3x3, and from several channels to several."""
    return w.shape[0] == 3 and min(w.shape[2:]) >= FEW_CHANNELS


def prepare(w: Array) -> Prepared | None:
    """Transform a kernel (3, 3, C, F) once for many uses; None if it is better off without."""
    if not supports(w):
        return None
    xp = get_xp(w)
    U = (_transforms(w).G @ w.reshape(9, -1)).reshape(36, *w.shape[2:])
    return Prepared(w, U, xp.ascontiguousarray(U.transpose(0, 2, 1)))


def conv2d_forward(
    x: Array,
    w: Array,
    b: Array,
    *,
    relu: Array | None = None,
    prepared: Prepared | None = None,
    workspace: Workspace | None = None,
) -> tuple[Array, tuple]:
    """`minidrcn.ops.conv.conv2d_forward`, faster; kernels of few channels or another size take the plain way.

    Args:
        x, w, b: as there.
        relu: F truth values: the channels of y to rectify while they are still in the cache.
        prepared: `prepare(w)`; made here if left out.
        workspace: scratch memory; it changes no result.

    Returns:
        y: (N, H, W, F), a view if H or W is no multiple of 4.
        cache: (x, w, prepared). The backward pass is that of the convolution; the ReLU's is `relu_backward`.

    Raises:
        ValueError: the shapes do not fit together, or prepared is another kernel's.
    """
    xp = get_xp(x)
    # relu(y) = max(y, 0), and a channel that stays as it is = max(y, -inf)
    floor = -np.inf if relu is None else xp.where(relu, 0.0, -np.inf).astype(x.dtype)
    if not supports(w):
        y, _ = _plain(w).conv2d_forward(x, w, b)
        return (y if relu is None else xp.maximum(y, floor, out=y)), (x, w, None)
    conv.check_shapes(x, w, b)
    if prepared is not None and prepared.w is not w:
        raise ValueError("prepared belongs to another kernel; call prepare(w) again")
    prepared = prepared or prepare(w)
    N, H, W, C = x.shape
    F, t = w.shape[3], _transforms(x)
    th, tw = -(-H // 4), -(-W // 4)  # tiles from top to bottom, from left to right
    y = xp.empty((N, th, 4, tw, 4, F), dtype=x.dtype)
    for n, rows in _blocks(x, th, tw, max(C, F)):
        V = _transform_tiles(x[n], rows, tw, t, workspace)
        tiles = V.shape[1]
        # The tiles are no longer needed: M reuses their memory, and Y that of V, so more stays in the cache.
        M = xp.matmul(V, prepared.U, out=scratch(workspace, "tiles", (36, tiles, F), x))
        M[ONES] += b
        Y = xp.matmul(t.A.T, M.reshape(36, -1), out=scratch(workspace, "V", (16, tiles * F), x))
        Y = Y.reshape(4, 4, -1, rows.stop - rows.start, tw, F).transpose(2, 3, 0, 4, 1, 5)
        xp.maximum(Y, floor, out=y[n, rows])
    return y.reshape(N, 4 * th, 4 * tw, F)[:, :H, :W], (x, w, prepared)


def conv2d_backward(
    dy: Array, cache: tuple, *, workspace: Workspace | None = None, input_gradient: bool = True
) -> tuple[Array | None, Array, Array]:
    """`minidrcn.ops.conv.conv2d_backward`, faster.

    Args:
        dy: as there.
        cache: (x, w, prepared) from `conv2d_forward`.
        workspace: scratch memory; it changes no result.
        input_gradient: False where nobody asks for dx, as in the first layer of a network that is trained; dw and db
            are then computed the plain way, which is right for a layer that reads one channel.

    Returns:
        dx, dw, db as there; dx may be a view of a larger array, or None.
    """
    x, w, prepared = cache
    conv.check_upstream(dy, x, w)
    (K, _, C, F), t = w.shape, _transforms(x)
    if not input_gradient:
        rows = dy.reshape(-1, F)
        return None, (conv.im2col(x, K).T @ rows).reshape(w.shape), rows.sum(axis=0)
    if not supports(w):
        return _plain(w).conv2d_backward(dy, (x, w))
    N, H, W, _ = x.shape
    # One row and one column of pixels more than needed, so that no tile of dx reaches beyond the last one.
    th, tw = H // 4 + 1, W // 4 + 1
    dx = t.xp.empty((N, th, 4, tw, 4, C), dtype=x.dtype)
    dw, db = t.xp.zeros((9, C * F), dtype=w.dtype), t.xp.zeros(F, dtype=w.dtype)
    carried = None
    for n, rows in _blocks(x, th, tw, max(C, F)):
        V = _transform_tiles(x[n], rows, tw, t, workspace)
        tiles, height = V.shape[1], rows.stop - rows.start
        # forward: y is Y, 4x4 tiles side by side; what was cut off at the border has no gradient
        dY = scratch(workspace, "tiles", (16, tiles * F), x)
        window = padded_window(dy[n], 4 * rows.start, 0, 4 * height, 4 * tw, workspace)
        dy_tiles = window.reshape(-1, height, 4, tw, 4, F)
        dY.reshape(4, 4, -1, height, tw, F)[...] = dy_tiles.transpose(2, 4, 0, 1, 3, 5)
        # forward: Y = A' M
        dM = t.xp.matmul(t.A, dY, out=scratch(workspace, "M", (36, tiles * F), x)).reshape(36, tiles, F)
        # forward: M_k = V_k U_k, and b is added at one k
        db += dM[ONES].sum(axis=0)
        dU = t.xp.matmul(V.transpose(0, 2, 1), dM, out=scratch(workspace, "dU", (36, C, F), x))
        # forward: U = G w
        dw += t.G.T @ dU.reshape(36, -1)
        dV = t.xp.matmul(dM, prepared.U_transposed, out=V)  # V is no longer needed
        # forward: V = B' tiles
        dtiles = t.xp.matmul(t.B, dV.reshape(36, -1), out=scratch(workspace, "tiles", (36, tiles * C), x))
        dtiles = dtiles.reshape(6, 6, -1, height, tw, C)
        # A tile's last two rows and columns are the first ones of its neighbour: what lies in two tiles gets both.
        dtiles[:, :2, :, :, 1:] += dtiles[:, 4:, :, :, :-1]
        dtiles[:2, :4, :, 1:] += dtiles[4:, :4, :, :-1]
        if rows.start > 0:
            dtiles[:2, :4, :, 0] += carried
        carried = dtiles[4:, :4, :, -1].copy()  # for the next block of rows
        dx[n, rows] = dtiles[:4, :4].transpose(2, 3, 0, 4, 1, 5)
    # A tile begins one pixel before the first output it helps to make.
    return dx.reshape(N, 4 * th, 4 * tw, C)[:, 1 : H + 1, 1 : W + 1], dw.reshape(w.shape), db


def _transform_tiles(x: Array, rows: slice, tw: int, t: _Transforms, workspace: Workspace | None) -> Array:
    """V of the tiles in these rows of tiles: (36, tiles, C)."""
    th = rows.stop - rows.start
    window = padded_window(x, 4 * rows.start - 1, -1, 4 * th + 2, 4 * tw + 2, workspace)
    N, C = x.shape[0], x.shape[3]
    n, i, j, c = window.strides
    # A view: overlapping[k, l, n, r, s, c] is pixel (k, l) of tile (r, s).
    shape, strides = (6, 6, N, th, tw, C), (i, j, n, 4 * i, 4 * j, c)
    overlapping = t.xp.lib.stride_tricks.as_strided(window, shape, strides)
    tiles = scratch(workspace, "tiles", overlapping.shape, x)
    tiles[...] = overlapping
    V = scratch(workspace, "V", (36, N * th * tw * C), x)
    return t.xp.matmul(t.B.T, tiles.reshape(36, -1), out=V).reshape(36, -1, C)


class _Transforms(NamedTuple):
    """A (x) A (36, 16), B (x) B (36, 36) and G (x) G (36, 9), in the module and dtype of the arrays they meet."""

    xp: Any
    A: Array
    B: Array
    G: Array


def _transforms(like: Array) -> _Transforms:
    # Once for each kind of array, not once a call: on a GPU each would be a copy from the host.
    return _transforms_on(get_xp(like), like.dtype, getattr(like, "device", None))


@functools.cache
def _transforms_on(xp: Any, dtype: np.dtype, device: Any) -> _Transforms:
    return _Transforms(xp, *(xp.asarray(np.kron(m, m).astype(dtype)) for m in (A, B, G)))


def _plain(w: Array) -> Any:
    """The module to fall back to."""
    return narrow if w.shape[3] < FEW_CHANNELS <= w.shape[2] else conv


def _blocks(x: Array, th: int, tw: int, channels: int) -> Iterator[tuple[slice, slice]]:
    """Pairs of slices, images and rows of tiles: whole images while several fit a block, else rows of one."""
    tile_bytes = 36 * channels * x.dtype.itemsize
    limit = max(BLOCK_BYTES, BLOCK_TILES * tile_bytes) if get_xp(x) is np else GPU_BLOCK_BYTES
    fitting = max(limit // (tw * tile_bytes), 1)
    images, rows = max(fitting // th, 1), min(fitting, th)
    for n in range(0, len(x), images):
        for r in range(0, th, rows):
            yield slice(n, min(n + images, len(x))), slice(r, min(r + rows, th))
