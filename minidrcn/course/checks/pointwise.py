"""Checks of ReLU, of the loss, and of gradient clipping."""

from __future__ import annotations

import numpy as np

from ...model.loss import loss_forward
from ...ops.pointwise import relu_forward, weighted_sum_forward
from ...training.optim import clip_by_global_norm
from .cases import Sizes, comparing, derivatives, draw
from .judge import Case, by_position

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


unpack_clipping = by_position(("clipped", "norm"), of_dicts=["clipped"])


@comparing("ops.pointwise:relu_backward", MAPS)
def check_relu_backward(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(dy, cache) -> dx`: the cache is y = max(x, 0), the output of the forward pass; any shape."""
    x, dy = rng.standard_normal((2, *sizes.values()))
    x += 0.1 * np.sign(x)  # away from the kink
    x.flat[rng.permutation(x.size)[:4]] = 1e-4, -1e-4, 9, -9  # small ones count, and large ones
    right = derivatives(lambda x: (relu_forward(x)[0] * dy).sum(), x=x)
    credit = {"label": "maps", "weight": 3} if x.ndim == 4 else {"label": "two axes"}
    return [Case((dy, relu_forward(x)[1]), right, sizes, **credit)]


@comparing("course.checks.recursive:loss_and_gradients", PREDICTIONS, weights={"dys": 2, "dw": 2})
def check_loss(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(ys, w, y, alpha) -> loss, dys, dw`: ys (D, N, H, W, 1), w (D,), y (N, H, W, 1), alpha in 0..1."""
    alpha, factors = sizes["alpha"], {}
    if 0 < alpha < 1:
        alpha = round(alpha + float(rng.uniform(-0.1, 0.15)), 3)
        factors = {"alpha": alpha, "(1 - alpha)": 1 - alpha}
    ys, y, w = draw(rng, sizes, "DNHW1", "NHW1", "D")

    def loss(ys: np.ndarray, w: np.ndarray, alpha: float = alpha) -> float:
        return loss_forward(weighted_sum_forward(ys, w)[0], ys, y, alpha)[0]

    right = {"loss": np.asarray(loss(ys, w)), **derivatives(loss, ys=ys, w=w)}
    l1 = {"loss": alpha * loss(ys, w, 1.0), "dys": alpha * (ys - y) / (len(ys) * len(y))}
    parts = {name: {"l1": part, "l2": right[name] - part} for name, part in l1.items()}
    return [Case((ys, w, y, alpha), right, {**sizes, "alpha": alpha}, factors, parts=parts)]


@comparing("training.optim:clip_by_global_norm", ({"C": 2, "F": 3},), unpack=unpack_clipping, tolerance=1e-10)
def check_clipping(sizes: Sizes, rng: np.random.Generator) -> list[Case]:
    """Check `fn(grads, max_norm) -> clipped, norm`: two dicts of arrays, and the length before clipping."""
    w, b, ensemble = draw(rng, {**sizes, "K": 3, "D": 4}, "KKCF", "F", "D")
    grads, others = {"w": w, "b": 5 * b}, {"recursion.w": w, "ensemble.w": ensemble}
    lengths = [float(np.linalg.norm(g)) for g in grads.values()]
    norm = float(np.hypot(*lengths))
    cases = []
    for label, weight, given, max_norm in (
        ("too long", 3, grads, norm * float(rng.uniform(0.2, 0.6))),
        ("too long", 3, grads, (norm + max(lengths)) / 2),  # longer together, and none of them alone
        ("short enough", 1, grads, norm * float(rng.uniform(1.5, 3))),
        ("all zero", 1, {"w": 0 * w, "b": 0 * b}, 1.0),
        ("other names", 1, others, lengths[0] / 2),
    ):
        right = unpack_clipping(clip_by_global_norm(given, max_norm))
        cases.append(Case((given, max_norm), right, sizes, label=label, weight=weight))
    return cases
