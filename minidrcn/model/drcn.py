"""The DRCN model: parameters, prediction, loss and gradients."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from types import ModuleType

import numpy as np

from ..backend import Array, get_xp, is_finite, to_cpu, to_gpu
from . import network
from .fast import WinogradLayers
from .fold import TAPS, fold_backward, fold_forward
from .initialise import initial_params, param_shapes
from .loss import loss_backward, loss_forward
from .network import Architecture, ForwardCache, Params, PlainLayers

ConvPair = tuple[Callable, Callable]


class DRCN:
    """A deeply-recursive convolutional network (Kim, Lee and Lee, CVPR 2016) with hand-written gradients.

    It holds parameters and no other state: `forward`, `backward`, `predict` and `loss_and_grads` change nothing.

    Args:
        filters: F, channels of every hidden map (paper: 256).
        recursions: D, how often the recursive convolution is applied (paper: 16).
        seed: of the initial parameters.
        dtype: "float32" to train, "float64" to check gradients.
        skip: add the input to every prediction.
        recursive_supervision: predict after every recursion and learn the D weights of the ensemble.
        reconstruction_relu: ReLU between the two reconstruction convolutions.
        output_relu: ReLU after the second one. The paper's basic model is
            `DRCN(skip=False, recursive_supervision=False, reconstruction_relu=True, output_relu=True)`.
        conv: "winograd", the plain "im2col", or a pair of functions under the contract of `minidrcn.ops.conv`.
        scale: the enlargement it is trained for; kept with it, needed by no computation.

    Attributes:
        params: dict of arrays. `embed1.w` (3, 3, 1, F), `embed2.w`, `recursion.w`, `reconstruct1.w` (3, 3, F, F),
            `reconstruct2.w` (3, 3, F, 1), a `.b` for each, and `ensemble.w` (D,) with recursive supervision.
        architecture: the options from filters to output_relu, as one value.

    Raises:
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        filters: int = 64,
        recursions: int = 9,
        seed: int = 0,
        dtype: str = "float32",
        skip: bool = True,
        recursive_supervision: bool = True,
        reconstruction_relu: bool = False,
        output_relu: bool = False,
        conv: str | ConvPair = "winograd",
        scale: int | None = None,
    ) -> None:
        architecture = Architecture(filters, recursions, skip, recursive_supervision, reconstruction_relu, output_relu)
        self._set(initial_params(architecture, seed, dtype), architecture, scale, conv)

    @classmethod
    def from_params(
        cls, params: Params, architecture: Architecture, scale: int | None = None, conv: str | ConvPair = "winograd"
    ) -> DRCN:
        """A network around given parameters, which are not copied.

        Raises:
            ValueError: names, shapes or dtypes are not those of such a network, or a number is not finite.
        """
        model = cls.__new__(cls)
        model._set(params, architecture, scale, conv)
        return model

    def _set(self, params: Params, architecture: Architecture, scale: int | None, conv: str | ConvPair) -> None:
        shapes = param_shapes(architecture)
        if {name: value.shape for name, value in params.items()} != shapes:
            raise ValueError("the parameters' names and shapes are not those of the architecture")
        dtypes = sorted({value.dtype.name for value in params.values()})
        if dtypes not in (["float32"], ["float64"]):
            raise ValueError(f"the parameters must all be float32 or all float64, not {' and '.join(dtypes)}")
        for name, value in params.items():
            if not is_finite(value):
                raise ValueError(f"the parameter {name} holds numbers that are not finite")
        self.params: Params = {name: params[name] for name in shapes}  # in this order, which the fast layers count on
        self.architecture, self.scale, self.conv = architecture, scale, _layers(conv)

    @property
    def dtype(self) -> np.dtype:
        """The dtype of every parameter."""
        return self.params["embed1.w"].dtype

    @property
    def xp(self) -> ModuleType:
        """The array module the parameters live in, `numpy` or `cupy`."""
        return get_xp(self.params["embed1.w"])

    @property
    def folded_params(self) -> Params:
        """The parameters that the forward pass uses: `params`, or with the reconstruction folded (see `fold`)."""
        return fold_forward(self.params)[0] if self._foldable else self.params

    def forward(self, x: Array, keep: bool = True) -> tuple[Array, Array, ForwardCache | None]:
        """`network.forward` with this network's parameters: final, ys, cache."""
        return network.forward(self.folded_params, self._checked(x, "x"), self.architecture, self.conv, keep)

    def backward(
        self, dfinal: Array, dys: Array, cache: ForwardCache, input_gradient: bool = True
    ) -> tuple[Array | None, Params]:
        """`network.backward`, and the way back through the folding: dx, grads."""
        dx, grads = network.backward(dfinal, dys, cache, input_gradient)
        return dx, fold_backward(grads, self.params) if self._foldable else grads

    def predict(self, x: Array, per_recursion: bool = True) -> tuple[Array, Array | None]:
        """Sharpen luma that bicubic interpolation has enlarged.

        Args:
            x: luma in [0, 1], (N, H, W, 1); shipped weights expect studio range, 16/255 to 235/255.
            per_recursion: False if the ensemble's prediction alone is wanted.

        Returns:
            final (N, H, W, 1), not clipped, and the predictions after each recursion (D, N, H, W, 1) or None.

        Raises:
            ValueError: x does not have four axes, one channel and at least one pixel.
            TypeError: x is on the GPU and the network is not, or the other way round.
        """
        final, ys, _ = self.forward(x, keep=False)
        return final, ys if per_recursion else None

    def loss_and_grads(self, x: Array, y: Array, alpha: float = 0.5) -> tuple[Array, Params]:
        """The paper's loss on a batch, without weight decay, and its gradient with respect to every parameter.

        Args:
            x: inputs, (N, H, W, 1).
            y: targets, (N, H, W, 1).
            alpha: weight of the recursions' own predictions against their ensemble's, in 0..1. Without recursive
                supervision it has no effect: there is one prediction, and the loss is l2.

        Returns:
            loss: a scalar, summed over pixels, averaged over the batch.
            grads: a dict with the keys of `params`.

        Raises:
            ValueError: the shapes do not fit, or with recursive supervision alpha is not in 0..1.
        """
        final, ys, cache = self.forward(x)
        supervision = alpha if self.architecture.recursive_supervision else 0.0
        loss, loss_cache = loss_forward(final, ys, self._checked(y, "y"), supervision)
        dfinal, dys = loss_backward(loss_cache)
        _, grads = self.backward(dfinal, dys, cache, input_gradient=False)
        return loss, grads

    def with_params(self, params: Params) -> DRCN:
        """The same network around other parameters, which are not copied."""
        other = copy.copy(self)
        other.params = {name: params[name] for name in self.params}
        return other

    def to_gpu(self) -> DRCN:
        """The same network on the GPU. Raises `UsageError` where there is none."""
        return self.with_params({name: to_gpu(value) for name, value in self.params.items()})

    def to_cpu(self) -> DRCN:
        """The same network with NumPy parameters."""
        return self.with_params({name: to_cpu(value) for name, value in self.params.items()})

    @property
    def _foldable(self) -> bool:
        """Whether the reconstruction is to be done as one convolution; a pair of functions sees each layer as it is."""
        a = self.architecture
        return self.conv is WinogradLayers and not a.reconstruction_relu and a.filters > TAPS

    def _checked(self, images: Array, name: str) -> Array:
        if get_xp(images) is not self.xp:
            raise TypeError(f"{name} is a {get_xp(images).__name__} array, the network's are {self.xp.__name__}'s")
        if images.ndim != 4 or images.shape[3] != 1 or 0 in images.shape:
            raise ValueError(f"{name} must have the shape (N, H, W, 1), got {images.shape}")
        return images.astype(self.dtype, copy=False)


def _layers(conv: str | ConvPair) -> Callable:
    """How to make the network's layers, see `network.forward`."""
    if isinstance(conv, str):
        known = {"im2col": PlainLayers, "winograd": WinogradLayers}
        if conv not in known:
            raise ValueError(f"conv must be {' or '.join(map(repr, known))} or a pair of functions, not {conv!r}")
        return known[conv]
    if not (isinstance(conv, (tuple, list)) and len(conv) == 2 and all(map(callable, conv))):
        raise ValueError("conv must be a name or a pair (forward, backward) of functions")
    conv_forward, conv_backward = conv
    return partial(PlainLayers, conv_forward=conv_forward, conv_backward=conv_backward)
