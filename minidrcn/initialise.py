"""The parameters a network starts from."""

from __future__ import annotations

import numpy as np


def he(rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
    """A kernel of normal numbers with variance 2 / fan-in (He et al. 2015, eq. 10), float64.

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


def initial_params(
    filters: int, recursions: int, *, seed: int, dtype: str, skip: bool, recursive_supervision: bool
) -> dict[str, np.ndarray]:
    """All parameters of a DRCN: He, but identity for the recursion, zero for biases, 1/D for the ensemble.

    With the skip the last kernel is He's times 0.01: the network then starts as bicubic interpolation, which is
    already close to the answer. Without the skip there is nothing to start from, and He's scale is kept.

    The numbers are drawn in float64 and then rounded, so that networks of either dtype start alike.
    """
    F = filters
    rng = np.random.default_rng(seed)
    last = 0.01 if skip else 1.0
    params = {
        "embed1.w": he(rng, (3, 3, 1, F)),
        "embed1.b": np.zeros(F),
        "embed2.w": he(rng, (3, 3, F, F)),
        "embed2.b": np.zeros(F),
        "recursion.w": identity((3, 3, F, F)),
        "recursion.b": np.zeros(F),
        "reconstruct1.w": he(rng, (3, 3, F, F)),
        "reconstruct1.b": np.zeros(F),
        "reconstruct2.w": last * he(rng, (3, 3, F, 1)),
        "reconstruct2.b": np.zeros(1),
    }
    if recursive_supervision:
        params["ensemble.w"] = np.full(recursions, 1 / recursions)
    return {name: value.astype(dtype) for name, value in params.items()}
