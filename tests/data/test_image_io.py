from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from minidrcn.data.image_io import luma, read_image, rgb_to_ycbcr, to_array, ycbcr_to_rgb
from minidrcn.errors import InputError


def test_luma_is_bt601_in_studio_range():
    colours = np.array([[[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]], dtype=float)
    expected = np.array([[16, 235, 16 + 65.481, 16 + 128.553, 16 + 24.966]]) / 255
    assert np.abs(luma(colours) - expected).max() < 1e-12


def test_a_grey_image_is_rgb_with_equal_channels(rng):
    grey = rng.random((4, 5))
    assert np.abs(luma(grey) - luma(np.dstack([grey] * 3))).max() < 1e-12


def test_there_and_back(rng):
    rgb = rng.random((4, 5, 3))
    ycbcr = rgb_to_ycbcr(rgb)
    assert ycbcr.min() >= 16 / 255
    assert ycbcr.max() <= 240 / 255
    assert np.abs(ycbcr_to_rgb(ycbcr) - rgb).max() < 1e-9


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I", "I;16"])
def test_grey_modes_stay_grey(mode):
    pixels = to_array(Image.new(mode, (5, 4)))
    assert pixels.shape == (4, 5)
    assert not pixels.any()


@pytest.mark.parametrize("mode", ["P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"])
def test_other_modes_become_rgb(mode):
    pixels = to_array(Image.new(mode, (5, 4)))
    assert pixels.shape == (4, 5, 3)
    assert 0 <= pixels.min() <= pixels.max() <= 1


def test_sixteen_bits_are_kept():
    values = np.array([[0, 1, 65535]], dtype=np.uint16)
    assert to_array(Image.fromarray(values)).tolist() == [[0, 1 / 65535, 1]]


def test_floats_of_unknown_range_are_refused():
    with pytest.raises(InputError, match="no known value range"):
        to_array(Image.new("F", (3, 2)))


def test_photographs_taken_sideways_are_turned_upright(tmp_path):
    image = Image.new("RGB", (6, 4))
    exif = image.getexif()
    exif[0x0112] = 6  # "turn right by a quarter to see it upright"
    image.save(tmp_path / "a.jpg", exif=exif)
    assert read_image(tmp_path / "a.jpg").size == (4, 6)


def test_what_is_no_image_is_one_line(tmp_path):
    (tmp_path / "text.png").write_text("no image")
    whole = tmp_path / "whole.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 60, 3), dtype=np.uint8)).save(whole)
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:3000])
    (tmp_path / "empty.jpg").touch()
    for path, reason in (
        (tmp_path / "text.png", "no image that Pillow can read"),
        (tmp_path / "cut.png", "no image|damaged"),
        (tmp_path / "empty.jpg", "no image"),
        (tmp_path / "absent.png", "no such file"),
        (tmp_path, "a folder"),
    ):
        with pytest.raises(InputError, match=reason) as raised:
            read_image(path)
        assert str(path) in str(raised.value)
        assert "\n" not in str(raised.value)
