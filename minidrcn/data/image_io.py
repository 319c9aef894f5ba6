"""Reading image files, and the one conversion from RGB to luma that everything here uses."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    from PIL import Image

NO_RANGE = "an image of floats has no known value range; expected 8 or 16 bits a channel"
BEYOND_16_BITS = "an image of whole numbers outside 0..65535 has no known value range; expected 8 or 16 bits a channel"
MAX_PIXELS = 178_956_970  # where Pillow, too, refuses to go on
ANIMATED_FORMATS = ("AVIF", "GIF", "PNG", "TIFF", "WEBP")
GREY_MODES = {"1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N"}


def read_image(path: str | os.PathLike, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Read a whole image file, turned upright if its EXIF data say so.

    Args:
        path: the file.
        max_pixels: larger images are refused before any memory is taken for them.

    Raises:
        InputError: there is no such file, or it is no image that Pillow reads, or it is damaged, too large, or holds
            several pictures (a photograph with a preview beside it counts as one).
    """
    from PIL import Image

    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if path.is_dir():
        raise InputError(f"{path}: a folder, expected an image file")
    try:
        with warnings.catch_warnings():
            # Pillow warns of odd metadata and large images; it raises where it cannot go on.
            warnings.simplefilter("ignore")
            with _limit(max_pixels), Image.open(path) as image:
                if image.width * image.height > max_pixels:
                    raise Image.DecompressionBombError
                pictures = getattr(image, "n_frames", 1) if image.format in ANIMATED_FORMATS else 1
                if pictures > 1:
                    raise InputError(f"{path}: holds {pictures} pictures; save the one that you want as a file")
                image.load()
                upright = _upright(image)
    except InputError:
        raise
    except MemoryError as error:
        # A damaged header can make a decoder ask for any amount; a folder's other files shall still be read.
        raise InputError(f"{path}: takes more memory than there is; damaged, or too large an image") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: more than {max_pixels / 1e6:g} megapixels") from error
    except Exception as error:
        # Which exception Pillow raises for a damaged file depends on the format; nothing else runs in this block.
        reason = "no image that Pillow can read" if isinstance(error, OSError) else f"a damaged image ({error})"
        raise InputError(f"{path}: {reason}; expected a PNG, JPEG, BMP, TIFF or WebP file") from error
    problem = _without_range(upright)
    if problem:
        raise InputError(f"{path}: {problem}")
    return upright


def _without_range(image: Image.Image) -> str:
    if image.mode == "F":
        return NO_RANGE
    if image.mode == "I":
        low, high = image.getextrema()
        return "" if low >= 0 and high <= 65535 else BEYOND_16_BITS
    return ""


@contextmanager
def _limit(max_pixels: int) -> Iterator[None]:
    """Set Pillow's limit against decompression bombs for a `with` block."""
    from PIL import Image

    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _upright(image: Image.Image) -> Image.Image:
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except MemoryError:
        raise
    except Exception:
        # Damaged EXIF data are no reason to give up a sound image.
        return image.copy()


def to_array(image: Image.Image) -> np.ndarray:
    """Pixels in [0, 1] as float64: (H, W) for a grey image, (H, W, 3) for any other; transparency is left out.

    Raises:
        InputError: the mode says nothing about the value range: F, and I beyond 16 bits.
    """
    problem = _without_range(image)
    if problem:
        raise InputError(problem)
    if image.mode.startswith("I"):
        # PNG and TIFF files of 16 bits; mode I is what some Pillow versions make of them.
        return np.asarray(image).astype(np.float64) / 65535
    if image.mode == "P" and image.has_transparency_data:
        image = image.convert("RGBA")  # straight to RGB, Pillow warns
    return np.asarray(image.convert("L" if image.mode in GREY_MODES else "RGB")) / 255


def rgb_to_ycbcr(rgb: np.ndarray) -> np.ndarray:
    """RGB in [0, 1] to studio-range YCbCr of BT.601, Y in 16/255..235/255, Cb and Cr in 16/255..240/255.

    This is MATLAB's `rgb2ycbcr`, not rounded. Pillow's `convert("YCbCr")` is full-range and would not match.
    """
    from skimage.color import rgb2ycbcr

    return rgb2ycbcr(rgb) / 255


def ycbcr_to_rgb(ycbcr: np.ndarray) -> np.ndarray:
    """The inverse of `rgb_to_ycbcr`, clipped to [0, 1]."""
    from skimage.color import ycbcr2rgb

    return np.clip(ycbcr2rgb(ycbcr * 255), 0, 1)


def luma(image: np.ndarray) -> np.ndarray:
    """Studio-range luma, (H, W) in 16/255..235/255, of an image in [0, 1], (H, W, 3) or grey (H, W).

    A grey image counts as RGB with three equal channels: black becomes 16/255 and white 235/255.
    """
    if image.ndim == 2:
        return (16 + 219 * image) / 255
    return rgb_to_ycbcr(image)[..., 0]
