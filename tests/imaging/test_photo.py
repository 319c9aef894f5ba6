from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from minidrcn import DRCN, load, upscale_image
from minidrcn.data.datasets import image_paths
from minidrcn.data.image_io import read_image
from minidrcn.data.resize import imresize
from minidrcn.errors import InputError, UsageError
from minidrcn.metrics import psnr


@pytest.fixture
def model():
    """Hardly more than bicubic interpolation, and quick."""
    return DRCN(2, 1, scale=2)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 1), (9, 7, 2), (9, 7, 3), (9, 7, 4)])
def test_arrays_keep_dtype_and_channels(model, rng, dtype, shape):
    image = rng.random(shape)
    if dtype.startswith("uint"):
        image = image * np.iinfo(dtype).max
    image = image.astype(dtype)
    large = upscale_image(image, 2, model)
    assert large.dtype == image.dtype
    assert large.shape == (18, 14, *shape[2:])


@pytest.mark.parametrize(
    "mode",
    ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "I;16"],
)
@pytest.mark.parametrize("size", [(1, 1), (5, 1), (9, 7)])
def test_pillow_images_of_any_mode_and_size(model, mode, size):
    large = upscale_image(Image.new(mode, size), 2, model)
    assert large.size == (2 * size[0], 2 * size[1])
    kept = {"L": "L", "1": "L", "LA": "LA", "La": "LA", "RGBA": "RGBA", "RGBa": "RGBA", "PA": "RGBA"}
    kept |= {"I": "I;16", "I;16": "I;16"}
    assert large.mode == kept.get(mode, "RGB")


@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
def test_flat_images_keep_their_value_black_and_white_included(model, value):
    for shape in ((12, 10), (12, 10, 3)):
        large = upscale_image(np.full(shape, value), 2, model)
        assert np.abs(large[6:-6, 6:-6] - value).max() < 0.01


def test_transparency_is_enlarged_and_kept(model):
    image = Image.new("RGBA", (12, 10), (200, 10, 10, 255))
    image.paste((200, 10, 10, 0), (0, 0, 6, 10))
    large = np.asarray(upscale_image(image, 2, model))
    assert large[:, :8, 3].max() == 0
    assert large[:, -8:, 3].min() == 255
    palette = Image.new("P", (6, 5))
    palette.info["transparency"] = 0
    assert upscale_image(palette, 2, model).mode == "RGBA"
    palette.info["transparency"] = bytes([0, 128, 255])
    assert upscale_image(palette, 2, model).mode == "RGBA"
    sixteen_bits = Image.new("I;16", (6, 5))
    sixteen_bits.info["transparency"] = 100
    assert upscale_image(sixteen_bits, 2, model).mode == "I;16"


@pytest.mark.parametrize("hidden", [0.0, 1.0])
def test_hidden_colours_give_no_fringe_at_transparent_edges(hidden):
    """An antialiased disc as files have it: no colour where nothing is visible."""
    colours = np.array([0.9, 0.7, 0.2])
    i, j = np.mgrid[:240, :240] - 119.5
    inside = (i**2 + j**2 < 90**2).astype(float)
    opacity, sharp = (inside.reshape(240 // n, n, 240 // n, n).mean(axis=(1, 3)) for n in (4, 2))
    seen = opacity[..., None] > 0
    large = upscale_image(np.dstack([np.where(seen, colours, hidden), opacity]), 2)
    by_bicubic = np.clip(imresize(opacity, 2), 0, 1)
    for paper in (0, 1):
        expected, found, bicubic = (
            colour * alpha[..., None] + paper * (1 - alpha[..., None])
            for colour, alpha in ((colours, sharp), (large[..., :3], large[..., 3]), (colours, by_bicubic))
        )
        assert np.abs(found - expected).max() < np.abs(bicubic - expected).max() + 0.001
    assert np.array_equal(upscale_image(np.dstack([opacity, opacity]), 2)[..., 1], large[..., 3])


def test_the_shipped_network_sharpens_a_photograph_it_has_never_seen():
    held_out, _ = image_paths("photos", held_out=True)
    sharp = np.asarray(read_image(held_out))[60:180, 100:260]
    small = imresize(sharp, 1 / 2)
    large = upscale_image(small)
    assert large.shape == sharp.shape
    by_network, by_bicubic = (psnr(image[..., 1], sharp[..., 1]) for image in (large, imresize(small, 2)))
    assert by_network > by_bicubic + 0.5


def test_colour_is_the_bicubic_one(model, rng):
    """Where the network changes nothing, the image is bicubic interpolation in YCbCr."""
    identical = model.with_params({**model.params, "reconstruct2.w": 0 * model.params["reconstruct2.w"]})
    smooth = imresize(0.3 + 0.4 * rng.random((4, 5, 3)), 4)
    assert np.abs(upscale_image(smooth, 2, identical) - imresize(smooth, 2)).max() < 1e-6


def test_what_cannot_be_enlarged_is_named(model):
    for image, message in (
        (np.zeros((3, 4), int), "uint8, uint16 or floats"),
        (np.full((3, 4), 200.0), r"floats in \[0, 1\]"),
        (np.full((3, 4), np.nan), r"floats in \[0, 1\]"),
        (np.zeros((3, 4, 5)), "shape"),
        (np.zeros((0, 4)), "shape"),
        (Image.new("F", (3, 4)), "no known value range"),
        ("photo.jpg", "expected a Pillow image or a NumPy array, got str"),
    ):
        with pytest.raises(InputError, match=message):
            upscale_image(image, 2, model)
    with pytest.raises(UsageError, match="the model was trained for scale 2, not 3"):
        upscale_image(np.zeros((3, 4)), 3, model)
    with pytest.raises(UsageError, match="no weights 'x7' are shipped"):
        upscale_image(np.zeros((3, 4)), 7)


def test_a_model_without_a_scale_serves_any(rng):
    assert upscale_image(rng.random((5, 4)), 3, DRCN(2, 1)).shape == (15, 12)
    assert load("x2").scale == 2
