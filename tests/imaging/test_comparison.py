from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from minidrcn import DRCN
from minidrcn.imaging.chosen_size import upscale_by
from minidrcn.imaging.comparison import before_after, comparison
from minidrcn.imaging.protocol import load_sample


def test_a_perfect_prediction_of_a_colour_image_shows_its_luma(photo):
    sample = load_sample(photo / "wave0.png", 2)
    figure = comparison(sample, sample.target / 255)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == "whole image"
    assert titles[1].startswith("bicubic (whole image 4")
    assert titles[2:] == ["DRCN (whole image inf dB)", "original"]
    whole, bicubic, drcn, original = (np.asarray(axes.images[0].get_array()) for axes in figure.axes)
    assert whole.shape == (36, 46, 3)
    assert np.abs(drcn - original).mean() < 0.02
    assert np.abs(drcn - original).mean() <= np.abs(bicubic - original).mean()


def test_a_grey_image_stays_grey(tmp_path, rng):
    Image.fromarray(rng.integers(0, 255, (41, 50), dtype=np.uint8)).save(tmp_path / "grey.png")
    sample = load_sample(tmp_path / "grey.png", 3)
    figure = comparison(sample, sample.x)
    assert [axes.images[0].get_array().ndim for axes in figure.axes] == [2, 2, 2, 2]


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "I;16"])
@pytest.mark.parametrize("factor", [2, 3.3])
def test_before_and_after_are_of_one_size_and_cropped_where_they_differ(mode, factor, rng):
    pixels = rng.integers(0, 256, (40, 50), dtype=np.uint8)
    image = Image.fromarray(pixels * np.uint16(257)) if mode == "I;16" else Image.fromarray(pixels).convert(mode)
    large = upscale_by(image, factor, (4,) if factor > 2 else (2,), lambda scale: DRCN(2, 1, scale=scale))
    whole, before, after = before_after(image, large, factor).axes
    assert [axes.get_title() for axes in (whole, before, after)] == ["whole image", "bicubic", "DRCN"]
    assert whole.images[0].get_array().shape[:2] == large.size[::-1]
    assert before.images[0].get_array().shape == after.images[0].get_array().shape


def test_the_crop_is_where_the_network_changes_most(rng):
    image = Image.fromarray(rng.integers(100, 110, (80, 90), dtype=np.uint8))
    large = np.kron(np.asarray(image), np.ones((2, 2), np.uint8))
    large[100:150, 110:160] += 90
    whole = before_after(image, Image.fromarray(large), 2).axes[0]
    frame = whole.patches[0]
    assert 96 <= frame.get_x() <= 110
    assert 86 <= frame.get_y() <= 100


def test_what_is_transparent_is_drawn_on_white():
    for mode, colour in (("RGBA", (200, 0, 0)), ("LA", (200,))):
        image = Image.new(mode, (60, 50), (0,) * len(mode))
        image.paste((*colour, 255), (10, 10, 40, 40))
        whole = before_after(image, image.resize((120, 100)), 2).axes[0].images[0].get_array()
        assert np.allclose(whole[0, 0], 1)
        assert np.allclose(whole[50, 50], np.divide(colour if len(colour) > 1 else colour[0], 255))
