"""The network of `network.py`, faster: the two convolutions that read h_d are done as one.

Between the first recursion and the last, h_d goes into `recursion`, which makes h_(d+1) of it, and into `reconstruct1`,
on the way to y_d. Two convolutions of the same maps are one convolution with the two kernels side by side:

    [h_(d+1) | r_d] = relu( joint(h_d) )      joint.w = [recursion.w | reconstruct1.w], (3, 3, F, 2F)

so that h_d is brought into Winograd's form once in place of twice. In the backward pass dh_(d+1) and dr_d lie side by
side as well, and the sum that `network.backward` shows as `dh + dh_supervision` is taken inside the matrix product:
[dh | dr] @ [w1 | w2]' = dh @ w1' + dr @ w2'.

The last convolution, `reconstruct2`, has one output channel and hardly any work. All its D uses go through it as one
batch, so the sum over these uses is taken where a convolution sums over the images of its batch.

Results agree with `network.py` up to rounding.
"""

from __future__ import annotations

from typing import NamedTuple

from .backend import Array, get_xp
from .convolution import IM2COL, Convolution
from .network import Architecture, Params, layer_backward, layer_forward
from .ops.pointwise import weighted_sum_backward, weighted_sum_forward


class JointCache(NamedTuple):
    """What `backward` needs of `forward`: each layer's cache, those of the D - 1 joint convolutions in a list."""

    params: Params
    architecture: Architecture
    embed1: tuple
    embed2: tuple
    recursion: tuple
    joint: list[tuple]
    reconstruct1: tuple
    reconstruct2: tuple
    ensemble: tuple


def possible(architecture: Architecture) -> bool:
    """Whether there is a prediction after every recursion, and a ReLU after both convolutions."""
    return architecture.recursive_supervision and architecture.reconstruction_relu


def with_joint(params: Params) -> Params:
    """The parameters, and the joint kernel and bias made of them."""
    if "joint.w" in params:
        return params
    xp = get_xp(params["recursion.w"])
    pairs = {f"joint.{kind}": [params[f"{name}.{kind}"] for name in ("recursion", "reconstruct1")] for kind in "wb"}
    return {**params, **{name: xp.concatenate(pair, axis=-1) for name, pair in pairs.items()}}


def forward(
    params: Params, x: Array, architecture: Architecture, conv: Convolution = IM2COL
) -> tuple[Array, Array, JointCache]:
    """`network.forward`, for an architecture for which it is `possible`."""
    F, D = architecture.filters, architecture.recursions
    params = with_joint(params)
    conv = conv.for_params(params)
    h, embed1 = layer_forward(params, "embed1", x, True, conv)
    h, embed2 = layer_forward(params, "embed2", h, True, conv)  # h_0
    h, recursion = layer_forward(params, "recursion", h, True, conv)  # h_1

    xp = get_xp(x)
    rs, joint = xp.empty((D, *h.shape), dtype=h.dtype), []
    for d in range(1, D):
        both, cache = layer_forward(params, "joint", h, True, conv)  # (N, H, W, 2F)
        h, rs[d - 1] = both[..., :F], both[..., F:]  # h_(d+1) and r_d
        joint.append(cache)
    rs[D - 1], reconstruct1 = layer_forward(params, "reconstruct1", h, True, conv)  # r_D

    fs, reconstruct2 = layer_forward(
        params, "reconstruct2", rs.reshape(-1, *h.shape[1:]), architecture.output_relu, conv
    )
    ys = fs.reshape(D, *x.shape)
    if architecture.skip:
        ys = ys + x
    final, ensemble = weighted_sum_forward(ys, params["ensemble.w"])
    cache = JointCache(params, architecture, embed1, embed2, recursion, joint, reconstruct1, reconstruct2, ensemble)
    return final, ys, cache


def backward(dfinal: Array, dys: Array, cache: JointCache, conv: Convolution = IM2COL) -> tuple[Array, Params]:
    """`network.backward`, for what this file's `forward` cached."""
    params, architecture = cache.params, cache.architecture
    F, D, xp = architecture.filters, architecture.recursions, get_xp(dfinal)
    grads = {name: xp.zeros_like(value) for name, value in params.items()}
    dys_ensemble, grads["ensemble.w"] = weighted_sum_backward(dfinal, cache.ensemble)
    dys = dys + dys_ensemble

    # forward: y_d = x + reconstruct2(r_d), for all d at once
    dx = dys.sum(axis=0) if architecture.skip else xp.zeros_like(dfinal)
    drs, grads["reconstruct2.w"], grads["reconstruct2.b"] = layer_backward(
        dys.reshape(-1, *dfinal.shape[1:]), cache.reconstruct2, conv
    )
    drs = drs.reshape(D, *dfinal.shape[:3], F)
    # forward: r_D = relu(reconstruct1(h_D))
    dh, grads["reconstruct1.w"], grads["reconstruct1.b"] = layer_backward(drs[D - 1], cache.reconstruct1, conv)
    for d in reversed(range(1, D)):
        # forward: [h_(d+1) | r_d] = relu(joint(h_d))
        dboth = xp.concatenate([dh, drs[d - 1]], axis=-1)
        dh, dw, db = layer_backward(dboth, cache.joint[d - 1], conv)
        grads["joint.w"] += dw
        grads["joint.b"] += db
    # forward: h_1 = relu(recursion(h_0))
    dh, grads["recursion.w"], grads["recursion.b"] = layer_backward(dh, cache.recursion, conv)
    # forward: joint = [recursion | reconstruct1]
    for kind in "wb":
        djoint = grads.pop(f"joint.{kind}")
        grads[f"recursion.{kind}"] += djoint[..., :F]
        grads[f"reconstruct1.{kind}"] += djoint[..., F:]

    dh, grads["embed2.w"], grads["embed2.b"] = layer_backward(dh, cache.embed2, conv)
    dx_embed, grads["embed1.w"], grads["embed1.b"] = layer_backward(dh, cache.embed1, conv)
    return dx + dx_embed, grads
