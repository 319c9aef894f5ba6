"""Enlarging by any factor: by the next larger scale that the network knows, then down by `imresize`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from ..data.resize import imresize
from ..model.drcn import DRCN
from .photo import upscale_image

if TYPE_CHECKING:
    from PIL import Image


def passes(factor: float, scales: Sequence[int]) -> tuple[int, ...] | None:
    """The one or two of these scales, in the order to take, that enlarge by `factor` or the least more.

    None if that is not possible, or the factor is not larger than 1.
    """
    choices = [choice for n in (1, 2) for choice in combinations_with_replacement(scales, n)]
    enough = [choice for choice in choices if 1 < factor <= math.prod(choice)]
    return min(enough, key=math.prod, default=None)


def upscale_by(
    image: Image.Image, factor: float, chosen: Sequence[int], network: Callable[[int], DRCN], **options: object
) -> Image.Image:
    """Enlarge a photograph by any factor.

    Args:
        image: a Pillow image.
        factor: width and height are the image's times this, a fraction of a pixel rounded up as in MATLAB.
        chosen: the scales of the passes, see `passes`.
        network: gives the model for a scale.
        options: as for `upscale_image`.
    """
    for scale in chosen:
        image = upscale_image(image, scale, network(scale), **options)
    return image if math.prod(chosen) == factor else resized(image, factor / math.prod(chosen))


def resized(image: Image.Image, factor: float) -> Image.Image:
    """`imresize` of a Pillow image of mode L, LA, RGB, RGBA or I;16; colours count by their opacity."""
    from PIL import Image

    pixels = np.asarray(image)
    values = pixels.astype(np.float32)
    with_opacity = image.mode in ("LA", "RGBA")
    if with_opacity:
        values[..., :-1] *= values[..., -1:]
    values = imresize(values, whole(factor))
    if with_opacity:
        values[..., :-1] /= np.maximum(values[..., -1:], 0.5)
    limit = np.iinfo(pixels.dtype).max
    return Image.fromarray(np.clip(np.floor(values + 0.5), 0, limit).astype(pixels.dtype))


def whole(factor: float) -> float:
    """A factor that reaches a whole number of pixels, a little smaller: rounding up shall not add another pixel."""
    return factor * (1 - 1e-12)
