from __future__ import annotations

import numpy as np
from PIL import Image

from minidrcn.imaging.comparison import comparison
from minidrcn.imaging.protocol import load_sample


def test_a_perfect_prediction_of_a_colour_image_shows_its_luma(photo):
    sample = load_sample(photo / "wave0.png", 2)
    figure = comparison(sample, sample.target / 255)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == "whole image"
    assert titles[1].startswith("bicubic 4")
    assert titles[2:] == ["DRCN inf dB", "original"]
    whole, bicubic, drcn, original = (np.asarray(axes.images[0].get_array()) for axes in figure.axes)
    assert whole.shape == (36, 46, 3)
    assert np.abs(drcn - original).mean() < 0.02
    assert np.abs(drcn - original).mean() <= np.abs(bicubic - original).mean()


def test_a_grey_image_stays_grey(tmp_path, rng):
    Image.fromarray(rng.integers(0, 255, (41, 50), dtype=np.uint8)).save(tmp_path / "grey.png")
    sample = load_sample(tmp_path / "grey.png", 3)
    figure = comparison(sample, sample.x)
    assert [axes.images[0].get_array().ndim for axes in figure.axes] == [2, 2, 2, 2]
