"""A convolution as the network takes it: a forward/backward pair, and what helps it to be fast."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .backend import Arrays
from .ops import conv, winograd
from .ops.memory import Workspace
from .ops.pointwise import relu_forward


@dataclass(frozen=True)
class Convolution:
    """Which convolution a network computes with.

    Attributes:
        forward: `forward(x, w, b) -> y, cache`.
        backward: `backward(dy, cache) -> dx, dw, db`.
        prepare: what can be done once for many uses of a kernel, `prepare(w)`; None if there is nothing.
        scratch: whether the two functions take a `workspace`.
        rectifies: whether `forward` takes `relu` and does the ReLU that follows in the same go.
        joint_filters: up to how many filters the network is faster with the two convolutions of h_d done as one; more
            do not fit into the cache.
        prepared: what `prepare` made of each layer's kernel, by the layer's name.
        workspace: one worker's scratch memory.

    `prepared` and `workspace` change no result and may be empty.
    """

    forward: Callable
    backward: Callable
    prepare: Callable | None = None
    scratch: bool = False
    rectifies: bool = False
    joint_filters: int = 0
    prepared: Mapping[str, Any] = field(default_factory=dict)
    workspace: Workspace | None = None

    def for_params(self, params: Arrays) -> Convolution:
        """The same convolution with every kernel among the parameters prepared."""
        if self.prepare is None or self.prepared:
            return self
        kernels = {name.removesuffix(".w"): value for name, value in params.items() if value.ndim == 4}
        return replace(self, prepared={name: self.prepare(w) for name, w in kernels.items()})

    def for_worker(self) -> Convolution:
        """The same convolution with scratch memory of its own, for one thread."""
        return replace(self, workspace=Workspace()) if self.scratch else self

    def layer_forward(self, params: Arrays, name: str, x: Any, relu: bool) -> tuple[Any, Any]:
        """The convolution with the parameters `name.w` and `name.b`, and a ReLU if asked for: y, cache."""
        helpers = {"prepared": self.prepared.get(name)} if self.prepare else {}
        if self.rectifies:
            helpers["relu"] = relu
        y, cache = self.forward(x, params[f"{name}.w"], params[f"{name}.b"], **helpers, **self._workspace)
        if relu and not self.rectifies:
            y, _ = relu_forward(y)
        return y, cache

    def layer_backward(self, dy: Any, cache: Any) -> tuple[Any, Any, Any]:
        """The backward pass of the convolution alone: dx, dw, db."""
        return self.backward(dy, cache, **self._workspace)

    @property
    def _workspace(self) -> dict[str, Workspace]:
        return {"workspace": self.workspace} if self.workspace else {}


IM2COL = Convolution(conv.conv2d_forward, conv.conv2d_backward, scratch=True)
WINOGRAD = Convolution(
    winograd.conv2d_forward, winograd.conv2d_backward, winograd.prepare, scratch=True, rectifies=True, joint_filters=128
)
BY_NAME = {"im2col": IM2COL, "winograd": WINOGRAD}


def convolution(conv: str | tuple[Callable, Callable]) -> Convolution:
    """The one of that name, or one made of a pair of functions (forward, backward).

    Raises:
        ValueError: there is none of that name, or it is no pair of functions.
    """
    if isinstance(conv, str):
        if conv not in BY_NAME:
            known = " or ".join(map(repr, BY_NAME))
            raise ValueError(f"conv must be {known} or a pair of functions, not {conv!r}")
        return BY_NAME[conv]
    if not (isinstance(conv, (tuple, list)) and len(conv) == 2 and all(map(callable, conv))):
        raise ValueError("conv must be a name or a pair (forward, backward) of functions")
    return Convolution(*conv)
