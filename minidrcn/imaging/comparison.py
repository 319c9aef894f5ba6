"""Side-by-side figures of one image, bicubic and DRCN and the original if there is one, cropped where it matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import plots
from ..data.degradation import crop_to_multiple
from ..data.image_io import read_image, rgb_to_ycbcr, to_array, to_pixels, ycbcr_to_rgb
from ..data.resize import imresize
from .chosen_size import whole
from .protocol import Sample, measure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image


def comparison(sample: Sample, prediction: np.ndarray) -> Figure:
    """Draw exactly what was measured, in colour where the file has colour.

    Args:
        sample: the image.
        prediction: luma in [0, 1], (H, W).
    """
    zoom = plots.most_improved(sample.x, prediction, sample.target / 255)
    panels = [
        (f"bicubic (whole image {measure(sample.x, sample).psnr:.2f} dB)", in_colour(sample, sample.x)),
        (f"DRCN (whole image {measure(prediction, sample).psnr:.2f} dB)", in_colour(sample, prediction)),
        ("original", _original(sample)),
    ]
    return plots.side_by_side(panels, zoom)


def before_after(image: Image.Image, large: Image.Image, factor: float) -> Figure:
    """Draw a photograph enlarged by bicubic interpolation and by the network, where the two differ most.

    Args:
        image: the photograph.
        large: `factor` times as wide and high, see `upscale_by`.
    """
    after = _on_white(large)
    before = np.clip(imresize(_on_white(image), whole(factor)), 0, 1)
    grey = [np.atleast_3d(pixels).mean(axis=2) for pixels in (before, after)]
    zoom = plots.most_improved(*grey, target=grey[1])
    return plots.side_by_side([("bicubic", before), ("DRCN", after)], zoom)


def _on_white(image: Image.Image) -> np.ndarray:
    """An image as `to_array` has it, but with white behind what is transparent."""
    colours, pixels = to_array(image), to_pixels(image)
    if pixels.shape == colours.shape:
        return colours
    opacity = pixels[..., -1] / 255
    return 1 + (opacity if colours.ndim == 2 else opacity[..., None]) * (colours - 1)


def in_colour(sample: Sample, luma: np.ndarray) -> np.ndarray:
    """A result with the chroma of bicubic interpolation: RGB (H, W, 3), or luma itself for a grey file."""
    original = _original(sample)
    if original.ndim == 2:
        return np.clip(luma, 0, 1)
    chroma = imresize(imresize(rgb_to_ycbcr(original), 1 / sample.scale), sample.scale)[..., 1:]
    return ycbcr_to_rgb(np.dstack([luma, chroma]))


def _original(sample: Sample) -> np.ndarray:
    return crop_to_multiple(to_array(read_image(sample.path)), sample.scale)
