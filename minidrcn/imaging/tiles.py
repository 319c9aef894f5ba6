"""Tiled prediction, for images too large to go through the network in one piece, and self-ensemble.

An output pixel depends on the input within the receptive field's radius, D + 4 pixels. A tile that is read with a halo
of that width is therefore predicted as if the whole image had been there: no seam. Where the halo would reach beyond
the image, the convolutions' zero padding takes its place, as it does for the whole image. The halo is predicted with
the tile and cut off at the end.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..backend import to_cpu
from ..data.patches import turned, turned_back
from ..errors import InputError
from ..model.drcn import DRCN
from ..parallel import map_in_threads

MAP_BYTES = 2**24  # of one map of a tile; measured
MIN_TILE = 96

Window = tuple[slice, slice]


def predict_luma(
    model: DRCN,
    x: np.ndarray,
    tile: int | None = None,
    workers: int | None = None,
    progress: Callable[[Iterable, int], Iterable] = lambda results, total: results,
    self_ensemble: bool = False,
) -> np.ndarray:
    """The ensemble's prediction for one image of any size, tile by tile, several tiles at once.

    Args:
        model: on the CPU or the GPU.
        x: enlarged luma, (H, W), NumPy.
        tile: side of a tile without its halo; None for one whose maps have at most 16 MiB without it, and at most half
            the image's longer side. Smaller tiles are mostly halo, larger ones take more memory, ten maps a worker.
        workers: threads; None for all usable cores. On a GPU always one.
        progress: wraps the results as they come, given their number; `tqdm` fits in here.
        self_ensemble: the mean of eight predictions instead, see `predict_self_ensemble`.

    Returns:
        (H, W), NumPy, of the network's dtype, not clipped.

    Raises:
        ValueError: x is not (H, W) with at least one pixel, or tile is less than 1.
        InputError: the prediction is not finite.
    """
    if x.ndim != 2 or x.size == 0:
        raise ValueError(f"expected luma of shape (H, W), got {x.shape}")
    if self_ensemble:
        return predict_self_ensemble(model, x, tile=tile, workers=workers, progress=progress)
    if tile is None:
        tile = _good_tile(model, *x.shape)
    if tile < 1:
        raise ValueError(f"a tile must have at least 1 pixel, not {tile}")
    if model.xp is not np:
        workers = 1
    H, W = x.shape
    halo = model.architecture.radius
    tile_h, tile_w = _even(H, tile), _even(W, tile)
    corners = list(itertools.product(range(0, H, tile_h), range(0, W, tile_w)))

    def predict_tile(corner: tuple[int, int]) -> tuple[Window, np.ndarray]:
        top, left = corner
        bottom, right = min(top + tile_h, H), min(left + tile_w, W)
        above, before = min(halo, top), min(halo, left)
        piece = model.xp.asarray(x[top - above : bottom + halo, left - before : right + halo])[None, :, :, None]
        final, _ = model.predict(piece, per_recursion=False)
        inner = final[0, above : above + bottom - top, before : before + right - left, 0]
        return (slice(top, bottom), slice(left, right)), to_cpu(inner)

    result = np.empty((H, W), dtype=model.dtype)
    with np.errstate(all="ignore"):  # what overflows is seen below
        for window, inner in progress(map_in_threads(predict_tile, corners, workers), len(corners)):
            result[window] = inner
    if not np.isfinite(result).all():
        raise InputError("the network predicts numbers that are not finite: its weights are too large to be of use")
    return result


def predict_self_ensemble(model: DRCN, x: np.ndarray, **options: Any) -> np.ndarray:
    """Self-ensemble, test-time augmentation (Timofte et al. 2016): the mean prediction of 8 flips and rotations.

    A sharp image turned by a quarter is as likely as the image itself, but a trained network treats the two a little
    differently; the mean is nearer to the truth, at eight times the cost. (The paper's ensemble is something else: it
    weights the D predictions of one pass.) Arguments and result as for `predict_luma`.
    """
    total = np.zeros(x.shape, dtype=model.dtype)
    for turn in range(8):
        total += turned_back(predict_luma(model, np.ascontiguousarray(turned(x, turn)), **options), turn)
    return total / 8


def _good_tile(model: DRCN, H: int, W: int) -> int:
    by_memory = math.isqrt(MAP_BYTES // (model.architecture.filters * model.dtype.itemsize))
    # Decided without the number of workers, on which no result shall depend.
    by_work = max(-(-max(H, W) // 2), MIN_TILE)
    return max(min(by_memory, by_work), 1)


def _even(length: int, tile: int) -> int:
    """The side that splits `length` evenly into as many tiles as side `tile` needs: no sliver is left, all halo."""
    return -(-length // -(-length // tile))
