from __future__ import annotations

import contract
import numpy as np
from conftest import relative_error
from hypothesis import given
from hypothesis import strategies as st

from minidrcn.ops import conv, narrow


def test_backward_passes_finite_differences(xp, rng):
    contract.check_conv2d_backward(narrow.conv2d_backward, narrow.conv2d_forward, xp, rng)


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(1, 3))
def test_agrees_with_the_plain_pair(N, H, W, C, F):
    rng = np.random.default_rng(H + 10 * W)
    shapes = ((N, H, W, C), (3, 3, C, F), (F,), (N, H, W, F))
    x, w, b, dy = (rng.standard_normal(shape) for shape in shapes)
    y, cache = narrow.conv2d_forward(x, w, b)
    expected, expected_cache = conv.conv2d_forward(x, w, b)
    assert relative_error(y, expected) < 1e-12
    pairs = zip(narrow.conv2d_backward(dy, cache), conv.conv2d_backward(dy, expected_cache), strict=True)
    assert all(relative_error(ours, theirs) < 1e-12 for ours, theirs in pairs)
