from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from minidrcn.data.image_io import (
    format_to_write,
    luma,
    read_image,
    rgb_to_ycbcr,
    to_array,
    to_pixels,
    write_image,
    ycbcr_to_rgb,
)
from minidrcn.data.metadata import metadata
from minidrcn.errors import InputError


def test_luma_is_bt601_in_studio_range():
    colours = np.array([[[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]], dtype=float)
    expected = np.array([[16, 235, 16 + 65.481, 16 + 128.553, 16 + 24.966]]) / 255
    assert np.abs(luma(colours) - expected).max() < 1e-12


def test_a_grey_image_is_rgb_with_equal_channels(rng):
    grey = rng.random((4, 5))
    assert np.abs(luma(grey) - luma(np.dstack([grey] * 3))).max() < 1e-12


def test_there_as_scikit_image_goes_and_back(rng):
    from skimage.color import rgb2ycbcr

    rgb = rng.random((4, 5, 3))
    ycbcr = rgb_to_ycbcr(rgb)
    assert ycbcr.min() >= 16 / 255
    assert ycbcr.max() <= 240 / 255
    assert np.abs(ycbcr_to_rgb(ycbcr) - rgb).max() < 1e-9
    assert np.abs(ycbcr - rgb2ycbcr(rgb) / 255).max() < 1e-12


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


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg", "a.webp"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_turned_upright_once_whatever_the_format(tmp_path, name, mode):
    i, j = np.mgrid[:32, :48]
    image = Image.fromarray((4 * i + 2 * j).astype(np.uint8)).convert(mode)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    image.save(tmp_path / name, exif=exif)
    upright = read_image(tmp_path / name)
    assert np.abs(luma(to_array(upright)) - np.rot90(luma(to_array(image)), -1)).max() < 0.03
    assert upright.getexif()[0x010F] == "Maker"


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
    with pytest.raises(InputError, match="holds several pictures; save the one that you want as a file"):
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


@pytest.mark.parametrize("mode", ["La", "RGBa"])
def test_premultiplied_colours_are_divided_by_their_opacity(mode):
    image = Image.new(mode, (2, 1), (50, 100) if mode == "La" else (50, 50, 50, 100))
    assert to_pixels(image)[0, 0].tolist() == [127, 100] if mode == "La" else [127, 127, 127, 100]
    assert np.allclose(to_array(image), 127 / 255)


def retagged(path, **tags):
    """Change the first value of tags in a TIFF file that Pillow wrote; `t258=12` is BitsPerSample."""
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", data, 4)
    for k in range(struct.unpack_from("<H", data, start)[0]):
        at = start + 2 + 12 * k
        value = tags.get(f"t{struct.unpack_from('<H', data, at)[0]}")
        if value is not None:
            struct.pack_into("<H", data, at + 8, value)
    path.write_bytes(data)


def test_a_grey_tiff_with_premultiplied_opacity(tmp_path):
    Image.new("LA", (5, 4), (50, 100)).save(tmp_path / "a.tif")
    retagged(tmp_path / "a.tif", t338=1)
    try:
        Image.open(tmp_path / "a.tif").close()
    except UnidentifiedImageError:
        pytest.skip("this Pillow does not read it")
    image = read_image(tmp_path / "a.tif")
    assert image.mode == "La"
    assert to_pixels(image)[0, 0].tolist() == [127, 100]


def test_sixteen_bit_tiffs_where_white_is_zero_and_those_of_12_bits(tmp_path):
    values = np.array([[0, 1000, 65535]], dtype=np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(values).save(tmp_path / "a.tif", exif=exif)
    retagged(tmp_path / "a.tif", t262=0)
    assert to_pixels(read_image(tmp_path / "a.tif")).tolist() == [[65535], [64535], [0]], "and turned upright"
    Image.fromarray(np.frombuffer(b"\xff\xf8\x00\x00", dtype=np.uint16)[None]).save(tmp_path / "b.tif")
    retagged(tmp_path / "b.tif", t258=12)
    assert to_pixels(read_image(tmp_path / "b.tif")).tolist() == [[65535, round(0x800 / 4095 * 65535)]]


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_the_gamma_of_a_png_is_applied(tmp_path, mode):
    colour = {"L": 174, "LA": (174, 80), "RGB": (174, 0, 255), "RGBA": (174, 0, 255, 80), "I;16": 174 * 257}[mode]
    others = (("b", 0.45455, ()), ("c", 0.25, [(b"sRGB", b"\0")]), ("d", 0.0, ()), ("e", 40_000.0, ()))
    for name, gamma, extra in (("a", 0.25, ()), *others):
        chunks = PngImagePlugin.PngInfo()
        chunks.add(b"gAMA", struct.pack(">I", round(100000 * gamma)))
        for chunk in extra:
            chunks.add(*chunk)
        Image.new(mode, (2, 1), colour).save(tmp_path / f"{name}.png", pnginfo=chunks)
    shown, *others = (to_pixels(read_image(tmp_path / f"{name}.png"))[0, 0] for name in "abcde")
    for other in others:
        assert np.array_equal(other, np.ravel(colour) if np.ndim(other) else colour)
    assert round(np.ravel(shown)[0] / (257 if mode == "I;16" else 1)) == 127
    assert np.ravel(shown)[1:].tolist() == np.ravel(colour)[1:].tolist(), "black, white and opacity stay"


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "I;16"])
def test_texts_under_the_names_of_other_things_are_texts(tmp_path, mode):
    names = ("gamma", "srgb", "icc_profile", "exif", "Raw profile type exif", "dpi", "transparency", "16 bits", "xmp")
    for name in names:
        text = PngImagePlugin.PngInfo()
        text.add_text(name, "2.2")
        Image.new(mode, (3, 2)).save(tmp_path / "a.png", pnginfo=text)
        image = read_image(tmp_path / "a.png")
        pixels = to_pixels(image)
        assert not pixels[..., :3].any() if pixels.ndim == 3 else not pixels.any()
        write_image(Image.fromarray(pixels), tmp_path / "b.png", metadata(image, Image.fromarray(pixels), "PNG"), True)


