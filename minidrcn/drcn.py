"""The network as a thing to hold: parameters, prediction, loss and gradients under one name."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import numpy as np

from . import inference, joint, network
from .backend import Array, get_xp, to_cpu, to_gpu
from .convolution import Convolution, convolution
from .initialise import initial_params, param_shapes
from .loss import loss_backward, loss_forward
from .network import Architecture, ForwardCache, Params

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
            `DRCN(skip=False, recursive_supervision=False, output_relu=True)`.
        conv: "winograd", the plain "im2col", or a pair of functions under the contract of `minidrcn.ops.conv`.
        scale: the enlargement it is trained for; kept with it, needed by no computation.

    Attributes:
        params: dict of arrays. `embed1.w` (3, 3, 1, F), `embed2.w`, `recursion.w`, `reconstruct1.w` (3, 3, F, F),
            `reconstruct2.w` (3, 3, F, 1), a `.b` for each, and `ensemble.w` (D,) with recursive supervision.
        architecture: the options above, as one value.
        scale: as above, or None.

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
        reconstruction_relu: bool = True,
        output_relu: bool = False,
        conv: str | ConvPair = "winograd",
        scale: int | None = None,
    ) -> None:
        self.architecture = Architecture(
            filters, recursions, skip, recursive_supervision, reconstruction_relu, output_relu
        )
        _check_dtype(np.dtype(dtype))
        self.params: Params = initial_params(self.architecture, seed, dtype)
        self.conv: Convolution = convolution(conv)
        self.scale = scale

    @classmethod
    def from_params(
        cls, params: Params, architecture: Architecture, scale: int | None = None, conv: str | ConvPair = "winograd"
    ) -> DRCN:
        """A network around given parameters, which are not copied.

        Raises:
            ValueError: names, shapes or dtypes are not those of such a network, or a number is not finite.
        """
        shapes = param_shapes(architecture)
        if {name: value.shape for name, value in params.items()} != shapes:
            raise ValueError("the parameters' names and shapes are not those of the architecture")
        if len({value.dtype for value in params.values()}) != 1:
            raise ValueError("the parameters differ in dtype")
        _check_dtype(params["embed1.w"].dtype)
        for name, value in params.items():
            if not bool(get_xp(value).isfinite(value).all()):
                raise ValueError(f"the parameter {name} holds numbers that are not finite")
        model = cls.__new__(cls)
        model.architecture, model.params, model.conv, model.scale = architecture, params, convolution(conv), scale
        return model

    @property
    def dtype(self) -> np.dtype:
        """The dtype of every parameter."""
        return self.params["embed1.w"].dtype

    @property
    def xp(self) -> ModuleType:
        """The array module the parameters live in, `numpy` or `cupy`."""
        return get_xp(self.params["embed1.w"])

    def forward(self, x: Array) -> tuple[Array, Array, ForwardCache | joint.JointCache]:
        """`network.forward` with this network's parameters: final, ys, cache."""
        return self._passes.forward(self.params, self._checked(x, "x"), self.architecture, self.conv)

    def backward(self, dfinal: Array, dys: Array, cache: ForwardCache | joint.JointCache) -> tuple[Array, Params]:
        """`network.backward`: dx, grads."""
        return self._passes.backward(dfinal, dys, cache, self.conv)

    def predict(
        self, x: Array, per_recursion: bool = True, margins: inference.Margins = (0, 0, 0, 0)
    ) -> tuple[Array, Array | None]:
        """Sharpen luma that bicubic interpolation has enlarged.

        Args:
            x: (N, H, W, 1), in [0, 1], trained on studio-range luma, 16/255 to 235/255.
            per_recursion: False for large images: less memory, less work where the reconstruction is linear.
            margins: pixels of x at the top, bottom, left and right that surround what is to be predicted.

        Returns:
            final (N, H, W, 1) without the margins, not clipped, and the predictions after each recursion (D, N, H, W,
            1) or None.

        Raises:
            ValueError: x does not have four axes, one channel and at least one pixel.
        """
        x = self._checked(x, "x")
        model = self.prepared()
        return inference.predict(model.params, x, self.architecture, model.conv, per_recursion, margins)

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
        _, grads = self.backward(dfinal, dys, cache)
        return loss, grads

    def with_params(self, params: Params) -> DRCN:
        """The same network around other parameters, which are not copied."""
        other = copy.copy(self)
        other.params, other.conv = params, replace(self.conv, prepared={})
        return other

    def prepared(self) -> DRCN:
        """The same network with all done that needs doing only once for its parameters; results stay as they are."""
        other = copy.copy(self)
        other.params = joint.with_joint(self.params) if self._passes is joint else self.params
        other.conv = self.conv.for_params(other.params)
        return other

    def for_worker(self) -> DRCN:
        """The same network with scratch memory for one thread; results stay as they are."""
        other = copy.copy(self)
        other.conv = self.conv.for_worker()
        return other

    def to_gpu(self) -> DRCN:
        """The same network on the GPU. Raises `UsageError` where there is none."""
        return self.with_params({name: to_gpu(value) for name, value in self.params.items()})

    def to_cpu(self) -> DRCN:
        """The same network with NumPy parameters."""
        return self.with_params({name: to_cpu(value) for name, value in self.params.items()})

    @property
    def _passes(self) -> ModuleType:
        """The module whose `forward` and `backward` are faster here."""
        small = self.architecture.filters <= self.conv.joint_filters
        return joint if small and joint.possible(self.architecture) else network

    def _checked(self, images: Array, name: str) -> Array:
        if get_xp(images) is not self.xp:
            raise TypeError(f"{name} is a {get_xp(images).__name__} array, the network's are {self.xp.__name__}'s")
        if images.ndim != 4 or images.shape[3] != 1 or 0 in images.shape:
            raise ValueError(f"{name} must have the shape (N, H, W, 1), got {images.shape}")
        return images.astype(self.dtype, copy=False)


def _check_dtype(dtype: np.dtype) -> None:
    if dtype.name not in ("float32", "float64"):
        raise ValueError(f"dtype must be float32 or float64, not {dtype.name}")
