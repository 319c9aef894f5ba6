"""PSNR and SSIM of two images of the same shape (H, W), luma in 0..255 of any dtype.

They neither shave borders nor round: `minidrcn.imaging.protocol` does both.
"""

from __future__ import annotations

import math

import numpy as np


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
    population covariance. The computation is scikit-image's.

    Raises:
        ValueError: the shapes differ or an image is smaller than the window.
    """
    from skimage.metrics import structural_similarity

    _check_shapes(a, b)
    if min(a.shape) < 11:
        raise ValueError(f"SSIM needs images of at least 11 x 11 pixels, got {a.shape[0]} x {a.shape[1]}")
    value = structural_similarity(
        a.astype(np.float64),
        b.astype(np.float64),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
    )
    return float(value)


def _check_shapes(a: np.ndarray, b: np.ndarray) -> None:
    if a.shape != b.shape or a.ndim != 2 or a.size == 0:
        raise ValueError(f"expected two images of the same shape (H, W), got {a.shape} and {b.shape}")
