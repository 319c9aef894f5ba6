from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidrcn.ops.memory import Workspace, borrowed_workspace, padded_window


@given(st.integers(-3, 6), st.integers(-3, 6), st.integers(1, 9), st.integers(1, 9))
def test_a_window_is_the_map_with_zeros_around_it(top, left, rows, columns):
    x = np.arange(1.0, 41).reshape(2, 5, 4, 1)
    wide = np.pad(x, ((0, 0), (12, 12), (12, 12), (0, 0)))
    expected = wide[:, 12 + top : 12 + top + rows, 12 + left : 12 + left + columns]
    workspace = Workspace()
    workspace.take("window", (500,), x.dtype).fill(np.nan)
    assert np.array_equal(padded_window(x, top, left, rows, columns), expected)
    assert np.array_equal(padded_window(x, top, left, rows, columns, workspace), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_workspace_hands_out_the_same_memory_again(dtype):
    workspace = Workspace()
    first = workspace.take("a", (3, 4), np.dtype(dtype))
    assert np.shares_memory(first, workspace.take("a", (2, 5), np.dtype(dtype)))
    assert not np.shares_memory(first, workspace.take("b", (3, 4), np.dtype(dtype)))
    assert workspace.take("a", (100,), np.dtype(dtype)).shape == (100,)


def test_workspaces_are_borrowed_and_given_back():
    with borrowed_workspace() as first, borrowed_workspace() as second:
        assert first is not second
    with borrowed_workspace() as again:
        assert again in (first, second)
