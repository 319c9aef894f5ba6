"""Upscale a photograph: luma by the network, chroma (Cb and Cr) by bicubic interpolation.

The eye sees detail in luma and hardly in colour, so a network for one channel is enough.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..data.degradation import LUMA_MAX, LUMA_MIN
from ..data.image_io import luma, rgb_to_ycbcr, to_pixels, ycbcr_to_rgb
from ..data.resize import imresize
from ..errors import InputError, UsageError
from ..model.checkpoint import load
from ..model.drcn import DRCN
from .tiles import predict_luma

BAND_ROWS = 256
FADE = 0.02  # the opacity below which the nearest visible colour counts more

if TYPE_CHECKING:
    from PIL import Image


def upscale_image(
    image: Image.Image | np.ndarray, scale: int = 2, model: DRCN | None = None, **options: object
) -> Image.Image | np.ndarray:
    """Enlarge a photograph of any size.

    Args:
        image: a Pillow image; or an array (H, W) grey, (H, W, 1), (H, W, 3) RGB, or with a further channel for opacity,
            of uint8, uint16, or floats in [0, 1].
        scale: 2, 3 or 4.
        model: the network, trained for this scale; None for the shipped one.
        options: `tile`, `workers`, `progress` and `self_ensemble` of `minidrcn.imaging.tiles.predict_luma`.

    Returns:
        the same kind, `scale` times as high and wide. A Pillow image keeps grey, RGB and opacity, other modes become
        RGB; an array keeps its dtype and channels.

    Raises:
        UsageError: no weights for this scale are shipped, or the model was trained for another one.
        InputError: the image's mode or the array's shape, dtype or values are none of the above.
    """
    model = model_for(scale, model)
    if isinstance(image, np.ndarray):
        return _upscale_array(image, scale, model, options)

    from PIL import Image

    if not isinstance(image, Image.Image):
        raise InputError(f"expected a Pillow image or a NumPy array, got {type(image).__name__}")
    return Image.fromarray(_upscale_array(to_pixels(image), scale, model, options))


def model_for(scale: int, model: DRCN | None = None) -> DRCN:
    """The model, if it is one for this scale; the shipped one if there is no model.

    Raises:
        UsageError: it is not, or none is shipped.
    """
    if model is None:
        model = load(f"x{scale}")
    if model.scale not in (None, scale):
        raise UsageError(f"the model was trained for scale {model.scale}, not {scale}; ask for {model.scale}")
    return model


def choose_model(name: str | None, scale: int | None) -> tuple[DRCN, int]:
    """A command's model and scale, each derived from the other where only one was given.

    Raises:
        UsageError: there are no weights of that name or for that scale, or the two do not fit.
        InputError: the file is no model.
    """
    model = load(name) if name else None
    scale = scale or (model.scale if model else None) or 2
    return model_for(scale, model), scale


def _upscale_array(image: np.ndarray, scale: int, model: DRCN, options: dict) -> np.ndarray:
    if image.ndim not in (2, 3) or 0 in image.shape or (image.ndim == 3 and image.shape[2] > 4):
        raise InputError(f"expected an image of shape (H, W) or (H, W, 1 to 4), got {image.shape}")
    pixels = _to_unit(image)
    result = np.empty((scale * image.shape[0], scale * image.shape[1], *image.shape[2:]), dtype=image.dtype)
    channels = image.shape[2] if image.ndim == 3 else 1
    colours = pixels[..., :3] if channels >= 3 else pixels.reshape(*image.shape[:2], channels)[..., 0]
    opacity = pixels[..., -1] if channels in (2, 4) else None
    opaque = [] if opacity is None else [np.clip(imresize(opacity, scale), 0, 1)]
    planes = _enlarge_colours(colours, opacity, scale, model, options)
    # Band by band: the whole image in floats, several times over, would be most of the memory that is needed.
    for start in range(0, len(result), BAND_ROWS):
        rows = slice(start, start + BAND_ROWS)
        band = np.dstack([_to_colours([plane[rows] for plane in planes]), *(plane[rows] for plane in opaque)])
        result[rows] = _from_unit(band, image.dtype).reshape(result[rows].shape)
    return result


def _enlarge_colours(
    pixels: np.ndarray, opacity: np.ndarray | None, scale: int, model: DRCN, options: dict
) -> list[np.ndarray]:
    """The enlarged planes: Y, Cb and Cr of an RGB image (H, W, 3), Y of a grey one (H, W)."""
    enlarge = imresize if opacity is None or opacity.min() == 1 or opacity.max() == 0 else _visible(opacity)
    y = predict_luma(model, np.clip(enlarge(luma(pixels), scale), LUMA_MIN, LUMA_MAX), **options)
    if pixels.ndim == 2:
        return [y]
    ycbcr = rgb_to_ycbcr(pixels)
    return [y, enlarge(ycbcr[..., 1], scale), enlarge(ycbcr[..., 2], scale)]


def _visible(opacity: np.ndarray) -> Callable[[np.ndarray, int], np.ndarray]:
    """`imresize` of colours weighted by their opacity (premultiplied), so that hidden ones give no fringe.

    Where nothing is visible any more, the nearest visible colour takes over: the network shall see no edge there.
    """
    from scipy.ndimage import distance_transform_edt

    nearest = tuple(distance_transform_edt(opacity == 0, return_distances=False, return_indices=True))

    def enlarge(plane: np.ndarray, scale: int) -> np.ndarray:
        weight = np.maximum(imresize(opacity, scale), 0)  # bicubic interpolation undershoots
        colour = np.where(weight > 0, imresize(plane * opacity, scale), 0)
        return np.clip((colour + FADE * imresize(plane[nearest], scale)) / (weight + FADE), plane.min(), plane.max())

    return enlarge


def _to_colours(planes: list[np.ndarray]) -> np.ndarray:
    """RGB or grey in [0, 1]."""
    planes = [plane.astype(np.float64) for plane in planes]
    if len(planes) == 1:
        return np.clip((planes[0] * 255 - 16) / 219, 0, 1)
    return ycbcr_to_rgb(np.dstack(planes))


def _to_unit(image: np.ndarray) -> np.ndarray:
    if image.dtype.kind == "u" and image.dtype.itemsize <= 2:
        return image / np.iinfo(image.dtype).max
    if not np.issubdtype(image.dtype, np.floating):
        raise InputError(f"expected an image of uint8, uint16 or floats in [0, 1], got {image.dtype}")
    if not (image.min() >= 0 and image.max() <= 1):
        raise InputError("expected an image of floats in [0, 1]; divide by 255, or hand over uint8")
    return image.astype(np.float64)


def _from_unit(image: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if np.issubdtype(dtype, np.floating):
        return image.astype(dtype)
    return np.floor(image * np.iinfo(dtype).max + 0.5).astype(dtype)
