from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidrcn.ops.memory import Workspace, blocks, cut


@given(st.integers(1, 5), st.integers(1, 9), st.integers(1, 100), st.integers(1, 2000))
def test_blocks_cover_every_row_once_and_keep_the_limit(N, rows, row_bytes, limit):
    seen = np.zeros((N, rows), dtype=int)
    for n, r in blocks(N, rows, row_bytes, limit):
        seen[n, r] += 1
        assert seen[n, r].size * row_bytes <= max(limit, row_bytes)
    assert (seen == 1).all()


@given(st.integers(-3, 6), st.integers(-3, 6), st.integers(1, 9), st.integers(1, 9))
def test_a_window_is_the_map_with_zeros_around_it(top, left, rows, columns):
    x = np.arange(1.0, 41).reshape(2, 5, 4, 1)
    wide = np.pad(x, ((0, 0), (12, 12), (12, 12), (0, 0)))
    expected = wide[:, 12 + top : 12 + top + rows, 12 + left : 12 + left + columns]
    workspace = Workspace()
    workspace.take("cut", (500,), x.dtype).fill(np.nan)
    assert np.array_equal(cut(x, top, left, rows, columns), expected)
    assert np.array_equal(cut(x, top, left, rows, columns, workspace), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_workspace_hands_out_the_same_memory_again(dtype):
    workspace = Workspace()
    first = workspace.take("a", (3, 4), np.dtype(dtype))
    assert np.shares_memory(first, workspace.take("a", (2, 5), np.dtype(dtype)))
    assert not np.shares_memory(first, workspace.take("b", (3, 4), np.dtype(dtype)))
    assert workspace.take("a", (100,), np.dtype(dtype)).shape == (100,)
