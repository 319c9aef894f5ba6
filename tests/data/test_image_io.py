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


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_animations_and_documents_are_refused(tmp_path, file_format):
    path = tmp_path / f"a.{file_format.lower()}"
    first, *others = (Image.new("RGB", (6, 5), colour) for colour in ("red", "green", "blue"))
    first.save(path, save_all=True, append_images=others)
    with pytest.raises(InputError, match="holds 3 pictures; save the one that you want as a file"):
        read_image(path)
    first.save(path)
    assert read_image(path).size == (6, 5)


def test_a_photograph_with_a_preview_is_one_photograph(tmp_path):
    first, preview = Image.new("RGB", (6, 5), "red"), Image.new("RGB", (3, 2), "green")
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[preview])
    assert read_image(tmp_path / "a.jpg").size == (6, 5)


def test_the_limit_on_pixels_can_be_lowered_and_raised(tmp_path, monkeypatch):
    Image.new("1", (100, 90)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png", max_pixels=9000).size == (100, 90)
    with pytest.raises(InputError, match=r"more than 0.008999 megapixels"):
        read_image(tmp_path / "a.png", max_pixels=8999)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert read_image(tmp_path / "a.png").size == (100, 90)
    assert Image.MAX_IMAGE_PIXELS == 10, "Pillow's own limit is as it was"


def test_whole_numbers_beyond_16_bits_are_refused(tmp_path):
    Image.fromarray(np.array([[0, 65536]], dtype=np.int32)).save(tmp_path / "a.tif")
    with pytest.raises(InputError, match="65535 has no known value range"):
        read_image(tmp_path / "a.tif")
    Image.fromarray(np.array([[0, 65535]], dtype=np.int32)).save(tmp_path / "b.tif")
    assert np.array_equal(to_array(read_image(tmp_path / "b.tif")), [[0, 1]])
    with pytest.raises(InputError, match="no known value range"):
        to_array(Image.fromarray(np.array([[-1, 3]], dtype=np.int32)))


def test_an_image_that_takes_too_much_memory_is_one_line(tmp_path, monkeypatch):
    """Decoders ask for what a damaged header says."""

    def load(image):
        raise MemoryError

    Image.new("L", (3, 2)).save(tmp_path / "a.jp2")
    monkeypatch.setattr("PIL.Jpeg2KImagePlugin.Jpeg2KImageFile.load", load)
    with pytest.raises(InputError, match=r"a\.jp2: takes more memory than there is"):
        read_image(tmp_path / "a.jp2")
