"""Weight initialisation: He's, and the identity for the recursion."""

from __future__ import annotations

import numpy as np

from .network import Architecture

RECURSION_BIAS = -1e-4  # far above what rounding does, far below what matters


def he(rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
    """He initialisation: normal, variance 2 / fan-in (He et al. 2015, eq. 10), float64.

    Half of a layer's outputs are zeroed by the ReLU; twice the variance keeps the signal's power from layer to layer.
    """
    fan_in = shape[0] * shape[1] * shape[2]
    return rng.standard_normal(shape) * np.sqrt(2 / fan_in)


def identity(shape: tuple[int, int, int, int]) -> np.ndarray:
    """The kernel that changes nothing: 1 from each channel to itself at the centre tap, 0 elsewhere.

    This is how the paper starts the recursion. A random recursive kernel applied D times multiplies signal and gradient
    by its gain to the power of D; the identity hands both through unchanged, whatever D is.
    """
    K, _, C, F = shape
    w = np.zeros(shape)
    w[K // 2, K // 2] = np.eye(C, F)
    return w


def param_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """The name and shape of every parameter, in the order of the forward pass."""
    F = architecture.filters
    shapes: dict[str, tuple[int, ...]] = {
        "embed1.w": (3, 3, 1, F),
        "embed1.b": (F,),
        "embed2.w": (3, 3, F, F),
        "embed2.b": (F,),
        "recursion.w": (3, 3, F, F),
        "recursion.b": (F,),
        "reconstruct1.w": (3, 3, F, F),
        "reconstruct1.b": (F,),
        "reconstruct2.w": (3, 3, F, 1),
        "reconstruct2.b": (1,),
    }
    if architecture.recursive_supervision:
        shapes["ensemble.w"] = (architecture.recursions,)
    return shapes


def initial_params(architecture: Architecture, seed: int = 0, dtype: str = "float32") -> dict[str, np.ndarray]:
    """All parameters of a DRCN: He's kernels and biases of 0, but for the recursion, and 1/D for the ensemble.

    The recursion's kernel is the identity, and its bias a little below 0: where h_d is 0 the identity would give 0
    again, on the kink of the ReLU, and rounding would decide whether a gradient passes. Now none does, as
    `relu_backward` has it at 0.

    With the skip the last kernel is He's times 0.001, as in the authors' code: the network then starts as bicubic
    interpolation, which is already close to the answer. Without the skip there is nothing to start from, and He's
    scale is kept.

    The numbers are drawn in float64 and then rounded, so that networks of either dtype start alike.
    """
    rng = np.random.default_rng(seed)
    shapes = param_shapes(architecture)
    params = {name: np.zeros(shape) for name, shape in shapes.items()}
    for name in ("embed1.w", "embed2.w", "reconstruct1.w", "reconstruct2.w"):
        params[name] = he(rng, shapes[name])
    if architecture.skip:
        params["reconstruct2.w"] *= 0.001
    params["recursion.w"] = identity(shapes["recursion.w"])
    params["recursion.b"][:] = RECURSION_BIAS
    if architecture.recursive_supervision:
        params["ensemble.w"][:] = 1 / architecture.recursions
    return {name: value.astype(dtype) for name, value in params.items()}
