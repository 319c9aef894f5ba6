from __future__ import annotations

import functools

import contract
import numpy as np
import pytest
from conftest import relative_error, to_xp

from minidrcn import joint, network
from minidrcn.convolution import IM2COL, WINOGRAD


@pytest.mark.parametrize(("conv", "filters"), [(IM2COL, 3), (WINOGRAD, 8)], ids=["im2col", "winograd"])
@pytest.mark.parametrize("recursions", [1, 2, 4])
@pytest.mark.parametrize("options", [{}, {"skip": False}, {"output_relu": True, "skip": False}])
def test_every_gradient_passes_finite_differences(conv, filters, recursions, options):
    forward, backward = (functools.partial(f, conv=conv) for f in (joint.forward, joint.backward))
    contract.check_network_backward(backward, forward, recursions=recursions, filters=filters, directions=1, **options)


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("recursions", [1, 2, 5])
def test_agrees_with_the_plain_network(xp, recursions, skip, rng):
    model = contract.random_model(rng, recursions=recursions, skip=skip)
    params, x = to_xp(xp, model.params), xp.asarray(rng.random((2, 5, 4, 1)))
    final, ys, cache = network.forward(params, x, model.architecture)
    joint_final, joint_ys, joint_cache = joint.forward(params, x, model.architecture)
    assert relative_error(final, joint_final) < contract.EXACT
    assert relative_error(ys, joint_ys) < contract.EXACT
    upstream = to_xp(xp, (rng.standard_normal(final.shape), rng.standard_normal(ys.shape)))
    dx, grads = network.backward(*upstream, cache)
    joint_dx, joint_grads = joint.backward(*upstream, joint_cache)
    assert relative_error(dx, joint_dx) < contract.EXACT
    assert joint_grads.keys() == params.keys()
    assert all(relative_error(grads[name], joint_grads[name]) < contract.EXACT for name in grads)


def test_twice_the_same_and_nothing_touched(rng):
    model = contract.random_model(rng, filters=8)
    for value in model.params.values():
        contract.frozen(value)
    x = contract.frozen(rng.random((2, 5, 6, 1)))
    final, ys, cache = joint.forward(model.params, x, model.architecture, WINOGRAD)
    upstream = [contract.frozen(rng.standard_normal(a.shape)) for a in (final, ys)]
    (dx, first), (again, second) = (joint.backward(*upstream, cache, WINOGRAD) for _ in range(2))
    assert np.array_equal(dx, again)
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_it_needs_a_prediction_after_every_recursion():
    assert joint.possible(network.Architecture())
    assert not joint.possible(network.Architecture(recursive_supervision=False))
    assert not joint.possible(network.Architecture(reconstruction_relu=False))
