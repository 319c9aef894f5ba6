from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from minidrcn.data import resize
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


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_shrunk_colour_images_are_those_of_an_older_matlab_bit_for_bit(shared_data, scale):
    """Older ones repeated the edge pixel beyond the image, instead of mirroring it."""
    sharp = sorted((shared_data / "golden" / f"Set5_x{scale}").glob("*_HR.png"))
    assert len(sharp) == 5
    for path in sharp:
        image, expected = read_pixels(path), read_pixels(path.with_name(path.name.replace("_HR", "_LR")))
        border = 4 * scale
        padded = np.pad(image, ((border, border), (border, border), (0, 0)), mode="edge")
        assert np.array_equal(imresize(padded, 1 / scale)[4:-4, 4:-4], expected), path.name
        assert not np.array_equal(imresize(image, 1 / scale), expected), "the borders show"


def test_each_axis_is_resized_as_by_matlab_r2015b_bit_for_bit(shared_data):
    """MATLAB's image has another scale along each axis; the one that shrinks more goes first."""
    folder = shared_data / "golden" / "matlab_R2015b"
    image = read_pixels(folder / "lena_512x512.png").astype(float)
    for axis, length in ((0, 123), (1, 234)):
        image = resize._apply(image, *resize._interpolation(512, length, length / 512), axis)
        image = np.clip(np.floor(image + 0.5), 0, 255)
    assert np.array_equal(image, read_pixels(folder / "lena_123x234_uint8.png"))


def test_a_constant_stays_constant_beyond_the_border():
    assert np.abs(imresize(np.full((2, 3), 0.7), 0.3) - 0.7).max() < 1e-14


def read_pixels(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)
