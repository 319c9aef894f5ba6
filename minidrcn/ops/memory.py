"""Workspaces: scratch memory of the fast convolution, reused from call to call.

A large new array comes as fresh pages, and the page faults of touching them cost as much as computing with them. Reuse
changes no result.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

import numpy as np

from ..backend import Array, get_xp


class Workspace:
    """Scratch memory of one worker, handed from call to call so that it is asked for only once.

    It holds nothing that a later call reads: the caller fills what it takes. Not thread-safe: one for each thread.
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


_idle: list[Workspace] = []


@contextlib.contextmanager
def borrowed_workspace() -> Iterator[Workspace]:
    """A workspace for the length of a `with` block: an idle one, or a new one, which then stays for the next."""
    try:
        workspace = _idle.pop()  # a list's pop and append are thread-safe
    except IndexError:
        workspace = Workspace()
    try:
        yield workspace
    finally:
        _idle.append(workspace)


def scratch(workspace: Workspace | None, name: str, shape: tuple[int, ...], like: Array) -> Array:
    """An array with undefined content, of `like`'s module and dtype; from the workspace if there is one.

    Workspaces are for the CPU: CuPy keeps what was freed for the next array by itself.
    """
    xp = get_xp(like)
    if workspace is None or xp is not np:
        return xp.empty(shape, dtype=like.dtype)
    return workspace.take(name, shape, like.dtype)


def padded_window(x: Array, top: int, left: int, rows: int, columns: int, workspace: Workspace | None = None) -> Array:
    """A window of maps (N, H, W, C), zero where it reaches beyond them: (N, rows, columns, C).

    Its first row and column, `top` and `left`, may be negative.
    """
    N, H, W, C = x.shape
    window = scratch(workspace, "window", (N, rows, columns, C), x)
    i0, i1 = _inside(top, rows, H)
    j0, j1 = _inside(left, columns, W)
    window[:, : i0 - top] = 0
    window[:, i1 - top :] = 0
    window[:, i0 - top : i1 - top, : j0 - left] = 0
    window[:, i0 - top : i1 - top, j1 - left :] = 0
    window[:, i0 - top : i1 - top, j0 - left : j1 - left] = x[:, i0:i1, j0:j1]
    return window


def _inside(start: int, length: int, size: int) -> tuple[int, int]:
    """The part of start .. start + length that lies in 0 .. size."""
    first = min(max(start, 0), size)
    return first, max(min(start + length, size), first)
