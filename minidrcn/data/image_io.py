"""Reading and writing image files, and the one conversion from RGB to luma that everything here uses."""

from __future__ import annotations

import io
import os
import re
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..files import atomic_write

if TYPE_CHECKING:
    from PIL import Image

NO_RANGE = "an image of floats has no known value range; expected 8 or 16 bits a channel"
BEYOND_16_BITS = "an image of whole numbers outside 0..65535 has no known value range; expected 8 or 16 bits a channel"
MAX_PIXELS = 178_956_970  # where Pillow, too, refuses to go on
# Formats whose endings Pillow knows, for documents, drawings, films and scientific data.
NO_PHOTOGRAPHS = {"BUFR", "EPS", "FITS", "FLI", "GRIB", "HDF5", "MPEG", "PDF", "WMF"}
WITH_PREVIEWS = {"MPO", "PSD"}  # whose first picture is the photograph
# BT.601 in studio range: what red, green and blue of 1 add to Y, Cb and Cr of 8 bits.
RGB_TO_YCBCR = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]])
OFFSETS = np.array([16.0, 128.0, 128.0])
GREY_MODES = {"1", "L", "LA"}
# Formats to write that hold a photograph of any size, and those of them that hold 16 bits, opacity, a quality.
FORMATS = {"AVIF", "BMP", "DDS", "DIB", "JPEG", "JPEG2000", "MPO", "PCX", "PNG", "PPM", "QOI", "SGI", "TGA", "TIFF",
           "WEBP"}  # fmt: skip
WITH_16_BITS = {"JPEG2000", "PNG", "PPM", "TIFF"}
WITH_OPACITY = {"AVIF", "DDS", "JPEG2000", "PNG", "QOI", "SGI", "TGA", "TIFF", "WEBP"}
WITH_QUALITY = {"AVIF", "JPEG", "MPO", "WEBP"}
# What Pillow would write as another format of that family.
OTHER_MODES = {".pbm": {"L", "I;16", "RGB"}, ".pfm": {"L", "I;16", "RGB"}, ".pgm": {"RGB"}}
TAG_BITS, TAG_PHOTOMETRIC, WHITE_IS_ZERO = 258, 262, 0  # TIFF 6.0
SRGB_EXPONENT = 2.2
# What counts of `Image.info`, by type: texts in a file come under any name, "gamma" as well.
INFO = {"gamma": float, "srgb": int, "icc_profile": bytes, "exif": bytes, "Raw profile type exif": str, "dpi": tuple,
        "transparency": (int, bytes, tuple)}  # fmt: skip

_stderr = threading.Lock()


