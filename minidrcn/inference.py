"""Prediction alone: the forward pass with nothing kept for a backward pass."""

from __future__ import annotations

from collections.abc import Iterator

from .backend import Array, get_xp
from .convolution import IM2COL, Convolution
from .network import Architecture, Params

Margins = tuple[int, int, int, int]  # pixels at the top, bottom, left and right


def predict(
    params: Params,
    x: Array,
    architecture: Architecture,
    conv: Convolution = IM2COL,
    per_recursion: bool = True,
    margins: Margins = (0, 0, 0, 0),
) -> tuple[Array, Array | None]:
    """What `network.forward` predicts, in the memory of a few maps.

    Args:
        params, x, architecture, conv: as for `network.forward`.
        per_recursion: also return every recursion's own prediction.
        margins: pixels of x that only surround what is to be predicted; see `minidrcn.tiles`.

    Returns:
        final: (N, H, W, 1), without the margins.
        ys: (D, N, H, W, 1), likewise, or None if not asked for.
    """
    xp = get_xp(x)
    conv = conv.for_params(params)
    inner, _ = _trim(x, margins, 0)
    collapsible = not (architecture.reconstruction_relu or architecture.output_relu)
    if collapsible and architecture.recursive_supervision and not per_recursion:
        hs = _hidden_maps(params, x, architecture, conv, margins)
        return _collapsed(params, inner, hs, architecture, conv), None

    w = params["ensemble.w"] if architecture.recursive_supervision else xp.ones(1, dtype=x.dtype)
    maps = _joint_maps if "joint.w" in params else _reconstruction_maps
    final, ys = xp.zeros_like(inner), []
    for w_d, (r, r_margins) in zip(w, maps(params, x, architecture, conv, margins), strict=True):
        f, _ = conv.layer_forward(params, "reconstruct2", r, architecture.output_relu)
        y_d, _ = _trim(f, r_margins, 0)
        if architecture.skip:
            y_d = y_d + inner
        final += w_d * y_d
        if per_recursion:
            ys.append(y_d)
    return final, xp.stack(ys) if per_recursion else None


def _hidden_maps(
    params: Params, x: Array, architecture: Architecture, conv: Convolution, margins: Margins
) -> Iterator[tuple[Array, Margins]]:
    """The maps h_d, (N, H, W, F), that predictions are made from, one at a time, with margins of 2 pixels or less."""
    D = architecture.recursions
    h, margins = _embed(params, x, architecture, conv, margins)
    for d in range(1, D + 1):
        h, _ = conv.layer_forward(params, "recursion", h, True)
        h, margins = _trim(h, margins, D + 2 - d)
        if d - 1 in architecture.predicting:
            yield _trim(h, margins, 2)


def _reconstruction_maps(
    params: Params, x: Array, architecture: Architecture, conv: Convolution, margins: Margins
) -> Iterator[tuple[Array, Margins]]:
    """What `reconstruct1` makes of them, with margins of 1 pixel or none."""
    for h, h_margins in _hidden_maps(params, x, architecture, conv, margins):
        r, _ = conv.layer_forward(params, "reconstruct1", h, architecture.reconstruction_relu)
        yield _trim(r, h_margins, 1)


def _joint_maps(
    params: Params, x: Array, architecture: Architecture, conv: Convolution, margins: Margins
) -> Iterator[tuple[Array, Margins]]:
    """The same, `recursion` and `reconstruct1` done as one; see `joint.py`."""
    F, D = architecture.filters, architecture.recursions
    h, margins = _embed(params, x, architecture, conv, margins)
    h, _ = conv.layer_forward(params, "recursion", h, True)
    for d in range(1, D):
        h, margins = _trim(h, margins, D + 2 - d)
        both, _ = conv.layer_forward(params, "joint", h, True)
        h, r = both[..., :F], both[..., F:]  # h_(d+1) and r_d
        yield _trim(r, margins, 1)
    h, margins = _trim(h, margins, 2)
    r, _ = conv.layer_forward(params, "reconstruct1", h, True)
    yield _trim(r, margins, 1)


def _embed(
    params: Params, x: Array, architecture: Architecture, conv: Convolution, margins: Margins
) -> tuple[Array, Margins]:
    """h_0 and its margins."""
    h, _ = conv.layer_forward(params, "embed1", x, True)
    h, margins = _trim(h, margins, architecture.recursions + 3)
    h, _ = conv.layer_forward(params, "embed2", h, True)
    return _trim(h, margins, architecture.recursions + 2)


def _trim(maps: Array, margins: Margins, needed: int) -> tuple[Array, Margins]:
    """Cut every margin to `needed` pixels where it is wider: a view of the maps, and their margins.

    A margin of m pixels is used up by m convolutions. So it is made one pixel narrower after each, down to what those
    that follow still need: less to compute, and no pixel is left that has seen zeros in place of its neighbours.
    """
    top, bottom, left, right = (max(m - needed, 0) for m in margins)
    view = maps[:, top : maps.shape[1] - bottom, left : maps.shape[2] - right]
    return view, tuple(min(m, needed) for m in margins)


def _collapsed(
    params: Params, x: Array, hs: Iterator[tuple[Array, Margins]], architecture: Architecture, conv: Convolution
) -> Array:
    """One reconstruction in place of D, for a reconstruction that is linear.

    With f3(h) = A h + b linear,  sum_d w_d (x + f3(h_d)) = x sum_d w_d + A (sum_d w_d h_d) + b sum_d w_d:
    reconstruct the weighted sum of the maps, with the biases scaled by the sum of the weights.
    """
    w = params["ensemble.w"]
    total, h_sum, margins = w.sum(), 0, None
    for w_d, (h, h_margins) in zip(w, hs, strict=True):
        h_sum, margins = h_sum + w_d * h, h_margins
    biases = {name: params[name] * total for name in ("reconstruct1.b", "reconstruct2.b")}
    params = {**params, **biases}
    r, _ = conv.layer_forward(params, "reconstruct1", h_sum, False)
    r, margins = _trim(r, margins, 1)
    f, _ = conv.layer_forward(params, "reconstruct2", r, False)
    final, _ = _trim(f, margins, 0)
    return final + x * total if architecture.skip else final
