from __future__ import annotations

import contract
import numpy as np
import pytest
import standin
from hypothesis import given
from hypothesis import strategies as st

from minidrcn.tiles import predict_luma


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 30), st.integers(1, 3), st.booleans())
def test_tiles_are_seamless(H, W, tile, recursions, relu):
    rng = np.random.default_rng(H * 100 + W)
    model = contract.random_model(rng, filters=2, recursions=recursions, reconstruction_relu=relu)
    x = rng.random((H, W))
    whole, _ = model.predict(x[None, :, :, None])
    assert np.abs(predict_luma(model, x, tile=tile, workers=1) - whole[0, :, :, 0]).max() < 1e-12


def test_workers_and_progress_change_nothing(rng):
    model = contract.random_model(rng, recursions=2)
    x = rng.random((50, 37))
    totals = []

    def progress(results, total):
        totals.append(total)
        return results

    alone = predict_luma(model, x, tile=16, workers=1)
    assert np.array_equal(alone, predict_luma(model, x, tile=16, workers=3, progress=progress))
    assert totals == [4 * 3]


def test_a_network_on_the_device_takes_and_gives_numpy(monkeypatch, rng):
    model = contract.random_model(rng, recursions=2)
    x = rng.random((20, 13))
    expected = predict_luma(model, x, tile=8)
    standin.install(monkeypatch)
    assert np.array_equal(predict_luma(model.to_gpu(), x, tile=8), expected)


def test_wrong_use_is_named(rng):
    model = contract.random_model(rng, recursions=1)
    with pytest.raises(ValueError, match="expected luma"):
        predict_luma(model, rng.random((3, 4, 1)))
    with pytest.raises(ValueError, match="a tile must have"):
        predict_luma(model, rng.random((3, 4)), tile=0)
