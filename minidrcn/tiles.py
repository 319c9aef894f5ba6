"""Prediction of images too large to go through the network in one piece.

An output pixel depends on the input within the receptive field's radius, D + 4 pixels. A tile that is read with a halo
of that width is therefore predicted as if the whole image had been there: no seam. Where the halo would reach beyond
the image, the convolutions' zero padding takes its place, as it does for the whole image.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import numpy as np

from .backend import to_cpu
from .drcn import DRCN
from .parallel import map_in_threads

Window = tuple[slice, slice]


def predict_luma(
    model: DRCN,
    x: np.ndarray,
    tile: int = 128,
    workers: int | None = None,
    progress: Callable[[Iterable, int], Iterable] = lambda results, total: results,
) -> np.ndarray:
    """The ensemble's prediction for one image of any size, tile by tile, several tiles at once.

    Args:
        model: on the CPU or the GPU.
        x: enlarged luma, (H, W), NumPy.
        tile: side of a tile without its halo. Memory grows with its square times filters times workers.
        workers: threads; None for all usable cores. On a GPU always one.
        progress: wraps the results as they come, given their number; `tqdm` fits in here.

    Returns:
        (H, W), NumPy, of the network's dtype, not clipped.

    Raises:
        ValueError: x is not (H, W) with at least one pixel, or tile is less than 1.
    """
    if x.ndim != 2 or x.size == 0:
        raise ValueError(f"expected luma of shape (H, W), got {x.shape}")
    if tile < 1:
        raise ValueError(f"a tile must have at least 1 pixel, not {tile}")
    if model.xp is not np:
        workers = 1
    H, W = x.shape
    halo = model.architecture.radius
    corners = list(itertools.product(range(0, H, tile), range(0, W, tile)))

    def predict_tile(corner: tuple[int, int]) -> tuple[Window, np.ndarray]:
        i, j = corner
        top, left = max(i - halo, 0), max(j - halo, 0)
        piece = x[top : i + tile + halo, left : j + tile + halo]
        final, _ = model.predict(model.xp.asarray(piece)[None, :, :, None], per_recursion=False)
        inner = to_cpu(final)[0, i - top : i - top + tile, j - left : j - left + tile, 0]
        return (slice(i, i + tile), slice(j, j + tile)), inner

    result = np.empty((H, W), dtype=model.dtype)
    for window, inner in progress(map_in_threads(predict_tile, corners, workers), len(corners)):
        result[window] = inner
    return result
