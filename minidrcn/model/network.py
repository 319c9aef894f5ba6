"""DRCN's forward and backward pass as two pure functions on a dict of parameters.

    h_-1 = relu(embed1(x))      h_0 = relu(embed2(h_-1))      embedding        (paper section 3.1)
    h_d  = relu(recursion(h_(d-1)))        for d = 1..D       inference
    y_d  = x + reconstruct2(reconstruct1(h_d))                reconstruction   (with the skip of section 3.2)
    final = sum over d of w_d y_d                             ensemble         (section 3.2)

The printed equations have a ReLU after `reconstruct1`, the authors' own code has none; it is an option.

One recursion kernel is used D times, and so are the two reconstruction kernels. Two sums follow. The first stands in
the loop of `backward`, the second where the readers are, in `PlainLayers.backward`:

  * the gradient of a shared parameter is the sum of what its D uses send back;
  * the gradient that reaches h_d is the sum of what its two readers send back: the next recursion, and its own
    reconstruction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..backend import Array, Arrays, get_xp
from ..ops.conv import conv2d_backward, conv2d_forward
from ..ops.pointwise import relu_backward, relu_forward, weighted_sum_backward, weighted_sum_forward
from ..options import check_options, option

Params = Arrays
LayerCache = list[tuple]  # name, cache and ReLU's cache of each layer that reads one map


@dataclass(frozen=True)
class Architecture:
    """What a DRCN looks like, besides the numbers in its parameters.

    Raises:
        UsageError: filters or recursions is no whole number in its range, or another option is no bool.
    """

    filters: int = option(64, "F, channels of every hidden map", minimum=1)
    recursions: int = option(9, "D, uses of the recursive convolution", minimum=1, maximum=1000)
    skip: bool = option(True, "add the input to every prediction")
    recursive_supervision: bool = option(True, "predict after every recursion, learn the ensemble's weights; without "
                                         "it there is one prediction, from h_D")  # fmt: skip
    reconstruction_relu: bool = option(False, "ReLU between the reconstruction's convolutions, as in the paper's text; "
                                       "the authors' code has none")  # fmt: skip
    output_relu: bool = option(False, "ReLU after the last convolution, as in the paper's basic model; with a skip it "
                               "would forbid darker pixels")  # fmt: skip

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def supervised_steps(self) -> range:
        """The recursions, counted from 1, after which there is a prediction."""
        return range(1 if self.recursive_supervision else self.recursions, self.recursions + 1)

    @property
    def rectified(self) -> frozenset[str]:
        """The names of the layers that a ReLU follows."""
        optional = {"reconstruct1": self.reconstruction_relu, "reconstruct2": self.output_relu}
        return frozenset({"embed1", "embed2", "recursion"} | {name for name, relu in optional.items() if relu})

    @property
    def radius(self) -> int:
        """How many pixels away an input can be and still matter: one for each convolution in the longest chain."""
        return self.recursions + 4


@dataclass
class PlainLayers:
    """The network's convolutions by name, each with its ReLU, done with a pair of functions: yours, for example."""

    params: Arrays  # name.w and name.b for each layer
    rectified: Collection[str]  # the names of the layers that a ReLU follows
    conv_forward: Callable = conv2d_forward  # conv_forward(x, w, b) -> y, cache
    conv_backward: Callable = conv2d_backward  # conv_backward(dy, cache) -> dx, dw, db

    def forward(self, x: Array, *names: str) -> tuple[list[Array], LayerCache]:
        """One map into each of the layers: their outputs, and a cache."""
        ys, cache = [], []
        for name in names:
            y, conv_cache = self.conv_forward(x, self.params[f"{name}.w"], self.params[f"{name}.b"])
            relu_cache = None
            if name in self.rectified:
                y, relu_cache = relu_forward(y)
            ys.append(y)
            cache.append((name, conv_cache, relu_cache))
        return ys, cache

    def backward(self, dys: Sequence[Array], cache: LayerCache, input_gradient: bool = True) -> tuple[Array, Arrays]:
        """From the derivatives by the outputs: dx, and this use's share of the gradient of each `name.w` and `name.b`.

        With `input_gradient=False` nobody asks for dx, and it may be left out.
        """
        dx, grads = None, {}
        for dy, (name, conv_cache, relu_cache) in zip(dys, cache, strict=True):
            if relu_cache is not None:
                dy = relu_backward(dy, relu_cache)
            dx_of_layer, grads[f"{name}.w"], grads[f"{name}.b"] = self.conv_backward(dy, conv_cache)
            # x is read by every layer, and what they send back adds up.
            dx = dx_of_layer if dx is None else dx + dx_of_layer
        return dx, grads


class ForwardCache(NamedTuple):
    """What `backward` needs of `forward`: the layers' caches, `hidden` by the map they read, `reconstruct2` by y_d."""

    layers: PlainLayers
    architecture: Architecture
    embed1: LayerCache
    embed2: LayerCache
    hidden: list[LayerCache]
    reconstruct2: dict[int, LayerCache]
    ensemble: tuple | None


