"""Degradation: a sharp image becomes the network's input, shrunk and enlarged again by bicubic interpolation."""

from __future__ import annotations

import numpy as np

from .resize import imresize

# Studio-range luma keeps to these values; bicubic interpolation overshoots them at edges.
LUMA_MIN, LUMA_MAX = 16 / 255, 235 / 255


def crop_to_multiple(image: np.ndarray, scale: int) -> np.ndarray:
    """Crop (H, W) or (H, W, C) at the bottom and the right to multiples of `scale`; a view."""
    H, W = image.shape[:2]
    return image[: H - H % scale, : W - W % scale]


def enlarge_luma(low: np.ndarray, scale: int) -> np.ndarray:
    """The network's input for a small luma image: bicubic, then clamped to studio range, as the authors' code does.

    Args:
        low: luma in [0, 1], (H, W).
        scale: the enlargement.

    Returns:
        (scale * H, scale * W), in 16/255..235/255.
    """
    return np.clip(imresize(low, scale), LUMA_MIN, LUMA_MAX)


def degrade(high: np.ndarray, scale: int) -> np.ndarray:
    """The network's input whose target is `high`: shrunk, not rounded, enlarged and clamped.

    Args:
        high: luma in [0, 1], (H, W), H and W multiples of `scale`.
        scale: the factor.

    Returns:
        the same shape and dtype.
    """
    return enlarge_luma(imresize(high, 1 / scale), scale)
