"""The paper's evaluation protocol, step by step, so that numbers can be compared with its tables.

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
        side = 2 * scale + 11
        raise InputError(
            f"{path}: {target.shape[1]} x {target.shape[0]} pixels; measuring at scale {scale} needs {side} x {side}"
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


# The table of results of Kim, Lee and Lee, CVPR 2016.
METHODS = ("Bicubic", "A+", "SRCNN", "DRCN")

# PSNR in dB and SSIM of the methods in that order, by set and scale.
_TABLE = {
    ("set5", 2): (33.66, 0.9299, 36.54, 0.9544, 36.66, 0.9542, 37.63, 0.9588),
    ("set5", 3): (30.39, 0.8682, 32.58, 0.9088, 32.75, 0.9090, 33.82, 0.9226),
    ("set5", 4): (28.42, 0.8104, 30.28, 0.8603, 30.48, 0.8628, 31.53, 0.8854),
    ("set14", 2): (30.24, 0.8688, 32.28, 0.9056, 32.42, 0.9063, 33.04, 0.9118),
    ("set14", 3): (27.55, 0.7742, 29.13, 0.8188, 29.28, 0.8209, 29.76, 0.8311),
    ("set14", 4): (26.00, 0.7027, 27.32, 0.7491, 27.49, 0.7503, 28.02, 0.7670),
    ("b100", 2): (29.56, 0.8431, 31.21, 0.8863, 31.36, 0.8879, 31.85, 0.8942),
    ("b100", 3): (27.21, 0.7385, 28.29, 0.7835, 28.41, 0.7863, 28.80, 0.7963),
    ("b100", 4): (25.96, 0.6675, 26.82, 0.7087, 26.90, 0.7101, 27.23, 0.7233),
    ("urban100", 2): (26.88, 0.8403, 29.20, 0.8938, 29.50, 0.8946, 30.75, 0.9133),
    ("urban100", 3): (24.46, 0.7349, 26.03, 0.7973, 26.24, 0.7989, 27.15, 0.8276),
    ("urban100", 4): (23.14, 0.6577, 24.32, 0.7183, 24.52, 0.7221, 25.14, 0.7510),
}


def published(data: str, scale: int) -> dict[str, Quality]:
    """The mean PSNR and SSIM that each method is published with on a set; empty for a set that is not in the table."""
    row = _TABLE.get((data.lower(), scale), ())
    return {name: Quality(*row[2 * k : 2 * k + 2]) for k, name in enumerate(METHODS) if row}