def cmyk_profile() -> bytes:
    """An ICC profile of a press whose inks are all grey, each 20 darker in L* (ICC.1:2001-04, lut8Type)."""
    lightness = [round(255 / 100 * (100 - 20 * bin(node).count("1"))) for node in range(16)]
    grid = bytes(value for L in lightness for value in (L, 128, 128))
    ramp, one = bytes(range(256)), struct.pack(">i", 65536)
    matrix = b"".join(one if k % 4 == 0 else bytes(4) for k in range(9))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + 4 * ramp + grid + 3 * ramp
    d50 = struct.pack(">3i", 63190, 65536, 54061)
    header = struct.pack(">I4xI", 144 + len(table), 0x02400000) + b"prtrCMYKLab " + bytes(12) + b"acsp" + bytes(28)
    return header + d50 + bytes(48) + struct.pack(">I4sII", 1, b"A2B0", 144, len(table)) + table


def test_a_cmyk_image_is_converted_by_its_profile(tmp_path):
    cyan = Image.new("CMYK", (3, 2), (255, 0, 0, 0))
    cyan.save(tmp_path / "a.tif", icc_profile=cmyk_profile())
    grey = to_pixels(read_image(tmp_path / "a.tif"))[0, 0].astype(int)
    assert np.abs(grey - 198).max() <= 2, "L* = 80"
    for profile in (None, b"damaged"):
        cyan.save(tmp_path / "b.tif", icc_profile=profile)
        assert to_pixels(read_image(tmp_path / "b.tif"))[0, 0].tolist() == [0, 255, 255]


def test_sixteen_bits_that_pillow_reads_as_eight_are_said(tmp_path):
    def png(colour_type, samples):
        values = np.full((2, 3, samples), 0x80FF, dtype=">u2")
        rows = b"".join(b"\0" + row.tobytes() for row in values)
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in (
                (b"IHDR", struct.pack(">IIBBBBB", 3, 2, 16, colour_type, 0, 0, 0)),
                (b"IDAT", zlib.compress(rows)),
                (b"IEND", b""),
            )
        )

    for colour_type, samples, mode in ((2, 3, "RGB"), (4, 2, "LA"), (6, 4, "RGBA"), (0, 1, "I;16")):
        (tmp_path / "a.png").write_bytes(png(colour_type, samples))
        image = read_image(tmp_path / "a.png")
        assert (image.mode, "16 bits" in image.info) == (mode, samples > 1)


