"""Prediction alone: the forward pass with nothing kept for a backward pass."""

from __future__ import annotations

from collections.abc import Iterator

from .backend import Array, get_xp
from .convolution import IM2COL, Convolution
from .network import Architecture, Params, layer_forward


def predict(
    params: Params, x: Array, architecture: Architecture, conv: Convolution = IM2COL, per_recursion: bool = True
) -> tuple[Array, Array | None]:
    """What `network.forward` predicts, in the memory of a few maps.

    Args:
        params, x, architecture, conv: as for `network.forward`.
        per_recursion: also return every recursion's own prediction.

    Returns:
        final: (N, H, W, 1).
        ys: (D, N, H, W, 1), or None if not asked for.
    """
    xp = get_xp(x)
    conv = conv.for_params(params)
    hs = hidden_maps(params, x, architecture, conv)
    collapsible = not (architecture.reconstruction_relu or architecture.output_relu)
    if collapsible and architecture.recursive_supervision and not per_recursion:
        return _collapsed(params, x, hs, architecture, conv), None

    w = params["ensemble.w"] if architecture.recursive_supervision else xp.ones(1, dtype=x.dtype)
    final, ys = xp.zeros_like(x), []
    for w_d, h in zip(w, hs, strict=True):
        y_d = _reconstruct(params, h, architecture, conv)
        if architecture.skip:
            y_d += x
        final += w_d * y_d
        if per_recursion:
            ys.append(y_d)
    return final, xp.stack(ys) if per_recursion else None


def hidden_maps(params: Params, x: Array, architecture: Architecture, conv: Convolution = IM2COL) -> Iterator[Array]:
    """The maps h_d, (N, H, W, F), that predictions are made from, one at a time."""
    h, _ = layer_forward(params, "embed1", x, True, conv)
    h, _ = layer_forward(params, "embed2", h, True, conv)
    for d in range(architecture.recursions):
        h, _ = layer_forward(params, "recursion", h, True, conv)
        if d in architecture.predicting:
            yield h


def _reconstruct(params: Params, h: Array, architecture: Architecture, conv: Convolution) -> Array:
    r, _ = layer_forward(params, "reconstruct1", h, architecture.reconstruction_relu, conv)
    f, _ = layer_forward(params, "reconstruct2", r, architecture.output_relu, conv)
    return f


def _collapsed(params: Params, x: Array, hs: Iterator[Array], architecture: Architecture, conv: Convolution) -> Array:
    """One reconstruction in place of D, for a reconstruction that is linear.

    With f3(h) = A h + b linear,  sum_d w_d (x + f3(h_d)) = x sum_d w_d + A (sum_d w_d h_d) + b sum_d w_d:
    reconstruct the weighted sum of the maps, with the biases scaled by the sum of the weights.
    """
    w = params["ensemble.w"]
    total = w.sum()
    h_sum = sum(w_d * h for w_d, h in zip(w, hs, strict=True))
    biases = {name: params[name] * total for name in ("reconstruct1.b", "reconstruct2.b")}
    final = _reconstruct({**params, **biases}, h_sum, architecture, conv)
    return final + x * total if architecture.skip else final
