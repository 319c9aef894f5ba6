"""Checks of ReLU, of the loss and its parts (squared error, weighted sum), and of gradient clipping."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...model.loss import loss_backward, loss_forward
from ...ops.pointwise import relu_forward, squared_error_forward, weighted_sum_forward
from ...training.optim import clip_by_global_norm
from .cases import Sizes, comparing, derivatives, pick
from .judge import Case, Unusable, by_position

MAPS = (
    {"N": 2, "H": 3, "W": 4, "C": 2},
    {"N": 3, "H": 5, "W": 2, "C": 1},
    {"N": 3, "H": 3, "W": 3, "C": 2},
    {"N": 2, "H": 5},
)
PREDICTIONS = (
    {"D": 3, "N": 2, "H": 3, "W": 4, "alpha": 0.3},
    {"D": 2, "N": 3, "H": 5, "W": 2, "alpha": 0.0},
    {"D": 4, "N": 2, "H": 2, "W": 3, "alpha": 1.0},
    {"D": 4, "N": 3, "H": 3, "W": 3, "alpha": 0.7},
)


def _unpack_clipping(value: Any) -> dict:
    named = by_position(("clipped", "norm"))(value)
    if not isinstance(named["clipped"], dict):
        raise Unusable("the first of the two results must be a dict of arrays, with the keys of grads")
    return {"norm": named["norm"], **{f"clipped[{name!r}]": array for name, array in named["clipped"].items()}}


@comparing("ops.pointwise:relu_backward", MAPS)
def check_relu_backward(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(dy, cache) -> dx`: the cache is y = max(x, 0), the output of the forward pass; any shape."""
    x, dy = rng.standard_normal((2, *sizes.values()))
    x += 0.1 * np.sign(x)  # away from the kink
    x.flat[rng.permutation(x.size)[:4]] = 1e-4, -1e-4, 9, -9  # small ones count, and large ones
    right = derivatives(lambda x: (relu_forward(x)[0] * dy).sum(), x=x)
    credit = {"label": "maps", "weight": 3} if x.ndim == 4 else {"label": "two axes"}
    return [Case((dy, relu_forward(x)[1]), right, sizes, **credit)]


@comparing("ops.pointwise:squared_error_backward", MAPS)
def check_squared_error_backward(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(dloss, cache) -> dprediction`: cache (prediction, target), both (N, ...), dloss a number."""
    prediction, target = rng.standard_normal((2, *sizes.values()))
    dloss = float(rng.uniform(0.3, 0.9))
    right = derivatives(lambda prediction: dloss * squared_error_forward(prediction, target)[0], prediction=prediction)
    return [Case((dloss, (prediction, target)), right, sizes, {"dloss": dloss})]


@comparing("ops.pointwise:weighted_sum_backward", PREDICTIONS)
def check_weighted_sum_backward(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(dy, cache) -> dys, dw`: cache (ys, w) of shapes (D, ...) and (D,), dy in the shape of the sum."""
    ys, w = rng.standard_normal((*pick(sizes, "DNHW"), 1)), rng.standard_normal(sizes["D"])
    dy = rng.standard_normal(ys.shape[1:])
    right = derivatives(lambda ys, w: (weighted_sum_forward(ys, w)[0] * dy).sum(), ys=ys, w=w)
    return [Case((dy, (ys, w)), right, sizes)]


def _draw_predictions(sizes: Sizes, rng: np.random.Generator) -> tuple[Sizes, dict, np.ndarray, np.ndarray, np.ndarray]:
    """The sizes with their alpha, alpha as a factor of errors, ys, w and y."""
    alpha, factors = sizes["alpha"], {}
    if 0 < alpha < 1:
        alpha = round(alpha + float(rng.uniform(-0.1, 0.15)), 3)
        factors = {"alpha": alpha, "(1 - alpha)": 1 - alpha}
    ys, y = rng.standard_normal((*pick(sizes, "DNHW"), 1)), rng.standard_normal((*pick(sizes, "NHW"), 1))
    return {**sizes, "alpha": alpha}, factors, ys, rng.standard_normal(sizes["D"]), y


@comparing("model.loss:loss_backward", PREDICTIONS)
def check_loss_backward(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(cache) -> dfinal, dys`, with the cache of `minidrcn.model.loss.loss_forward`."""
    sizes, factors, ys, w, y = _draw_predictions(sizes, rng)
    alpha, (final, _) = sizes["alpha"], weighted_sum_forward(ys, w)
    _, cache = loss_forward(final, ys, y, alpha)
    right = derivatives(lambda final, ys: loss_forward(final, ys, y, alpha)[0], final=final, ys=ys)
    return [Case((cache,), right, sizes, factors)]


@comparing("course.checks.recursive:loss_and_gradients", PREDICTIONS, weights={"loss": 1, "dys": 2, "dw": 2})
def check_loss(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(ys, w, y, alpha) -> loss, dys, dw`: ys (D, N, H, W, 1), w (D,), y (N, H, W, 1), alpha in 0..1."""
    sizes, factors, ys, w, y = _draw_predictions(sizes, rng)

    def loss(ys: np.ndarray, w: np.ndarray) -> float:
        final, _ = weighted_sum_forward(ys, w)
        return loss_forward(final, ys, y, sizes["alpha"])[0]

    right = {"loss": np.asarray(loss(ys, w)), **derivatives(loss, ys=ys, w=w)}
    final, alpha = weighted_sum_forward(ys, w)[0], sizes["alpha"]
    l2, cache = (1 - alpha) * loss_forward(final, ys, y, 0.0)[0], loss_forward(final, ys, y, alpha)[1]
    l1 = {"loss": right["loss"] - l2, "dys": loss_backward(cache)[1]}
    parts = {name: {"l1": part, "l2": right[name] - part} for name, part in l1.items()}
    return [Case((ys, w, y, alpha), right, sizes, factors, parts=parts)]


@comparing(
    "training.optim:clip_by_global_norm",
    ({"C": 2, "F": 3},),
    unpack=_unpack_clipping,
    tolerance=1e-10,
)
def check_clipping(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(grads, max_norm) -> clipped, norm`: two dicts of arrays, and the length before clipping."""
    shape = (3, 3, *pick(sizes, "CF"))
    grads = {"w": rng.standard_normal(shape), "b": 5 * rng.standard_normal(sizes["F"])}
    lengths = [float(np.linalg.norm(g)) for g in grads.values()]
    norm, longest = float(np.hypot(*lengths)), max(lengths)
    zeros = {name: np.zeros_like(g) for name, g in grads.items()}
    others = {"recursion.w": grads["w"], "ensemble.w": rng.standard_normal(4)}
    cases = []
    for label, weight, given, max_norm in (
        ("too long", 3, grads, norm * float(rng.uniform(0.2, 0.6))),
        ("too long", 3, grads, (norm + longest) / 2),  # longer together, and none of them alone
        ("short enough", 1, grads, norm * float(rng.uniform(1.5, 3))),
        ("all zero", 1, zeros, 1.0),
        ("other names", 1, others, lengths[0] / 2),
    ):
        clipped, length = clip_by_global_norm(given, max_norm)
        right = {"norm": np.asarray(length), **{f"clipped[{name!r}]": g for name, g in clipped.items()}}
        cases.append(Case((given, max_norm), right, sizes, label=label, weight=weight))
    return cases