@pytest.mark.parametrize("name", ["gamma", "transparency", "icc_profile"])
@pytest.mark.parametrize("mode", ["L", "P", "RGB", "I;16"])
def test_texts_are_texts_in_an_image_that_pillow_has_opened(tmp_path, mode, name):
    text = PngImagePlugin.PngInfo()
    text.add_text(name, "2.2")
    image = Image.new(mode, (3, 2))
    image.save(tmp_path / "a.png", pnginfo=text)
    with Image.open(tmp_path / "a.png") as opened:
        assert np.array_equal(to_pixels(opened), to_pixels(image))
        assert opened.info[name] == "2.2", "as it was"


def test_five_or_six_bits_a_channel_are_not_sixteen(tmp_path):
    about = struct.pack("<IiiHHIIiiIIIII", 40, 2, 1, 1, 16, 3, 4, 0, 0, 0, 0, 0xF800, 0x07E0, 0x001F)
    pixels = struct.pack("<HH", 0xF800, 0x001F)
    (tmp_path / "a.bmp").write_bytes(struct.pack("<2sIHHI", b"BM", 70, 0, 0, 66) + about + pixels)
    image = read_image(tmp_path / "a.bmp")
    assert image.getpixel((0, 0)) == (255, 0, 0)
    assert "16 bits" not in image.info


def test_a_film_or_a_document_is_no_photograph(tmp_path):
    (tmp_path / "a.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    with pytest.raises(InputError, match="no image that Pillow can read"):
        read_image(tmp_path / "a.eps")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no FIFOs")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png: a pipe or device, expected an image file"):
        read_image(tmp_path / "a.png")


def test_what_libraries_say_of_a_damaged_file_stays_unsaid(tmp_path, capfd):
    Image.effect_noise((40, 30), 90).save(tmp_path / "a.tif", compression="tiff_lzw")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[300:340] = b"\xff" * 40
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(InputError):
        read_image(tmp_path / "a.tif")
    print("heard", file=sys.stderr)
    assert capfd.readouterr() == ("", "heard\n")


def test_a_program_without_a_console_reads_images(tmp_path):
    Image.new("L", (3, 2)).save(tmp_path / "a.png")
    code = "import os, sys; from minidrcn.data.image_io import *; os.closerange(0, 3)\n"
    code += f"sys.exit(7 if read_image({str(tmp_path / 'a.png')!r}).size == (3, 2) else 1)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 7


ENDINGS = ".avif .bmp .dds .dib .jp2 .jpg .mpo .pbm .pcx .pfm .pgm .png .pnm .ppm .qoi .sgi .tga .tif .webp".split()
LOSSY = (".avif", ".jpg", ".mpo", ".webp")


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_format_holds_what_is_written_or_refuses_it(tmp_path, mode, ending):
    channels = len(mode) if mode != "I;16" else 1
    i, j = np.mgrid[:24, :20]
    smooth = np.dstack([40 + 5 * i + 3 * j + 7 * channel for channel in range(channels)])
    pixels = (smooth * 257).astype(np.uint16) if mode == "I;16" else smooth.astype(np.uint8)
    image, path = Image.fromarray(pixels.squeeze()), tmp_path / f"a{ending}"
    if not format_to_write(path):
        pytest.skip("this Pillow does not write it")
    assert image.mode == mode
    try:
        write_image(image, path)
    except InputError as error:
        assert mode not in ("L", "RGB") or ending in (".pbm", ".pfm", ".pgm", ".qoi")
        assert f"a{ending}: cannot hold this image" in str(error)  # noqa: PT017
        assert not any(tmp_path.iterdir())
        return
    found = to_pixels(read_image(path))
    if mode in ("L", "LA") and found.shape[-1] in (3, 4):  # as Pillow reads or writes some formats
        found = found[..., 0] if mode == "L" else found[..., [0, -1]]
    assert found.dtype == pixels.dtype
    assert found.shape == pixels.squeeze().shape
    assert np.abs(found.astype(float) - pixels.squeeze()).max() <= (6 if ending in LOSSY else 0)


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / "a.png"
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        write_image(Image.new("L", (3, 2)), path)
    assert path.read_text() == "precious"
    write_image(Image.new("L", (3, 2)), path, overwrite=True)
    assert read_image(path).size == (3, 2)
    assert list(tmp_path.iterdir()) == [path]
