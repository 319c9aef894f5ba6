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

    Both passes run with an instrumented convolution that checks every result.

    Args:
        model: the network before the update that failed.
        x, y, alpha: of that update, as for `DRCN.loss_and_grads`.

    Returns:
        as part of a sentence: "the map of recursion after recursion 3". "" if everything is finite.
    """
    name = not_finite(model.params)
    if name:
        return f"the parameter {name}"
    names = {id(value): name.removesuffix(".w") for name, value in model.params.items() if value.ndim == 4}
    uses: Counter[tuple[str, str]] = Counter()
    found: list[tuple[str, str, int]] = []

    def look(what: str, w: Array, *results: Array) -> None:
        layer = names[id(w)]
        uses[what, layer] += 1
        if not all(map(is_finite, results)):
            found.append((what, layer, uses[what, layer]))

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
        what, layer, use = found[0]
        if layer.startswith("embed"):
            return f"the {what} of {layer}"
        architecture = model.architecture
        steps = range(1, architecture.recursions + 1) if layer == "recursion" else architecture.supervised_steps
        # The forward pass meets recursion 1 first, the backward pass recursion D.
        return f"the {what} of {layer} after recursion {steps[use - 1] if what == 'map' else steps[-use]}"
    name = not_finite(grads)
    if name:
        return f"the gradient of {name}"
    return "" if math.isfinite(float(loss)) else "the loss"
