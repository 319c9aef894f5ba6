"""Diagnosis of exploded training: where is the first number that is infinite or NaN?"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from ..backend import Array, is_finite
from ..model.drcn import DRCN
from ..model.network import Params
from ..ops import winograd


def not_finite(arrays: Params) -> str:
    """The name of the first array that holds a number that is not finite, or ""."""
    return next((name for name, array in arrays.items() if not is_finite(array)), "")


def first_non_finite(model: DRCN, x: Array, y: Array, alpha: float) -> str:
    """The first infinity or NaN: in a parameter, else in a map of the forward pass, else in a gradient.

    Both passes run with an instrumented convolution that checks every result. Layers that are used after every
    recursion are named with its number.

    Args:
        model: the network before the update that failed.
        x: that update's inputs, (N, H, W, 1).
        y: its targets.
        alpha: its weight of the recursions' own predictions.

    Returns:
        as part of a sentence: "the map of recursion after recursion 3". "" if everything is finite.
    """
    name = not_finite(model.params)
    if name:
        return f"the parameter {name}"
    names = {id(value): name.removesuffix(".w") for name, value in model.params.items() if value.ndim == 4}
    shared, D = _shared(model), model.architecture.recursions
    uses: Counter[tuple[str, str]] = Counter()
    found: list[str] = []

    def look(what: str, w: Array, *results: Array) -> None:
        layer = names[id(w)]
        uses[what, layer] += 1
        if not found and not all(map(is_finite, results)):
            # The forward pass meets recursion 1 first, the backward pass recursion D.
            first = shared.get(layer, 0)
            use = uses[what, layer] - 1
            d = first + use if what == "map" else D - use
            found.append(f"the {what} of {layer}" + (f" after recursion {d}" if layer in shared else ""))

    def forward(x: Array, w: Array, b: Array) -> tuple[Array, tuple]:
        z, cache = winograd.conv2d_forward(x, w, b)
        look("map", w, z)
        return z, cache

    def backward(dz: Array, cache: tuple) -> tuple[Array, Array, Array]:
        dx, dw, db = winograd.conv2d_backward(dz, cache)
        look("gradient", cache[1], dx, dw, db)
        return dx, dw, db

    watched = DRCN.from_params(model.params, model.architecture, conv=(forward, backward))
    with np.errstate(all="ignore"):
        loss, grads = watched.loss_and_grads(x, y, alpha)
    if found:
        return found[0]
    name = not_finite(grads)
    if name:
        return f"the gradient of {name}"
    return "" if math.isfinite(float(loss)) else "the loss"


def _shared(model: DRCN) -> dict[str, int]:
    """Layers that are used more than once, and the recursion after which they are first used."""
    first = model.architecture.supervised_steps.start
    return {"recursion": 1, "reconstruct1": first, "reconstruct2": first}
