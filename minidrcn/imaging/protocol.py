"""How the paper measured, step by step, so that numbers can be compared with its tables.

1. Luma of the sharp image as MATLAB's `rgb2ycbcr` gives it for uint8; a grey file as it is.
2. Height and width cropped to multiples of the scale.
3. Shrunk and enlarged by MATLAB's bicubic `imresize`, in floating point, not rounded.
4. Clamped to 16..235: the network's input, and the bicubic result.
5. The prediction times 255, rounded, saturated to 0..255.
6. As many pixels as the scale shaved from every border of both images.
7. PSNR and SSIM against the sharp luma.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..data.degradation import crop_to_multiple, degrade
from ..data.image_io import luma, read_image, to_array
from ..errors import InputError
from ..metrics import psnr, ssim

SUMMARY = (
    "luma (BT.601, 16..235; grey files as they are), MATLAB's bicubic imresize, input clamped, output rounded "
    "to 8 bits, as many border pixels shaved as the scale, PSNR with peak 255, SSIM of Wang et al. 2004"
)


class Sample(NamedTuple):
    """An image to measure on.

    Attributes:
        path: the file.
        target: luma, uint8, (H, W).
        x: the network's input, float32, (H, W), in [0, 1].
        scale: the enlargement.
    """

    path: Path
    target: np.ndarray
    x: np.ndarray
    scale: int


class Quality(NamedTuple):
    """PSNR in decibels and SSIM of one prediction."""

    psnr: float
    ssim: float


def load_sample(path: str | os.PathLike, scale: int) -> Sample:
    """Steps 1 to 4.

    Raises:
        InputError: the file is no image, or too small to be measured.
    """
    pixels = to_array(read_image(path))
    target = to_uint8(crop_to_multiple(pixels if pixels.ndim == 2 else luma(pixels), scale))
    if min(target.shape) < 2 * scale + 11:
        least = 2 * scale + 11
        raise InputError(
            f"{path}: {target.shape[1]} x {target.shape[0]} pixels; measuring at scale {scale} needs {least} x {least}"
        )
    x = degrade(target / 255, scale).astype(np.float32)
    return Sample(Path(path), target, x, scale)


def measure(prediction: np.ndarray, sample: Sample) -> Quality:
    """Steps 5 to 7 for a prediction in [0, 1], (H, W), of any float dtype. `sample.x` itself is the bicubic result."""
    s = sample.scale
    shaved = to_uint8(prediction)[s:-s, s:-s]
    target = sample.target[s:-s, s:-s]
    return Quality(psnr(shaved, target), ssim(shaved, target))


def to_uint8(image: np.ndarray) -> np.ndarray:
    """From [0, 1] to uint8 as MATLAB's `im2uint8` does: half away from zero, saturated."""
    return np.clip(np.floor(np.asarray(image, dtype=np.float64) * 255 + 0.5), 0, 255).astype(np.uint8)
