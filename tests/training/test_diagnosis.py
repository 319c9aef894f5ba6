from __future__ import annotations

import numpy as np
import pytest

from minidrcn import DRCN
from minidrcn.training.diagnosis import first_non_finite, not_finite


def network(**options):
    return DRCN(3, 3, dtype="float32", **options)


@pytest.fixture
def batch(rng):
    return rng.random((2, 2, 6, 5, 1)).astype("float32")


def spoiled(model, **values):
    """The network with every entry of some parameters replaced by a number."""
    params = {name: p.copy() for name, p in model.params.items()}
    for name, value in values.items():
        params[name.replace("_", ".")][...] = value
    return model.with_params(params)


def test_a_sound_network_is_sound(batch):
    for options in ({}, {"recursive_supervision": False}, {"skip": False, "output_relu": True}):
        assert first_non_finite(network(**options), *batch, 0.5) == ""


def test_a_parameter_is_named_first(batch):
    model = spoiled(network(), recursion_b=np.nan)
    assert first_non_finite(model, *batch, 0.5) == "the parameter recursion.b"
    assert not_finite(model.params) == "recursion.b"


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"embed1_b": 3e38, "embed1_w": 3e38}, "the map of embed1"),
        # 27 entries of 1e13 make the map 1e14 times as large at every recursion.
        ({"recursion_w": 1e13, "recursion_b": 1.0}, "the map of recursion after recursion 3"),
        ({"recursion_w": 1e20, "recursion_b": 1.0}, "the map of recursion after recursion 2"),
        ({"recursion_b": 1e37, "reconstruct1_w": 1e3}, "the map of reconstruct1 after recursion 1"),
        ({"reconstruct2_w": 1e30, "reconstruct2_b": 1e30}, "the gradient of reconstruct2 after recursion 3"),
    ],
)
def test_the_map_or_gradient_that_overflows_first(batch, values, where):
    assert first_non_finite(spoiled(network(), **values), *batch, 0.5) == where


def test_without_supervision_the_reconstruction_is_used_once(batch):
    model = spoiled(network(recursive_supervision=False), recursion_b=1e37, reconstruct1_w=1e3)
    assert first_non_finite(model, *batch, 0.0) == "the map of reconstruct1 after recursion 3"


def test_an_input_that_is_not_finite_shows_in_the_first_map(batch):
    x, y = batch
    assert first_non_finite(network(), x * np.nan, y, 0.5) == "the map of embed1"
    assert first_non_finite(network(), x, y * np.nan, 0.5) == "the gradient of reconstruct2 after recursion 3"
