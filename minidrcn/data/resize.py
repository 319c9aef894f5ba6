"""MATLAB's `imresize(image, scale, 'bicubic')`, which every published super-resolution number rests on.

Pillow's, OpenCV's and SciPy's bicubic differ from it in the kernel, in antialiasing or at the borders, by up to a
decibel. A resize is linear along each axis, so it is two matrix products: `rows @ image @ columns.T`.
"""

from __future__ import annotations

import math

import numpy as np


def imresize(image: np.ndarray, scale: float) -> np.ndarray:
    """Resize by bicubic interpolation, antialiased when shrinking, as MATLAB does.

    Padding is symmetric: beyond the image lies its mirror image, the edge pixel repeated, as in MATLAB.

    Args:
        image: (H, W) or (H, W, C), float of any value range, or uint8.
        scale: larger than 0; the result has `ceil(scale * H)` rows and `ceil(scale * W)` columns.

    Returns:
        floats: the same dtype, neither rounded nor clipped (bicubic interpolation overshoots at edges).
        uint8: uint8, rounded and saturated after each of the two axes.

    Raises:
        ValueError: wrong dtype or number of axes, no pixel, or a scale that is not positive and finite.
    """
    if image.dtype != np.uint8 and not np.issubdtype(image.dtype, np.floating):
        raise ValueError(f"expected an image of floats or uint8, got {image.dtype}")
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"expected an image of shape (H, W) or (H, W, C), got {image.shape}")
    if not (scale > 0 and math.isfinite(scale)):
        raise ValueError(f"the scale must be positive and finite, got {scale}")
    result = image.astype(np.result_type(image.dtype, np.float32) if image.dtype != np.uint8 else np.float64)
    for axis in (0, 1):
        weights, sources = _interpolation(image.shape[axis], math.ceil(scale * image.shape[axis]), scale)
        result = _apply(result, weights.astype(result.dtype), sources, axis)
        if image.dtype == np.uint8:
            result = np.clip(np.floor(result + 0.5), 0, 255)
    return result.astype(image.dtype)


def _interpolation(length: int, out: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """For every output pixel along one axis, the weights of its source pixels and their indices, both (out, taps)."""
    # When shrinking, a kernel stretched to the size of an output pixel averages over all it covers: antialiasing.
    stretch = min(scale, 1.0)
    width = 4 / stretch
    # Pixel centres of input and output lie on the same axis; counted from 1, as in MATLAB.
    centre = np.arange(1, out + 1) / scale + 0.5 * (1 - 1 / scale)
    left = np.floor(centre - width / 2)
    taps = math.ceil(width) + 2
    position = left[:, None] + np.arange(taps)
    weights = stretch * _keys(stretch * (centre[:, None] - position))
    weights /= weights.sum(axis=1, keepdims=True)
    sources = position.astype(int) - 1  # counted from 0 from here on
    mirrored = np.concatenate([np.arange(length), np.arange(length)[::-1]])
    sources = mirrored[sources % (2 * length)]  # 3 2 1 | 1 2 3 | 3 2 1
    used = (weights != 0).any(axis=0)
    return weights[:, used], sources[:, used]


def _keys(t: np.ndarray) -> np.ndarray:
    """The cubic convolution kernel with a = -0.5 (Keys 1981, eq. 15)."""
    t = np.abs(t)
    near = 1.5 * t**3 - 2.5 * t**2 + 1
    far = -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    return np.where(t <= 1, near, np.where(t <= 2, far, 0.0))


def _apply(image: np.ndarray, weights: np.ndarray, sources: np.ndarray, axis: int) -> np.ndarray:
    # The matrix has only a handful of entries a row, so the product is a sum over taps.
    image = np.moveaxis(image, axis, 0)
    weights = weights.reshape(*weights.shape, *(1,) * (image.ndim - 1))
    result = weights[:, 0] * image[sources[:, 0]]
    for tap in range(1, weights.shape[1]):
        result += weights[:, tap] * image[sources[:, tap]]
    return np.moveaxis(result, 0, axis)
