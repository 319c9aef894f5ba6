from __future__ import annotations

import contract
import pytest
from conftest import relative_error, to_xp

from minidrcn.model import network
from minidrcn.model.fold import fold_backward, fold_forward

BOTH_WAYS = pytest.mark.parametrize("skip", [True, False])


@BOTH_WAYS
@pytest.mark.parametrize("shape", [(2, 5, 4, 1), (1, 1, 1, 1), (1, 1, 6, 1), (2, 7, 2, 1)])
def test_the_folded_network_is_the_same_function(xp, shape, skip, rng):
    model = contract.random_model(rng, filters=11, recursions=2, skip=skip)
    params, x = to_xp(xp, model.params), xp.asarray(rng.random(shape))
    final, ys, cache = network.forward(params, x, model.architecture)
    folded, fold_cache = fold_forward(params)
    assert folded["reconstruct1.w"].shape == (3, 3, 11, 9)
    folded_final, folded_ys, folded_cache = network.forward(folded, x, model.architecture)
    assert relative_error(folded_final, final) < 1e-13
    assert relative_error(folded_ys, ys) < 1e-13

    upstream = to_xp(xp, (rng.standard_normal(final.shape), rng.standard_normal(ys.shape)))
    dx, grads = network.backward(*upstream, cache)
    folded_dx, folded_grads = network.backward(*upstream, folded_cache)
    same = fold_backward(folded_grads, fold_cache)
    assert relative_error(folded_dx, dx) < 1e-13
    assert list(same) == list(grads)
    assert all(relative_error(same[name], grads[name]) < 1e-12 for name in grads)


def test_the_gradients_of_the_fold_pass_finite_differences(rng):
    params = {
        "reconstruct1.w": rng.standard_normal((3, 3, 4, 5)),
        "reconstruct1.b": rng.standard_normal(5),
        "reconstruct2.w": rng.standard_normal((3, 3, 5, 1)),
    }
    upstream = {"reconstruct1.w": rng.standard_normal((3, 3, 4, 9)), "reconstruct1.b": rng.standard_normal(9)}

    def f(params):
        folded, cache = fold_forward(params)
        value = sum((folded[name] * dy).sum() for name, dy in upstream.items())
        return value, fold_backward({**upstream, "reconstruct2.w": None}, cache)

    report = contract.check_gradients(f, params, elementwise=True, tolerance=contract.OPERATION_TOLERANCE)
    assert report.ok, f"\n{report}"
