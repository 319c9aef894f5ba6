"""Checks of backward passes through shared weights: the recursion, the recursion with supervision, the whole network.

The right gradients are finite differences with a separate weight for each use, one at a time. The shared weight's
gradient is the sum of these, and a function that returns a single one of them can be told so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

import numpy as np

from ...model import network
from ...model.drcn import DRCN
from ...ops.conv import conv2d_forward
from ...ops.pointwise import relu_forward
from .cases import Sizes, comparing, derivatives, draw, pick
from .judge import Case, by_position
from .recursive import recursion_forward, supervision_forward

RECURSIONS = (
    {"N": 2, "H": 4, "W": 3, "F": 2, "K": 3, "D": 3},
    {"N": 3, "H": 3, "W": 4, "F": 2, "K": 3, "D": 4},
    {"N": 3, "H": 4, "W": 4, "F": 2, "K": 3, "D": 2},
)


def _off_kinks(layers: Iterable[tuple[tuple, np.ndarray]]) -> bool:
    """Whether no finite-difference step crosses a ReLU's kink, after convolutions with these caches and biases."""
    return min(np.abs(conv2d_forward(*cache, b)[0]).min() for cache, b in layers) > 1e-3


def _draw(rng: np.random.Generator, sizes: Sizes) -> tuple[np.ndarray, ...]:
    """h_0, w, b, v, c at which no ReLU is near its kink, with as much signal after the last recursion as before."""
    while True:
        h, w, b, v, c = draw(rng, sizes, "NHWF", "KKFF", "F", "KKF1", "1")
        h, w, b = np.abs(h), w * np.sqrt(2 / w[..., 0].size), 0.5 * np.abs(b)
        if _off_kinks((cache, b) for cache, _ in recursion_forward(h, w, b, sizes["D"])[1]):
            return h, w, b, v, c


def _untied(h: np.ndarray, ws: Sequence, bs: Sequence, vs: Sequence, cs: Sequence) -> Iterator[tuple]:
    """h_d and y_d of every recursion, each with parameters of its own."""
    for w, b, v, c in zip(ws, bs, vs, cs, strict=True):
        z, _ = conv2d_forward(h, w, b)
        h, _ = relu_forward(z)
        yield h, conv2d_forward(h, v, c)[0]


def _by_use(loss: Callable, h: np.ndarray, D: int, **shared: np.ndarray) -> tuple[dict, dict]:
    """The derivatives by h_0 and by shared parameters, and what each of the D uses of a parameter contributes.

    `loss(h_0, w, ...)` takes D copies of each parameter, one for each use.
    """
    uses = derivatives(loss, h_0=h, **{name: np.stack([parameter] * D) for name, parameter in shared.items()})
    dh_0 = uses.pop("dh_0")
    return {"dh_0": dh_0, **{name: contributions.sum(axis=0) for name, contributions in uses.items()}}, uses


@comparing("course.checks.recursive:recursion_backward", RECURSIONS)
def check_recursion_backward(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(dh, caches) -> dh_0, dw, db`, the backward pass of `recursive.recursion_forward`."""
    D, (h, w, b, v, c) = sizes["D"], _draw(rng, sizes)
    dh = rng.standard_normal(h.shape)

    def loss(h_0: np.ndarray, w: Sequence, b: Sequence) -> float:
        *_, (h_D, _) = _untied(h_0, w, b, [v] * D, [c] * D)
        return (h_D * dh).sum()

    right, uses = _by_use(loss, h, D, w=w, b=b)
    _, caches = recursion_forward(h, w, b, D)
    return [Case((dh, caches), right, sizes, uses=uses)]


@comparing("course.checks.recursive:supervision_backward", RECURSIONS)
def check_supervision_backward(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(dys, caches) -> dh_0, dw, db, dv, dc`, the backward pass of `recursive.supervision_forward`."""
    D, (h, w, b, v, c) = sizes["D"], _draw(rng, sizes)
    dys = rng.standard_normal((D, *h.shape[:3], 1))

    def loss(h_0: np.ndarray, w: Sequence, b: Sequence, v: Sequence, c: Sequence) -> float:
        return sum((y * dy).sum() for (_, y), dy in zip(_untied(h_0, w, b, v, c), dys, strict=True))

    right, uses = _by_use(loss, h, D, w=w, b=b, v=v, c=c)
    _, caches = supervision_forward(h, w, b, v, c, D)
    return [Case((dys, caches), right, sizes, uses=uses)]


@comparing("model.network:backward", RECURSIONS, unpack=by_position(("dx", "grads"), of_dicts=["grads"]))
def check_network_backward(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(dfinal, dys, cache) -> dx, grads`, the backward pass of `minidrcn.model.network.forward`."""
    seed = int(rng.integers(2**31))
    model = DRCN(sizes["F"], sizes["D"], seed, dtype="float64", reconstruction_relu=True, conv="im2col")
    while True:
        params = {name: p + 0.3 * rng.standard_normal(p.shape) for name, p in model.params.items()}
        params = {name: np.abs(p) if name.endswith(".b") else p for name, p in params.items()}
        x = rng.random(pick(sizes, "NHW1"))
        final, ys, cache = network.forward(params, x, model.architecture)
        layers = chain(cache.embed1, cache.embed2, *cache.hidden)  # a ReLU follows each of them
        if _off_kinks((conv_cache, params[f"{name}.b"]) for name, conv_cache, _ in layers):
            break
    dfinal, dys = rng.standard_normal(final.shape), rng.standard_normal(ys.shape)

    def loss(x: np.ndarray, **params: np.ndarray) -> float:
        final, ys, _ = network.forward(params, x, model.architecture)
        return (final * dfinal).sum() + (ys * dys).sum()

    grads = derivatives(loss, x=x, **params)
    right = {"dx": grads.pop("dx"), **{f"grads[{name[1:]!r}]": gradient for name, gradient in grads.items()}}
    return [Case((dfinal, dys, cache), right, sizes)]
