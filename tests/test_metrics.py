from __future__ import annotations

import math

import numpy as np
import pytest

from minidrcn.metrics import psnr, ssim


def test_psnr_by_hand():
    a = np.zeros((2, 2), np.uint8)
    assert psnr(a, a) == math.inf
    assert psnr(a, a + np.uint8(255)) == 0
    b = a.copy()
    b[0, 0] = 51
    # The mean squared error is 51^2 / 4, and 255 is 5 times 51.
    assert psnr(a, b) == pytest.approx(10 * math.log10(25 * 4))


def test_uint8_does_not_wrap_around():
    assert psnr(np.full((2, 2), 1, np.uint8), np.full((2, 2), 2, np.uint8)) == pytest.approx(48.1308, abs=1e-4)


def test_ssim_is_wang_s_definition(rng):
    """Against the formula written out, one window at a time."""
    a = rng.integers(0, 256, (13, 15)).astype(float)
    b = np.clip(a + rng.normal(0, 20, a.shape), 0, 255)
    t = np.arange(11) - 5
    window = np.exp(-(t[:, None] ** 2 + t**2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for i in range(3):
        for j in range(5):
            p, q = a[i : i + 11, j : j + 11], b[i : i + 11, j : j + 11]
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
            cov = (window * (p - mp) * (q - mq)).sum()
            values.append((2 * mp * mq + c1) * (2 * cov + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    assert ssim(a, b) == pytest.approx(np.mean(values), abs=1e-12)
    assert ssim(a, a) == pytest.approx(1)


def test_ssim_is_scikit_image_s_with_wang_s_settings(rng):
    from skimage.metrics import structural_similarity

    a = rng.integers(0, 256, (31, 40)).astype(np.uint8)
    b = np.clip(a + rng.normal(0, 20, a.shape), 0, 255)
    wang = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    assert ssim(a, b) == pytest.approx(structural_similarity(a.astype(float), b, **wang), abs=1e-12)


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match="same shape"):
        psnr(np.zeros((2, 3)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="at least 11 x 11"):
        ssim(np.zeros((10, 20)), np.zeros((10, 20)))
