from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidrcn.data.resize import imresize

scales = st.sampled_from([1 / 4, 1 / 3, 1 / 2, 2 / 3, 1, 1.5, 2, 3, 4])


@given(st.integers(1, 20), st.integers(1, 20), scales)
def test_the_size_is_rounded_up_and_a_constant_stays_constant(H, W, scale):
    image = np.full((H, W), 0.3)
    resized = imresize(image, scale)
    assert resized.shape == (int(np.ceil(H * scale)), int(np.ceil(W * scale)))
    assert np.abs(resized - 0.3).max() < 1e-14


@given(st.integers(2, 12), st.integers(2, 12), scales)
def test_it_is_linear_and_treats_both_axes_and_channels_alike(H, W, scale):
    rng = np.random.default_rng(H * 20 + W)
    a, b = rng.standard_normal((2, H, W))
    assert np.abs(imresize(2 * a - b, scale) - (2 * imresize(a, scale) - imresize(b, scale))).max() < 1e-12
    assert np.abs(imresize(a.T, scale) - imresize(a, scale).T).max() < 1e-12
    stacked = imresize(np.dstack([a, b]), scale)
    assert np.abs(stacked[..., 1] - imresize(b, scale)).max() < 1e-14


@given(st.integers(2, 12), scales)
def test_mirrored_images_give_mirrored_results(size, scale):
    image = np.random.default_rng(size).standard_normal((size, 3))
    out = size * scale
    if out == int(out):
        assert np.abs(imresize(image[::-1], scale) - imresize(image, scale)[::-1]).max() < 1e-12


def test_enlarging_by_two_has_keys_weights():
    # Worked out by hand: at a quarter of a pixel, Keys' kernel (a = -1/2) gives -9, 111, 29, -3 over 128.
    image = np.zeros((1, 9))
    image[0, 4] = 1
    row = imresize(np.repeat(image, 4, axis=0), 2)[3]
    expected = np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 128
    assert np.abs(row[5:13] - expected).max() < 1e-14
    assert not row[:5].any()
    assert not row[13:].any()


def test_shrinking_averages_over_what_a_pixel_covers():
    checkerboard = np.indices((16, 16)).sum(axis=0) % 2.0
    assert np.abs(imresize(checkerboard, 1 / 2)[2:-2, 2:-2] - 0.5).max() < 1e-12


def test_a_straight_line_stays_straight_inside():
    line = np.tile(np.arange(20.0), (8, 1))
    doubled = imresize(line, 2)
    assert np.abs(np.diff(doubled[8, 4:-4]) - 0.5).max() < 1e-12


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_the_dtype_is_kept(dtype):
    assert imresize(np.ones((4, 5), dtype), 2).dtype == dtype


def test_uint8_saturates():
    image = np.zeros((6, 6), np.uint8)
    image[:, 3:] = 255
    assert {0, 255} <= set(np.unique(imresize(image, 3)).tolist())


@pytest.mark.parametrize(
    ("image", "scale", "message"),
    [
        (np.zeros((3, 4), int), 2, "floats or uint8"),
        (np.zeros(3), 2, "shape"),
        (np.zeros((0, 4)), 2, "shape"),
        (np.zeros((3, 4)), 0, "scale must be positive"),
        (np.zeros((3, 4)), float("nan"), "scale must be positive"),
    ],
)
def test_wrong_input_is_named(image, scale, message):
    with pytest.raises(ValueError, match=message):
        imresize(image, scale)
