"""The convolutions of a network by Winograd's algorithm, where the layers that read one map are done as one.

`network.PlainLayers` shows what is computed, this is the same, faster. Two convolutions of one map are one convolution
with the kernels side by side,

    [y1 | y2] = conv(x, [w1 | w2])        dx = [dy1 | dy2] @ [w1 | w2]' = dy1 @ w1' + dy2 @ w2'

so that the map is transformed once for both, and the sum over the readers is taken inside the matrix product.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import NamedTuple

from ..backend import Array, Arrays, get_xp
from ..ops import winograd
from ..ops.memory import borrowed_workspace
from ..ops.pointwise import relu_backward
from .network import LayerCache, PlainLayers


class JoinedCache(NamedTuple):
    """What `WinogradLayers` keeps of one convolution for several layers."""

    names: tuple[str, ...]
    parts: list[slice]  # of the channels, one a layer
    conv_cache: tuple
    ys: list[Array]


class WinogradLayers(PlainLayers):
    """The same by `minidrcn.ops.winograd`: the layers that read one map are done as one.

    Such layers must be neighbours in `params`, and all kernels that are transformed must have equally many inputs.
    """

    def __init__(self, params: Arrays, rectified: Collection[str]) -> None:
        super().__init__(params, rectified, winograd.conv2d_forward, winograd.conv2d_backward)
        # The kernels that are worth a transform, side by side: it is made once, and every layer is a slice of it.
        names = [key.removesuffix(".w") for key, w in params.items() if w.ndim == 4 and winograd.supports(w)]
        self._slices: dict[str, slice] = {}
        start = 0
        for name in names:
            self._slices[name] = slice(start, start + len(params[f"{name}.b"]))
            start = self._slices[name].stop
        if names:
            xp = get_xp(params[f"{names[0]}.w"])
            self._prepared = winograd.prepare(xp.concatenate([params[f"{name}.w"] for name in names], axis=3))
            self._b = xp.concatenate([params[f"{name}.b"] for name in names])
            self._relu = xp.concatenate([xp.full(len(params[f"{name}.b"]), name in rectified) for name in names])

    def forward(self, x: Array, *names: str) -> tuple[list[Array], LayerCache | JoinedCache]:
        """As `PlainLayers.forward`."""
        if not all(name in self._slices for name in names):
            return super().forward(x, *names)
        joined = slice(self._slices[names[0]].start, self._slices[names[-1]].stop)
        prepared, b, relu = self._prepared.part(joined), self._b[joined], self._relu[joined]
        with borrowed_workspace() as workspace:
            y, cache = winograd.conv2d_forward(x, prepared.w, b, relu=relu, prepared=prepared, workspace=workspace)
        parts = [
            slice(self._slices[name].start - joined.start, self._slices[name].stop - joined.start) for name in names
        ]
        ys = [y[..., part] for part in parts]
        return ys, JoinedCache(names, parts, cache, ys)

    def backward(
        self, dys: Sequence[Array], cache: LayerCache | JoinedCache, input_gradient: bool = True
    ) -> tuple[Array | None, Arrays]:
        """As `PlainLayers.backward`."""
        if not isinstance(cache, JoinedCache):
            conv_backward = partial(winograd.conv2d_backward, input_gradient=input_gradient)
            return PlainLayers(self.params, self.rectified, conv_backward=conv_backward).backward(dys, cache)
        names, parts, conv_cache, ys = cache
        dys = [
            relu_backward(dy, y) if name in self.rectified else dy for name, dy, y in zip(names, dys, ys, strict=True)
        ]
        dy = dys[0] if len(dys) == 1 else get_xp(dys[0]).concatenate(dys, axis=-1)
        with borrowed_workspace() as workspace:
            dx, dw, db = winograd.conv2d_backward(dy, conv_cache, workspace=workspace)
        grads = {}
        for name, part in zip(names, parts, strict=True):
            grads[f"{name}.w"], grads[f"{name}.b"] = dw[..., part], db[part]
        return dx, grads
