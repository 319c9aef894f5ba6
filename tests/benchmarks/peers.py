"""The same network in other libraries: what the benchmark runs against.

Each function returns something to call that is done when it returns. A library that is not installed raises
ImportError; the benchmark then says so and goes on.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Mapping

import numpy as np

from minidrcn import DRCN

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


def onnxruntime_prediction(model: DRCN, x: np.ndarray, threads: int) -> Run:
    """onnxruntime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(onnx_file(model), options, providers=["CPUExecutionProvider"])
    images = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return lambda: session.run(None, {"x": images})[0]


def openvino_prediction(model: DRCN, x: np.ndarray, threads: int) -> Run:
    """OpenVINO on the CPU, in float32."""
    import openvino

    core = openvino.Core()
    options = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    images = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    graph = core.read_model(io.BytesIO(onnx_file(model)))
    graph.reshape(images.shape)
    compiled = core.compile_model(graph, "CPU", options)
    return lambda: compiled([images])[0]


@functools.lru_cache(maxsize=1)
def onnx_file(model: DRCN) -> bytes:
    """The network as an ONNX graph, NCHW: shared kernels are one initialiser each."""
    from onnx import TensorProto, helper, numpy_helper

    a, nodes = model.architecture, []
    weights = {
        name: np.ascontiguousarray(value.transpose(3, 2, 0, 1)) if value.ndim == 4 else value
        for name, value in model.params.items()
        if name != "ensemble.w"
    }
    weights |= {f"ensemble.{d}": w for d, w in enumerate(model.params["ensemble.w"])}

    def add(kind: str, *inputs: str, **attributes: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [f"{kind}{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    def layer(h: str, name: str) -> str:
        z = add("Conv", h, f"{name}.w", f"{name}.b", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        return add("Relu", z) if name in a.rectified else z

    h, final = layer(layer("x", "embed1"), "embed2"), None
    for d in range(a.recursions):
        h = layer(h, "recursion")
        f = layer(layer(h, "reconstruct1"), "reconstruct2")
        y = add("Mul", f"ensemble.{d}", add("Add", "x", f) if a.skip else f)
        final = y if final is None else add("Add", final, y)

    shape = ["N", 1, "H", "W"]
    graph = helper.make_graph(
        nodes,
        "drcn",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(final, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