def readers(d: int, architecture: Architecture) -> list[str]:
    """The layers that read h_d, d = 0..D: the next recursion, and y_d's reconstruction."""
    recursion = ["recursion"] if d < architecture.recursions else []
    reconstruction = ["reconstruct1"] if d in architecture.supervised_steps else []
    return recursion + reconstruction


def forward(
    params: Params,
    x: Array,
    architecture: Architecture,
    conv: Callable = PlainLayers,
    keep: bool = True,
) -> tuple[Array, Array, ForwardCache | None]:
    """Predict, and keep what the backward pass needs.

    Args:
        params: the parameters by name, see `minidrcn.DRCN`.
        x: luma enlarged to the target's size by bicubic interpolation, (N, H, W, 1), in [0, 1].
        architecture: the network's shape.
        conv: `conv(params, names)` makes the layers, the named ones with a ReLU; `PlainLayers` or a faster one.
        keep: False to predict alone, in the memory of a few maps.

    Returns:
        final: (N, H, W, 1).
        ys: one prediction a recursion, (D, N, H, W, 1); without recursive supervision one in all, (1, N, H, W, 1).
        cache: for `backward`; None if it is not kept.
    """
    layers = conv(params, architecture.rectified)
    (h,), embed1 = layers.forward(x, "embed1")  # (N, H, W, F)
    (h,), embed2 = layers.forward(h, "embed2")  # h_0
    if not keep:
        embed1 = embed2 = None  # they hold maps

    hidden, reconstruct2, ys = [], {}, []
    for d in range(architecture.recursions + 1):
        names = readers(d, architecture)
        outputs, cache = layers.forward(h, *names)  # the same kernels every time
        outputs = dict(zip(names, outputs, strict=True))
        h = outputs.get("recursion")  # h_(d+1)
        if keep:
            hidden.append(cache)
        if "reconstruct1" in outputs:
            (f,), cache = layers.forward(outputs["reconstruct1"], "reconstruct2")
            ys.append(x + f if architecture.skip else f)  # y_d
            if keep:
                reconstruct2[d] = cache
    ys = get_xp(x).stack(ys)  # (D, N, H, W, 1)

    if architecture.recursive_supervision:
        final, ensemble = weighted_sum_forward(ys, params["ensemble.w"])
    else:
        final, ensemble = ys[0], None
    cache = ForwardCache(layers, architecture, embed1, embed2, hidden, reconstruct2, ensemble) if keep else None
    return final, ys, cache


def backward(
    dfinal: Array, dys: Array, cache: ForwardCache, input_gradient: bool = True
) -> tuple[Array | None, Params]:
    """Send the derivatives of the loss by the predictions back to the input and to every parameter.

    Args:
        dfinal: derivative of the loss by `final`, (N, H, W, 1).
        dys: direct derivative of the loss by `ys`, same shape as `ys`; what reaches ys through `final` is added here.
        cache: from `forward`.
        input_gradient: False to leave dx out, which training has no use for.

    Returns:
        dx: (N, H, W, 1), or None.
        grads: the gradient of every parameter, keys and shapes as in params.
    """
    layers, architecture = cache.layers, cache.architecture
    grads = {name: get_xp(value).zeros_like(value) for name, value in layers.params.items()}

    # y_d is used twice: the loss looks at it directly and through the ensemble.
    if architecture.recursive_supervision:
        dys_ensemble, grads["ensemble.w"] = weighted_sum_backward(dfinal, cache.ensemble)
        dys = dys + dys_ensemble
    else:
        dys = dys + dfinal
    dy = dict(zip(architecture.supervised_steps, dys, strict=True))

    dh = None  # nothing comes after the last recursion
    for d in reversed(range(architecture.recursions + 1)):
        doutputs = {"recursion": dh}
        if d in dy:
            # forward: y_d = x + reconstruct2(reconstruct1(h_d))
            doutputs["reconstruct1"], grads_of_use = layers.backward([dy[d]], cache.reconstruct2[d])
            add(grads, grads_of_use)
        # forward: recursion(h_d) and reconstruct1(h_d) both read h_d; what reaches it is the sum over both.
        dh, grads_of_use = layers.backward([doutputs[name] for name in readers(d, architecture)], cache.hidden[d])
        # A kernel is used after every recursion: its gradient is the sum over its uses.
        add(grads, grads_of_use)

    dh, grads_of_use = layers.backward([dh], cache.embed2)
    add(grads, grads_of_use)
    dx, grads_of_use = layers.backward([dh], cache.embed1, input_gradient)
    add(grads, grads_of_use)
    if not input_gradient:
        return None, grads
    if architecture.skip:
        dx = dx + dys.sum(axis=0)  # forward: y_d = x + f_d, for every d
    return dx, grads


def add(grads: Params, grads_of_use: Params) -> None:
    """Add what one use of some parameters contributes to their gradients, in place."""
    for name, gradient in grads_of_use.items():
        grads[name] += gradient
