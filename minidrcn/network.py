"""DRCN's forward and backward pass as two pure functions on a dict of parameters.

    h_-1 = relu(embed1(x))      h_0 = relu(embed2(h_-1))      embedding        (paper section 3.1)
    h_d  = relu(recursion(h_(d-1)))        for d = 1..D       inference
    y_d  = x + reconstruct2(relu(reconstruct1(h_d)))          reconstruction   (with the skip of section 3.2)
    final = sum over d of w_d y_d                             ensemble         (section 3.2)

One recursion kernel is used D times, and so are the two reconstruction kernels. Two sums follow, and both stand in the
loop of `backward`:

  * the gradient of a shared parameter is the sum of what its D uses send back;
  * the gradient that reaches h_d is the sum of what the later recursions send back and what y_d itself sends back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .backend import Array, Arrays, get_xp
from .convolution import IM2COL, Convolution
from .ops.pointwise import relu_backward, weighted_sum_backward, weighted_sum_forward

Params = Arrays


@dataclass(frozen=True)
class Architecture:
    """What a DRCN looks like, besides the numbers in its parameters.

    Attributes:
        filters: F, channels of every hidden map.
        recursions: D, how often the recursion kernel is applied.
        skip: add the input to every prediction.
        recursive_supervision: predict after every recursion and weight the D predictions; without it there is one
            prediction, from h_D.
        reconstruction_relu: ReLU between the two reconstruction convolutions (the paper's equations; the authors' code
            has none).
        output_relu: ReLU after the second one (the paper's basic model; with a skip it would forbid darker pixels).

    Raises:
        ValueError: filters or recursions is not a positive whole number, or another option is no bool.
    """

    filters: int = 64
    recursions: int = 9
    skip: bool = True
    recursive_supervision: bool = True
    reconstruction_relu: bool = True
    output_relu: bool = False

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name in ("filters", "recursions"):
                if type(value) is not int or value < 1:
                    raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")
            elif type(value) is not bool:
                raise ValueError(f"{name} must be True or False, not {value!r}")

    @property
    def predicting(self) -> range:
        """The recursions, counted from 0, after which there is a prediction."""
        return range(0 if self.recursive_supervision else self.recursions - 1, self.recursions)

    @property
    def radius(self) -> int:
        """How many pixels away an input can be and still matter: one for each convolution in the longest chain."""
        return self.recursions + 4


class ForwardCache(NamedTuple):
    """What `backward` needs of `forward`: each layer's cache, those of the recursions keyed by recursion."""

    params: Params
    architecture: Architecture
    embed1: tuple
    embed2: tuple
    recursion: dict[int, tuple]
    reconstruct1: dict[int, tuple]
    reconstruct2: dict[int, tuple]
    ensemble: tuple | None


def layer_forward(params: Params, name: str, x: Array, relu: bool, conv: Convolution = IM2COL) -> tuple[Array, tuple]:
    """One convolution with the parameters `name.w` and `name.b`, and a ReLU if asked for."""
    y, conv_cache = conv.layer_forward(params, name, x, relu)
    return y, (conv_cache, y if relu else None)  # a ReLU's cache is its output


def layer_backward(dy: Array, cache: tuple, conv: Convolution = IM2COL) -> tuple[Array, Array, Array]:
    """Returns dx, dw, db of one layer: of one *use* of its parameters."""
    conv_cache, relu_cache = cache
    if relu_cache is not None:
        dy = relu_backward(dy, relu_cache)
    return conv.layer_backward(dy, conv_cache)


def forward(
    params: Params, x: Array, architecture: Architecture, conv: Convolution = IM2COL
) -> tuple[Array, Array, ForwardCache]:
    """Predict, and keep what the backward pass needs.

    Args:
        params: the parameters by name, see `minidrcn.DRCN`.
        x: luma enlarged to the target's size by bicubic interpolation, (N, H, W, 1), in [0, 1].
        architecture: the network's shape.
        conv: the convolution to compute with.

    Returns:
        final: (N, H, W, 1).
        ys: one prediction a recursion, (D, N, H, W, 1); without recursive supervision one in all, (1, N, H, W, 1).
        cache: for `backward`.
    """
    xp = get_xp(x)
    conv = conv.for_params(params)
    h, embed1 = layer_forward(params, "embed1", x, True, conv)  # (N, H, W, F)
    h, embed2 = layer_forward(params, "embed2", h, True, conv)  # h_0

    recursion, reconstruct1, reconstruct2, ys = {}, {}, {}, []
    for d in range(architecture.recursions):
        h, recursion[d] = layer_forward(params, "recursion", h, True, conv)  # the same kernel every time
        if d in architecture.predicting:
            r, reconstruct1[d] = layer_forward(params, "reconstruct1", h, architecture.reconstruction_relu, conv)
            f, reconstruct2[d] = layer_forward(params, "reconstruct2", r, architecture.output_relu, conv)
            ys.append(x + f if architecture.skip else f)
    ys = xp.stack(ys)  # (D, N, H, W, 1)

    if architecture.recursive_supervision:
        final, ensemble = weighted_sum_forward(ys, params["ensemble.w"])
    else:
        final, ensemble = ys[0], None
    cache = ForwardCache(params, architecture, embed1, embed2, recursion, reconstruct1, reconstruct2, ensemble)
    return final, ys, cache


def backward(dfinal: Array, dys: Array, cache: ForwardCache, conv: Convolution = IM2COL) -> tuple[Array, Params]:
    """Send the derivatives of the loss by the predictions back to the input and to every parameter.

    Args:
        dfinal: derivative of the loss by `final`, (N, H, W, 1).
        dys: direct derivative of the loss by `ys`, same shape as `ys`; what reaches ys through `final` is added here.
        cache: from `forward`.
        conv: the same as in `forward`.

    Returns:
        dx: (N, H, W, 1).
        grads: the gradient of every parameter, keys and shapes as in params.
    """
    params, architecture = cache.params, cache.architecture
    xp = get_xp(dfinal)
    grads = {name: xp.zeros_like(value) for name, value in params.items()}

    # y_d is used twice: the loss looks at it directly and through the ensemble.
    if architecture.recursive_supervision:
        dys_ensemble, grads["ensemble.w"] = weighted_sum_backward(dfinal, cache.ensemble)
        dys = dys + dys_ensemble
    else:
        dys = dys + dfinal
    dys = dict(zip(architecture.predicting, dys, strict=True))

    dx = xp.zeros_like(dfinal)
    _, h_last = cache.recursion[architecture.recursions - 1]  # a ReLU's cache is its output
    dh = xp.zeros_like(h_last)  # nothing comes after the last recursion
    for d in reversed(range(architecture.recursions)):
        if d in dys:
            # forward: y_d = x + reconstruct2(reconstruct1(h_d))
            if architecture.skip:
                dx += dys[d]
            dr, dw, db = layer_backward(dys[d], cache.reconstruct2[d], conv)
            grads["reconstruct2.w"] += dw
            grads["reconstruct2.b"] += db
            dh_supervision, dw, db = layer_backward(dr, cache.reconstruct1[d], conv)
            grads["reconstruct1.w"] += dw
            grads["reconstruct1.b"] += db
            # h_d is used twice: by the next recursion and by its own prediction.
            dh = dh + dh_supervision
        # forward: h_d = relu(recursion(h_(d-1)))
        dh, dw, db = layer_backward(dh, cache.recursion[d], conv)
        grads["recursion.w"] += dw
        grads["recursion.b"] += db

    dh, grads["embed2.w"], grads["embed2.b"] = layer_backward(dh, cache.embed2, conv)
    dx_embed, grads["embed1.w"], grads["embed1.b"] = layer_backward(dh, cache.embed1, conv)
    return dx + dx_embed, grads
