from __future__ import annotations

import io

import pytest
from PIL import Image, ImageCms

from minidrcn.data.metadata import EXPOSURE, POSITION, metadata

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def photograph(file_format, size=(6, 5)):
    """What a camera writes, read back."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0132] = "Maker", "2016:06:27 12:00:00"
    exif[EXPOSURE] = {0x829A: 1 / 250, 0xA002: 6, 0xA003: 5, 0x927C: b"notes with addresses"}
    exif[POSITION] = {1: "N", 2: (36.0, 10.0, 0.0)}
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, file_format, exif=exif.tobytes(), dpi=(300, 300), icc_profile=PROFILE)
    image = Image.open(file)
    image.load()
    return image


@pytest.mark.parametrize("source", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("target", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_who_when_where_and_how_is_kept(source, target):
    image = photograph(source)
    large = Image.new("RGB", (12, 10))
    file = io.BytesIO()
    large.save(file, target, **metadata(image, large, target))
    written = Image.open(file)
    written.load()
    assert written.size == (12, 10)
    exif = written.getexif()
    assert (exif[0x010F], exif[0x0132]) == ("Maker", "2016:06:27 12:00:00")
    assert float(exif.get_ifd(EXPOSURE)[0x829A]) == pytest.approx(1 / 250)
    assert not {0xA002, 0xA003, 0x927C} & set(exif.get_ifd(EXPOSURE)), "sizes and addresses that no longer hold"
    assert exif.get_ifd(POSITION)[1] == "N"
    assert written.info["icc_profile"] == PROFILE
    if target != "WEBP":
        assert [round(float(number)) for number in written.info["dpi"]] == [300, 300]


def test_what_a_format_cannot_hold_is_left_out():
    image = photograph("JPEG")
    large = Image.new("L", (12, 10))
    assert metadata(image, large, "PPM") == {}, "a grey picture has no use for the profile of a coloured one"
    assert set(metadata(image, Image.new("RGB", (2, 2)), "BMP")) == {"icc_profile", "dpi"}


@pytest.mark.parametrize("resolution", [None, (0, 0), ("a", "b"), (300,), (float("nan"), 1), 300])
def test_a_resolution_that_is_none_is_left_out(resolution):
    image = Image.new("RGB", (2, 2))
    image.info["dpi"] = resolution
    assert metadata(image, image, "PNG") == {}


def test_damaged_exif_data_are_left_out():
    image = Image.new("RGB", (2, 2))
    image.info["exif"] = b"Exif\0\0II*\0\xff\xff\xff\xff nonsense"
    assert "exif" not in metadata(image, image, "JPEG")
