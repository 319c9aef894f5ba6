"""What the convolutions do with memory: cut maps into pieces that fit a core's cache, and use the same scratch again.

A large array that NumPy asks the system for comes as fresh pages, and touching those for the first time costs as much
as computing with them. And a matrix product runs at full speed only on numbers that are still in the cache. Neither
changes a result.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..backend import Array, get_xp

GPU_BLOCK_BYTES = 2**30  # a device wants much work at a time, and its memory is the only limit


class Workspace:
    """Scratch memory of one worker, handed from call to call so that it is asked for only once.

    It holds nothing that a later call reads: whoever takes a piece fills it first. Two threads must not share one.
    """

    def __init__(self) -> None:
        self._buffers: dict[tuple[str, np.dtype], np.ndarray] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """An array with undefined content; the next `take` of this name and dtype hands out the same memory."""
        size = math.prod(shape)
        buffer = self._buffers.get((name, dtype))
        if buffer is None or buffer.size < size:
            buffer = self._buffers[name, dtype] = np.empty(size, dtype)
        return buffer[:size].reshape(shape)


def scratch(workspace: Workspace | None, name: str, shape: tuple[int, ...], like: Array) -> Array:
    """An array with undefined content, of `like`'s module and dtype; from the workspace if there is one.

    Workspaces are for the CPU: CuPy keeps what was freed for the next array by itself.
    """
    xp = get_xp(like)
    if workspace is None or xp is not np:
        return xp.empty(shape, dtype=like.dtype)
    return workspace.take(name, shape, like.dtype)


def cut(
    x: Array, top: int, left: int, rows: int, columns: int, workspace: Workspace | None = None, name: str = "cut"
) -> Array:
    """A window of maps, zero where it reaches beyond them.

    Args:
        x: maps, (N, H, W, C).
        top, left: the window's first row and column, which may be negative.
        rows, columns: its size.
        workspace, name: see `scratch`.

    Returns:
        (N, rows, columns, C).
    """
    N, H, W, C = x.shape
    window = scratch(workspace, name, (N, rows, columns, C), x)
    window.fill(0)
    i0, i1 = _inside(top, rows, H)
    j0, j1 = _inside(left, columns, W)
    window[:, i0 - top : i1 - top, j0 - left : j1 - left] = x[:, i0:i1, j0:j1]
    return window


def _inside(start: int, length: int, size: int) -> tuple[int, int]:
    """The part of start .. start + length that lies in 0 .. size."""
    first = min(max(start, 0), size)
    return first, max(min(start + length, size), first)


def strided_view(x: Array, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """`as_strided(x, shape, strides)` of a contiguous array, on the CPU without the overhead of NumPy's function."""
    xp = get_xp(x)
    if xp is np:
        return np.ndarray(shape, x.dtype, x, 0, strides)
    return xp.lib.stride_tricks.as_strided(x, shape, strides)


def blocks(N: int, rows: int, row_bytes: int, limit: int) -> Iterator[tuple[slice, slice]]:
    """Pieces of N images of so many rows, in order: whole images while several fit into `limit` bytes, else rows.

    Returns:
        pairs of slices (images, rows), each of at least one row.
    """
    fitting = max(limit // row_bytes, 1)
    images = max(fitting // rows, 1)
    step = min(fitting, rows)
    for n in range(0, N, images):
        for i in range(0, rows, step):
            yield slice(n, min(n + images, N)), slice(i, min(i + step, rows))
