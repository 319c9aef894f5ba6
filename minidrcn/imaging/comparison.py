"""Side-by-side figure of one image: bicubic, DRCN, original, cropped where the network improved it most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import plots
from ..data.degradation import crop_to_multiple
from ..data.image_io import read_image, rgb_to_ycbcr, to_array, ycbcr_to_rgb
from ..data.resize import imresize
from .protocol import Sample, measure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def comparison(sample: Sample, prediction: np.ndarray) -> Figure:
    """Draw exactly what was measured, in colour where the file has colour.

    Args:
        sample: the image.
        prediction: luma in [0, 1], (H, W).
    """
    zoom = plots.most_improved(sample.x, prediction, sample.target / 255)
    panels = [
        (f"bicubic {measure(sample.x, sample).psnr:.2f} dB", in_colour(sample, sample.x)),
        (f"DRCN {measure(prediction, sample).psnr:.2f} dB", in_colour(sample, prediction)),
        ("original", _original(sample)),
    ]
    return plots.side_by_side(panels, zoom)


def in_colour(sample: Sample, luma: np.ndarray) -> np.ndarray:
    """A result with the chroma of bicubic interpolation: RGB (H, W, 3), or luma itself for a grey file."""
    original = _original(sample)
    if original.ndim == 2:
        return np.clip(luma, 0, 1)
    chroma = imresize(imresize(rgb_to_ycbcr(original), 1 / sample.scale), sample.scale)[..., 1:]
    return ycbcr_to_rgb(np.dstack([luma, chroma]))


def _original(sample: Sample) -> np.ndarray:
    return crop_to_multiple(to_array(read_image(sample.path)), sample.scale)
