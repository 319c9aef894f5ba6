from __future__ import annotations

import numpy as np
import pytest

from minidrcn.data.degradation import LUMA_MAX, LUMA_MIN, crop_to_multiple, degrade
from minidrcn.data.patches import draw_batch, load_pair, turned
from minidrcn.errors import InputError


@pytest.fixture
def pairs(rng):
    return [(image + 10, image) for image in (rng.random((7, 9)), rng.random((5, 5)), rng.random((12, 6)))]


def test_a_batch_is_cut_from_input_and_target_alike(pairs, rng):
    x, y = draw_batch(pairs, 20, 5, rng)
    assert x.shape == y.shape == (20, 5, 5, 1)
    assert np.array_equal(x, y + 10)


def test_every_patch_is_a_turned_piece_of_an_image(pairs, rng):
    pieces = {
        turned(y[i : i + 5, j : j + 5], turn).tobytes()
        for _, y in pairs
        for i in range(y.shape[0] - 4)
        for j in range(y.shape[1] - 4)
        for turn in range(8)
    }
    _, y = draw_batch(pairs, 3000, 5, rng)
    drawn = {patch[..., 0].tobytes() for patch in y}
    # 3 * 5 + 1 + 8 * 2 positions in 8 turns; all of them turn up, and nothing else.
    assert len(pieces) == 32 * 8
    assert drawn == pieces


def test_the_generator_decides(pairs):
    draws = [draw_batch(pairs, 4, 5, np.random.default_rng(seed))[0] for seed in (1, 1, 2)]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_the_eight_turns_are_different_and_keep_the_pixels():
    image = np.arange(9.0).reshape(3, 3)
    turns = [turned(image, turn) for turn in range(8)]
    assert len({turn.tobytes() for turn in turns}) == 8
    assert all(sorted(turn.ravel()) == list(range(9)) for turn in turns)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_pair_is_aligned_and_in_range(photo, scale):
    x, y = load_pair(photo / "wave0.png", scale, patch=20)
    assert x.shape == y.shape == (37 - 37 % scale, 46 - 46 % scale)
    assert x.dtype == y.dtype == np.float32
    assert LUMA_MIN - 1e-6 <= x.min() <= x.max() <= LUMA_MAX + 1e-6
    error = np.abs(x - y).mean()
    assert error < np.abs(np.roll(x, 1, axis=0) - y).mean()
    assert error < np.abs(np.roll(x, 1, axis=1) - y).mean()


def test_cropping_and_degrading(rng):
    assert crop_to_multiple(rng.random((7, 9)), 4).shape == (4, 8)
    flat = np.full((8, 6), 0.5)
    assert np.abs(degrade(flat, 2) - flat).max() < 1e-12


def test_an_image_smaller_than_a_patch_is_named(photo):
    with pytest.raises(InputError, match=r"wave0.png: 46 x 36 pixels .* smaller than a patch of 41 x 41; leave"):
        load_pair(photo / "wave0.png", 2, patch=41)
