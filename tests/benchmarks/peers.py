"""The same network in other libraries: what the benchmark runs against.

Each function returns something to call that is done when it returns. A library that is not installed raises
ImportError; the benchmark then says so and goes on.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from minidrcn import DRCN
from minidrcn.imaging.onnx_graph import luma_graph
from minidrcn.imaging.tiles import predict_luma

if TYPE_CHECKING:
    import onnxruntime

Run = Callable[[], object]


def torch_training(
    model: DRCN, x: np.ndarray, y: np.ndarray, alpha: float, device: str = "cpu", **options: bool
) -> Run:
    """PyTorch's eager mode: `TorchDRCN`'s options choose memory format and algebra."""
    from torch_peer import TorchDRCN

    peer = TorchDRCN(model, device=device, **options)
    mine, target = peer.images(x), peer.images(y)
    return _done(lambda: peer.loss_and_grads(mine, target, alpha), device)


def compiled_torch_training(model: DRCN, x: np.ndarray, y: np.ndarray, alpha: float, device: str = "cpu") -> Run:
    """torch.compile; what it compiles is the forward pass, and with it the backward pass that autograd takes."""
    import torch
    from torch_peer import TorchDRCN

    peer = TorchDRCN(model, True, device)
    peer.predict = torch.compile(peer.predict)
    mine, target = peer.images(x), peer.images(y)
    run = _done(lambda: peer.loss_and_grads(mine, target, alpha), device)
    try:
        run()
    except Exception as error:  # it needs a C++ compiler, among others
        raise ImportError(f"cannot compile: {str(error).splitlines()[0]}") from error
    return run


def torch_prediction(model: DRCN, x: np.ndarray, device: str = "cpu", **options: bool) -> Run:
    """PyTorch's eager mode, without gradients."""
    import torch
    from torch_peer import TorchDRCN

    peer = TorchDRCN(model, device=device, **options)
    mine = peer.images(x)
    return _done(torch.no_grad()(lambda: peer.predict(mine)), device)


def _done(function: Run, device: str) -> Run:
    """On a device, also wait for what was started."""
    if device == "cpu":
        return function
    import torch

    return lambda: (function(), torch.cuda.synchronize())


def jax_training(model: DRCN, x: np.ndarray, y: np.ndarray, alpha: float) -> Run:
    """JAX: `jit` of `value_and_grad`, NHWC."""
    import jax
    from jax import numpy as jnp

    D, skip = model.architecture.recursions, model.architecture.skip
    rectified = model.architecture.rectified

    def layer(params: Mapping, name: str, h: jax.Array) -> jax.Array:
        z = jax.lax.conv_general_dilated(
            h, params[f"{name}.w"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        z = z + params[f"{name}.b"]
        return jax.nn.relu(z) if name in rectified else z

    def loss(params: Mapping, x: jax.Array, y: jax.Array) -> jax.Array:
        h = layer(params, "embed2", layer(params, "embed1", x))
        ys = []
        for _ in range(D):
            h = layer(params, "recursion", h)
            f = layer(params, "reconstruct2", layer(params, "reconstruct1", h))
            ys.append(x + f if skip else f)
        ys = jnp.stack(ys)
        final = jnp.tensordot(params["ensemble.w"], ys, axes=1)
        return (alpha / D * ((y - ys) ** 2).sum() + (1 - alpha) * ((y - final) ** 2).sum()) / (2 * len(x))

    step = jax.jit(jax.value_and_grad(loss))
    params, mine, target = {k: jnp.asarray(v) for k, v in model.params.items()}, jnp.asarray(x), jnp.asarray(y)
    return lambda: jax.block_until_ready(step(params, mine, target))


def onnxruntime_prediction(model: DRCN, x: np.ndarray, threads: int, by_hand: bool = False) -> Run:
    """onnxruntime on the CPU, every layer as it is or, by hand, as `python -m minidrcn.export` writes the network."""
    session = _onnxruntime_session(model if by_hand else _plain(model), threads)
    images = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return lambda: session.run(None, {"x": images})[0]


def onnxruntime_photograph(model: DRCN, x: np.ndarray, threads: int) -> Run:
    """onnxruntime on the graph that is exported, for luma (H, W) of any size: in our tiles, one after the other."""
    session = _onnxruntime_session(model, threads)

    def predict(x: np.ndarray, per_recursion: bool) -> tuple[np.ndarray, None]:
        return session.run(None, {"x": x.transpose(0, 3, 1, 2)})[0].transpose(0, 2, 3, 1), None

    runner = SimpleNamespace(xp=np, dtype=model.dtype, architecture=model.architecture, predict=predict)
    return lambda: predict_luma(runner, x, workers=1)


def _onnxruntime_session(model: DRCN, threads: int) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    graph = luma_graph(model).SerializeToString()
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def openvino_prediction(model: DRCN, x: np.ndarray, threads: int) -> Run:
    """OpenVINO on the CPU, in float32."""
    import openvino

    core = openvino.Core()
    options = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    images = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    graph = core.read_model(io.BytesIO(luma_graph(_plain(model)).SerializeToString()))
    graph.reshape(images.shape)
    compiled = core.compile_model(graph, "CPU", options)
    return lambda: compiled([images])[0]


def _plain(model: DRCN) -> DRCN:
    """The same network with a convolution for every layer."""
    return DRCN.from_params(model.params, model.architecture, conv="im2col")
