from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from minidrcn import DRCN, upscale_image
from minidrcn.data.resize import imresize
from minidrcn.imaging.chosen_size import passes, resized, upscale_by, whole


@pytest.mark.parametrize(
    ("factor", "expected"),
    [(1.01, (2,)), (2, (2,)), (2.01, (3,)), (3.5, (4,)), (4, (4,)), (4.1, (2, 3)), (6.5, (2, 4)), (8.5, (3, 3)),
     (9.5, (3, 4)), (12.5, (4, 4)), (16, (4, 4)), (16.1, None), (1, None), (0.5, None)],
)  # fmt: skip
def test_the_next_larger_scale_or_two_passes(factor, expected):
    assert passes(factor, (2, 3, 4)) == expected


def test_a_network_for_one_scale_goes_twice():
    assert passes(3, (2,)) == (2, 2)
    assert passes(3, (3,)) == (3,)
    assert passes(5, (2,)) is None


def test_every_size_is_reached_to_the_pixel():
    for side in (1, 3, 7, 46, 451, 4096):
        for wanted in {side + 1, 2 * side, 3 * side, 2 * side + 1, 1920} - set(range(side + 1)):
            factor = wanted / side
            for scale in (2, 3, 4, 6, 8, 16):
                assert scale < factor or math.ceil(whole(factor / scale) * scale * side) == wanted
            assert math.ceil(whole(factor) * side) == wanted, "as in the comparison"


def test_the_networks_come_in_turn_and_the_rest_is_imresize(rng):
    image = Image.fromarray(rng.integers(0, 256, (7, 9, 3), dtype=np.uint8))
    networks = {scale: DRCN(2, 1, scale=scale) for scale in (2, 3)}
    large = upscale_by(image, 5, (2, 3), networks.get)
    six = upscale_image(upscale_image(image, 2, networks[2]), 3, networks[3])
    assert large.size == (45, 35)
    assert np.array_equal(np.asarray(large), np.asarray(resized(six, 5 / 6)))
    exact = imresize(np.asarray(six) / 255, whole(5 / 6))
    assert np.abs(np.asarray(large) / 255 - np.clip(exact, 0, 1)).max() < 0.51 / 255
    assert upscale_by(image, 2, (2,), networks.get) == upscale_image(image, 2, networks[2])


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_modes_and_values_are_kept(mode):
    value = {"L": 200, "LA": (200, 90), "RGB": (9, 99, 255), "RGBA": (9, 99, 255, 90), "I;16": 51234}[mode]
    dtype = np.uint16 if mode == "I;16" else np.uint8
    small = resized(Image.fromarray(np.full((9, 12, *np.shape(value)), value, dtype)), 0.7)
    assert (small.mode, small.size) == (mode, (9, 7))
    assert (np.asarray(small) == np.asarray(value)).all()


def test_hidden_colours_give_no_fringe():
    image = Image.new("RGBA", (12, 10), (200, 10, 10, 255))
    image.paste((0, 255, 0, 0), (0, 0, 6, 10))
    pixels = np.asarray(resized(image, 0.75)).astype(int)
    visible = pixels[pixels[..., 3] > 20]
    assert np.abs(visible[:, :3] - (200, 10, 10)).max() <= 2
