from __future__ import annotations

import contract
import numpy as np
import pytest

from minidrcn.data.patches import turned, turned_back
from minidrcn.imaging.self_ensemble import predict_self_ensemble
from minidrcn.imaging.tiles import predict_luma


@pytest.mark.parametrize("turn", range(8))
def test_turning_back_undoes_turning(turn, rng):
    image = rng.random((3, 5))
    assert np.array_equal(turned_back(turned(image, turn), turn), image)


def test_the_result_turns_with_the_image(rng):
    model = contract.random_model(rng)
    x = rng.random((9, 12))
    once = predict_self_ensemble(model, x)
    assert once.shape == x.shape
    for turn in range(8):
        assert np.abs(turned(once, turn) - predict_self_ensemble(model, turned(x, turn))).max() < 1e-12
    assert np.abs(predict_luma(model, turned(x, 1)) - turned(predict_luma(model, x), 1)).max() > 1e-6
