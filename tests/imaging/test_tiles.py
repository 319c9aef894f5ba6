from __future__ import annotations

import contract
import numpy as np
import pytest
import standin
from conftest import relative_error
from hypothesis import given
from hypothesis import strategies as st

from minidrcn import DRCN
from minidrcn.data.patches import turned, turned_back
from minidrcn.errors import InputError
from minidrcn.imaging.tiles import predict_luma, predict_self_ensemble


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 30), st.integers(1, 3), st.booleans())
def test_tiles_are_seamless(H, W, tile, recursions, relu):
    rng = np.random.default_rng(H * 100 + W)
    model = contract.random_model(rng, filters=2, recursions=recursions, reconstruction_relu=relu)
    x = rng.random((H, W))
    whole, _ = model.predict(x[None, :, :, None])
    assert np.abs(predict_luma(model, x, tile=tile, workers=1) - whole[0, :, :, 0]).max() < 1e-12


@pytest.mark.parametrize("shape", [(97, 61), (41, 130), (3, 200), (1, 1), (17, 17)])
@pytest.mark.parametrize("options", [{}, {"reconstruction_relu": True}, {"recursive_supervision": False}])
def test_tiles_are_seamless_in_float32_with_the_fast_convolution(shape, options, rng):
    double = contract.random_model(rng, filters=16, recursions=4, **options)
    params = {name: value.astype("float32") for name, value in double.params.items()}
    model = DRCN.from_params(params, double.architecture)
    x = rng.random(shape).astype("float32")
    whole = model.predict(x[None, :, :, None])[0][0, :, :, 0]
    for tile in (20, 64, None):
        assert relative_error(predict_luma(model, x, tile=tile), whole) < 1e-5


def test_tiles_are_of_even_size(rng):
    model = contract.random_model(rng, recursions=1)
    sizes = []
    whole = DRCN.predict

    def predict(self, piece, **options):
        sizes.append(piece.shape[1:3])
        return whole(self, piece, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DRCN, "predict", predict)
        predict_luma(model, rng.random((66, 10)), tile=64, workers=1)
    assert sizes == [(33 + 5, 10), (33 + 5, 10)]  # instead of 64 and 2


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


@pytest.mark.parametrize("turn", range(8))
def test_turning_back_undoes_turning(turn, rng):
    image = rng.random((3, 5))
    assert np.array_equal(turned_back(turned(image, turn), turn), image)


def test_the_result_turns_with_the_image(rng):
    model = contract.random_model(rng)
    x = rng.random((9, 12))
    once = predict_self_ensemble(model, x)
    assert once.shape == x.shape
    assert np.array_equal(predict_luma(model, x, self_ensemble=True), once)
    for turn in range(8):
        assert np.abs(turned(once, turn) - predict_self_ensemble(model, turned(x, turn))).max() < 1e-12
    assert np.abs(predict_luma(model, turned(x, 1)) - turned(predict_luma(model, x), 1)).max() > 1e-6


@pytest.mark.parametrize("workers", [1, 2])
def test_weights_that_overflow_are_said_without_a_warning(rng, workers):
    model = DRCN(4, 3)
    model = model.with_params({name: value + np.float32(1e20) for name, value in model.params.items()})
    with pytest.raises(InputError, match="predicts numbers that are not finite"):
        predict_luma(model, rng.random((40, 30), dtype=np.float32), tile=20, workers=workers)
