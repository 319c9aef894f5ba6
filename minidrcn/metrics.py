"""PSNR and SSIM of two images of the same shape (H, W), luma in 0..255 of any dtype.

They neither shave borders nor round: `minidrcn.imaging.protocol` does both.
"""

from __future__ import annotations

import math

import numpy as np

WINDOW = 11  # pixels a side of SSIM's windows


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio in decibels, `10 log10(255^2 / mean squared difference)`; infinite for equal images.

    Raises:
        ValueError: the shapes differ or there is no pixel.
    """
    _check_shapes(a, b)
    error = np.mean(np.square(a.astype(np.float64) - b.astype(np.float64)))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity of Wang et al. 2004, mean over the image, at most 1.

    Their constants: an 11 x 11 Gaussian window of sigma 1.5 at valid positions only, K = (0.01, 0.03), peak 255,
    population covariance.

    Raises:
        ValueError: the shapes differ or an image is smaller than the window.
    """
    _check_shapes(a, b)
    if min(a.shape) < WINDOW:
        raise ValueError(f"SSIM needs images of at least 11 x 11 pixels, got {a.shape[0]} x {a.shape[1]}")
    a, b = a.astype(np.float64), b.astype(np.float64)
    mean_a, mean_b = _windows(a), _windows(b)
    variances = _windows(a * a) - mean_a**2 + _windows(b * b) - mean_b**2
    covariance = _windows(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (variances + c2)
    return float(np.mean(luminance * structure))


def _windows(image: np.ndarray) -> np.ndarray:
    """The Gaussian mean of each 11 x 11 window: over its rows, then over its columns."""
    weights = np.exp(-0.5 * ((np.arange(WINDOW) - WINDOW // 2) / 1.5) ** 2)
    weights /= weights.sum()
    height, width = image.shape[0] - WINDOW + 1, image.shape[1] - WINDOW + 1
    rows = sum(weight * image[k : k + height] for k, weight in enumerate(weights))
    return sum(weight * rows[:, k : k + width] for k, weight in enumerate(weights))


def _check_shapes(a: np.ndarray, b: np.ndarray) -> None:
    if a.shape != b.shape or a.ndim != 2 or a.size == 0:
        raise ValueError(f"expected two images of the same shape (H, W), got {a.shape} and {b.shape}")
