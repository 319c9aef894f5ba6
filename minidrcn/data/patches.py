"""Batches of random patches with data augmentation (flips and rotations), drawn by a generator that is passed in."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np

from ..errors import InputError
from .degradation import crop_to_multiple, degrade
from .image_io import luma, read_image, to_array

Pair = tuple[np.ndarray, np.ndarray]


def load_pair(path: str | os.PathLike, scale: int, patch: int, dtype: str = "float32") -> Pair:
    """The input and the target that one photograph gives, both (H, W) in [0, 1].

    Raises:
        InputError: the file is no image, or the image is smaller than a patch.
    """
    high = crop_to_multiple(luma(to_array(read_image(path))), scale)
    if min(high.shape) < patch:
        raise InputError(
            f"{path}: {high.shape[1]} x {high.shape[0]} pixels in whole multiples of {scale}, smaller than a patch "
            f"of {patch} x {patch}; leave the image out or lower --patch"
        )
    return degrade(high, scale).astype(dtype), high.astype(dtype)


def draw_batch(pairs: Iterable[Pair], batch: int, patch: int, rng: np.random.Generator) -> Pair:
    """Random crops, uniform over all positions of all images, with flips and rotations.

    Input and target are turned and mirrored alike, in one of the 8 ways a square can be.

    Args:
        pairs: inputs and targets, (H, W) each, at least a patch in size.
        batch: N.
        patch: side P of a patch, in pixels of the target.
        rng: the only source of randomness.

    Returns:
        x and y, (N, P, P, 1).
    """
    pairs = list(pairs)
    columns = np.array([y.shape[1] - patch + 1 for _, y in pairs])
    positions = np.array([y.shape[0] - patch + 1 for _, y in pairs]) * columns
    ends = np.cumsum(positions)
    xs, ys = [], []
    for position, turn in zip(rng.integers(ends[-1], size=batch), rng.integers(8, size=batch), strict=True):
        image = np.searchsorted(ends, position, side="right")
        i, j = divmod(position - (ends[image] - positions[image]), columns[image])
        for source, patches in zip(pairs[image], (xs, ys), strict=True):
            patches.append(turned(source[i : i + patch, j : j + patch], turn))
    return np.stack(xs)[..., None], np.stack(ys)[..., None]


def turned(image: np.ndarray, turn: int) -> np.ndarray:
    """An image (H, W) turned by `turn % 4` quarters, and mirrored first if `turn` is 4 or more; turn in 0..7."""
    return np.rot90(image[:, ::-1] if turn >= 4 else image, turn % 4)


def turned_back(image: np.ndarray, turn: int) -> np.ndarray:
    """The inverse of `turned`: `turned_back(turned(image, turn), turn)` is the image."""
    back = np.rot90(image, -(turn % 4))
    return back[:, ::-1] if turn >= 4 else back