def read_image(path: str | os.PathLike, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Read a whole image file, turned upright if its EXIF data say so.

    Args:
        path: the file.
        max_pixels: larger images are refused before any memory is taken for them.

    Returns:
        the image; its `info["16 bits"]` says that the file has 16 bits a channel and the image 8.

    Raises:
        InputError: there is no such file, or it is no image that Pillow reads, or it is damaged, too large, or holds
            several pictures (a photograph with a preview beside it counts as one).
    """
    from PIL import Image

    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if not path.is_file():
        raise InputError(f"{path}: a {'folder' if path.is_dir() else 'pipe or device'}, expected an image file")
    try:
        # Given a name, Pillow maps some files into memory, and turns TIFF files wrongly.
        with _silence(), _limit(max_pixels), open(path, "rb") as file, Image.open(file) as image:
            if image.format in NO_PHOTOGRAPHS:
                raise OSError(f"{image.format} is no photograph")
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            if image.format not in WITH_PREVIEWS and getattr(image, "is_animated", False):
                raise InputError(f"{path}: holds several pictures; save the one that you want as a file")
            raw = " ".join(str(tile[3]) for tile in image.tile)
            image.load()
            upright = _full_range(_upright(image), getattr(image, "tag_v2", {}))
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
    upright = _without_texts(upright)
    if "LA;16" in raw:  # Pillow makes RGBA of it
        upright = upright.convert("LA")
    if re.search(";16[BLN]", raw) and not upright.mode.startswith("I"):
        upright.info["16 bits"] = True
    return upright


def _without_texts(image: Image.Image) -> Image.Image:
    """The image with nothing in its `info` but what counts, see `INFO`."""
    image.load()  # texts may stand behind the pixels
    info = {name: value for name, value in image.info.items() if isinstance(value, INFO.get(name, ()))}
    if info != image.info:
        image = image.copy()  # the caller's stays as it is
        image.info = info
    return image


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


@contextmanager
def _silence() -> Iterator[None]:
    """Let neither Pillow warn of odd metadata nor libtiff print, past Python, what it finds damaged."""
    with _stderr, warnings.catch_warnings(), open(os.devnull, "w") as nowhere:
        warnings.simplefilter("ignore")
        try:
            before = os.dup(2)
        except OSError:  # a program without a console
            yield
            return
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)


def _full_range(image: Image.Image, tags: Mapping[int, Any]) -> Image.Image:
    """Undo what Pillow leaves as it is in TIFF files of 16-bit grey: 12 bits, and white as 0."""
    from PIL import Image

    scale = 65535 / 4095 if tags.get(TAG_BITS) == (12,) else 1
    negative = tags.get(TAG_PHOTOMETRIC) == WHITE_IS_ZERO
    if not image.mode.startswith("I;16") or (scale == 1 and not negative):
        return image
    values = np.rint(np.asarray(image) * scale).astype(np.uint16)
    corrected = Image.fromarray(65535 - values if negative else values)
    corrected.info = image.info
    return corrected


def _upright(image: Image.Image) -> Image.Image:
    from PIL import ImageOps

    try:
        upright = ImageOps.exif_transpose(image)
        if image.format == "TIFF":  # whose EXIF data are the file itself
            upright.info["exif"] = image.getexif().tobytes()
        return upright
    except MemoryError:
        raise
    except Exception:
        # Damaged EXIF data are no reason to give up a sound image.
        return image.copy()


def to_pixels(image: Image.Image) -> np.ndarray:
    """Pixels of an image of any mode: uint16 for 16-bit grey, else uint8, in sRGB or the image's own colour profile.

    Returns:
        grey (H, W), grey and opacity (H, W, 2), RGB (H, W, 3) or RGBA (H, W, 4).

    Raises:
        InputError: the mode says nothing about the value range: F, and I beyond 16 bits.
    """
    problem = _without_range(image)
    if problem:
        raise InputError(problem)
    image = _without_texts(image)
    if image.mode.startswith("I"):
        # PNG and TIFF files of 16 bits; mode I is what some Pillow versions make of them.
        return _encoded_as_srgb(np.asarray(image).astype(np.uint16), image.info)
    if image.mode in ("La", "RGBa"):  # premultiplied
        image = image.convert(image.mode.upper())
    if image.mode == "CMYK":
        image = _printed_as_srgb(image)
    mode = "L" if image.mode in GREY_MODES else "RGB"
    return _encoded_as_srgb(np.asarray(image.convert(mode + "A" * image.has_transparency_data)), image.info)


def _printed_as_srgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        return ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (KeyError, OSError, ImageCms.PyCMSError):
        return image  # no profile, or no sound one of that kind


def _encoded_as_srgb(pixels: np.ndarray, info: dict) -> np.ndarray:
    """Apply a PNG file's gamma (its chunk gAMA), unless a profile says more and unless it is that of sRGB."""
    exponent = 1 / (SRGB_EXPONENT * info["gamma"]) if 0.1 < info.get("gamma", 0) < 10 else 1.0  # others are no gamma
    if {"icc_profile", "srgb"} & info.keys() or abs(exponent - 1) < 0.02:
        return pixels
    largest = np.iinfo(pixels.dtype).max
    table = np.rint(largest * np.linspace(0, 1, largest + 1) ** exponent).astype(pixels.dtype)
    if pixels.ndim == 2 or pixels.shape[2] == 3:
        return table[pixels]
    return np.dstack([table[pixels[..., :-1]], pixels[..., -1]])


def to_array(image: Image.Image) -> np.ndarray:
    """Pixels in [0, 1] as float64: (H, W) for a grey image, (H, W, 3) for any other; transparency is left out.

    Raises:
        InputError: as for `to_pixels`.
    """
    pixels = to_pixels(image)
    colours = {2: pixels[..., 0], 4: pixels[..., :3]}.get(pixels.shape[-1] if pixels.ndim == 3 else 0, pixels)
    return colours / np.iinfo(pixels.dtype).max


def format_to_write(path: Path) -> str | None:
    """Pillow's name of the format that an ending stands for; None if it writes no photographs in it."""
    from PIL import Image

    name = Image.registered_extensions().get(path.suffix.lower())
    return name if name in FORMATS & Image.SAVE.keys() else None


def write_image(
    image: Image.Image, path: Path, kept: dict[str, Any] | None = None, overwrite: bool = False, quality: int = 95
) -> None:
    """Write an image file, atomically, in the format that its ending stands for.

    Args:
        image: of mode L, LA, RGB, RGBA or I;16.
        path: where to, see `format_to_write`.
        kept: options for `save`, see `metadata.py`; left out if the format cannot hold them.
        overwrite: replace a file of that name.
        quality: from 1 to 100, of the formats that lose something.

    Raises:
        InputError: the format cannot hold this image.
        OSError: the file cannot be written; `FileExistsError` if it exists and is not to be overwritten.
    """
    name = format_to_write(path)
    lost = ""
    if image.mode == "I;16" and name not in WITH_16_BITS:
        lost = "16 bits"
    elif image.mode in ("LA", "RGBA") and name not in WITH_OPACITY:
        lost = "transparency"
    elif image.mode in OTHER_MODES.get(path.suffix.lower(), ()):
        lost = "colour" if image.mode == "RGB" else "grey"
    if lost:
        raise InputError(f"{path}: cannot hold this image ({lost}); try .png")
    fixed = {"quality": quality} if name in WITH_QUALITY else {}
    with atomic_write(path, overwrite) as temporary:
        for options in (kept or {}, {}):  # bad metadata must not cost the picture
            try:
                with _silence():
                    image.save(temporary, name, **fixed, **options)
                break
            except Exception as error:
                # Which exception Pillow raises depends on the format; with an error number it is the system's.
                if isinstance(error, MemoryError) or getattr(error, "errno", None):
                    raise
                problem = error
        else:
            raise InputError(f"{path}: cannot hold this image ({problem}); try .png") from problem


def rgb_to_ycbcr(rgb: np.ndarray) -> np.ndarray:
    """RGB in [0, 1] to studio-range YCbCr of BT.601, Y in 16/255..235/255, Cb and Cr in 16/255..240/255.

    This is MATLAB's `rgb2ycbcr`, not rounded. Pillow's `convert("YCbCr")` is full-range and would not match.
    """
    return (rgb @ RGB_TO_YCBCR.T + OFFSETS) / 255


def ycbcr_to_rgb(ycbcr: np.ndarray) -> np.ndarray:
    """The inverse of `rgb_to_ycbcr`, clipped to [0, 1]."""
    return np.clip((ycbcr * 255 - OFFSETS) @ np.linalg.inv(RGB_TO_YCBCR).T, 0, 1)


def luma(image: np.ndarray) -> np.ndarray:
    """Studio-range luma, (H, W) in 16/255..235/255, of an image in [0, 1], (H, W, 3) or grey (H, W).

    A grey image counts as RGB with three equal channels: black becomes 16/255 and white 235/255.
    """
    if image.ndim == 2:
        return (16 + 219 * image) / 255
    return rgb_to_ycbcr(image)[..., 0]
