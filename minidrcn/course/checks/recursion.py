"""Checks of backward passes through shared weights: the recursion, the recursion with supervision, the whole network.

The right gradients are finite differences with a separate weight for each use, one at a time. The shared weight's
gradient is the sum of these, and a function that returns a single one of them can be told so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from ...grad_check import numeric_gradient
from ...model import network
from ...model.drcn import DRCN
from ...model.network import PlainLayers
from ...ops.conv import conv2d_forward
from ...ops.pointwise import relu_forward
from .cases import Sizes, comparing, pick
from .judge import Case, Unusable, by_position
from .recursive import recursion_forward, supervision_forward

RECURSIONS = (
    {"N": 2, "H": 4, "W": 3, "F": 2, "K": 3, "D": 3},
    {"N": 3, "H": 3, "W": 4, "F": 2, "K": 3, "D": 4},
    {"N": 3, "H": 4, "W": 4, "F": 2, "K": 3, "D": 2},
)

KINK = 1e-3  # the least |input| of a ReLU, so that no finite-difference step crosses its kink


def _draw(rng: np.random.Generator, sizes: Sizes) -> tuple[np.ndarray, ...]:
    """h_0, w, b, v, c at which no ReLU is near its kink, with as much signal after the last recursion as before."""
    F, fan_in = sizes["F"], sizes["K"] ** 2 * sizes["F"]
    while True:
        h = np.abs(rng.standard_normal(pick(sizes, "NHWF")))
        w = rng.standard_normal(pick(sizes, "KKFF")) * np.sqrt(2 / fan_in)
        b = 0.5 * np.abs(rng.standard_normal(F))
        v, c = rng.standard_normal((*pick(sizes, "KKF"), 1)), rng.standard_normal(1)
        if _distance_to_kink(h, w, b, sizes["D"]) > KINK:
            return h, w, b, v, c


def _distance_to_kink(h: np.ndarray, w: np.ndarray, b: np.ndarray, D: int) -> float:
    distance = np.inf
    for _ in range(D):
        z, _ = conv2d_forward(h, w, b)
        distance = min(distance, float(np.abs(z).min()))
        h, _ = relu_forward(z)
    return distance


def _untied(h: np.ndarray, ws: Sequence, bs: Sequence, vs: Sequence, cs: Sequence) -> Iterator[tuple]:
    """h_d and y_d of every recursion, each with parameters of its own."""
    for w, b, v, c in zip(ws, bs, vs, cs, strict=True):
        z, _ = conv2d_forward(h, w, b)
        h, _ = relu_forward(z)
        yield h, conv2d_forward(h, v, c)[0]


def _by_use(loss: Callable, h: np.ndarray, D: int, **shared: np.ndarray) -> tuple[dict, dict]:
    """The derivatives by h and by shared parameters, and what each of the D uses of a parameter contributes.

    `loss(h, w=[w] * D, ...)` takes a parameter for each use.
    """
    tied = {name: [parameter] * D for name, parameter in shared.items()}

    def contribution(name: str, d: int) -> np.ndarray:
        before, after = tied[name][:d], tied[name][d + 1 :]
        return numeric_gradient(lambda p: loss(h, **{**tied, name: [*before, p, *after]}), shared[name])

    uses = {f"d{name}": [contribution(name, d) for d in range(D)] for name in shared}
    dh_0 = numeric_gradient(lambda h: loss(h, **tied), h)
    return {"dh_0": dh_0, **{name: sum(parts) for name, parts in uses.items()}}, uses


def _unpack_network(value: Any) -> dict:
    named = by_position(("dx", "grads"))(value)
    if not isinstance(named["grads"], dict):
        raise Unusable("the second of the two results must be a dict of gradients")
    return {"dx": named["dx"], **named["grads"]}


@comparing("course.checks.recursive:recursion_backward", RECURSIONS)
def check_recursion_backward(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(dh, caches) -> dh_0, dw, db`, the backward pass of `recursive.recursion_forward`."""
    D, (h, w, b, v, c) = sizes["D"], _draw(rng, sizes)
    dh = rng.standard_normal(h.shape)

    def loss(h: np.ndarray, w: Sequence, b: Sequence) -> float:
        *_, (h_D, _) = _untied(h, w, b, [v] * D, [c] * D)
        return (h_D * dh).sum()

    right, uses = _by_use(loss, h, D, w=w, b=b)
    _, caches = recursion_forward(h, w, b, D)
    return [Case((dh, caches), right, sizes, uses=uses)]


@comparing("course.checks.recursive:supervision_backward", RECURSIONS)
def check_supervision_backward(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(dys, caches) -> dh_0, dw, db, dv, dc`, the backward pass of `recursive.supervision_forward`."""
    D, (h, w, b, v, c) = sizes["D"], _draw(rng, sizes)
    dys = rng.standard_normal((D, *h.shape[:3], 1))

    def loss(h: np.ndarray, w: Sequence, b: Sequence, v: Sequence, c: Sequence) -> float:
        return sum((y * dy).sum() for (_, y), dy in zip(_untied(h, w, b, v, c), dys, strict=True))

    right, uses = _by_use(loss, h, D, w=w, b=b, v=v, c=c)
    _, caches = supervision_forward(h, w, b, v, c, D)
    return [Case((dys, caches), right, sizes, uses=uses)]


@comparing("model.network:backward", RECURSIONS, unpack=_unpack_network)
def check_network_backward(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(dfinal, dys, cache) -> dx, grads`, the backward pass of `minidrcn.model.network.forward`."""
    params, x, architecture = _draw_network(rng, sizes)
    final, ys, cache = network.forward(params, x, architecture)
    dfinal, dys = rng.standard_normal(final.shape), rng.standard_normal(ys.shape)

    def loss(params: dict, x: np.ndarray) -> float:
        final, ys, _ = network.forward(params, x, architecture)
        return (final * dfinal).sum() + (ys * dys).sum()

    def gradient(name: str) -> np.ndarray:
        return numeric_gradient(lambda p: loss({**params, name: p}, x), params[name])

    right = {"dx": numeric_gradient(lambda x: loss(params, x), x), **{name: gradient(name) for name in params}}
    return [Case((dfinal, dys, cache), right, sizes)]


def _draw_network(rng: np.random.Generator, sizes: Sizes) -> tuple[dict, np.ndarray, network.Architecture]:
    """Parameters and an input at which no ReLU is near its kink."""
    seed = int(rng.integers(2**31))
    model = DRCN(sizes["F"], sizes["D"], seed, dtype="float64", reconstruction_relu=True, conv="im2col")
    while True:
        params = {name: p + 0.3 * rng.standard_normal(p.shape) for name, p in model.params.items()}
        params = {name: np.abs(p) if name.endswith(".b") else p for name, p in params.items()}
        x = rng.random((*pick(sizes, "NHW"), 1))
        distances = []

        def forward(x, w, b, distances=distances):
            y, cache = conv2d_forward(x, w, b)
            if w.shape[3] > 1:  # no ReLU follows the last convolution, the one with a single filter
                distances.append(np.abs(y).min())
            return y, cache

        network.forward(params, x, model.architecture, partial(PlainLayers, conv_forward=forward))
        if min(distances) > KINK:
            return params, x, model.architecture
