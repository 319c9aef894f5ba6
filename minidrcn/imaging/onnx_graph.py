"""A network as an ONNX graph, which other programs run: luma to luma, or RGB to RGB with everything else inside.

Maps are NCHW there and kernels OIHW. A kernel that is used after every recursion is stored once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..data.degradation import LUMA_MAX, LUMA_MIN
from ..data.image_io import OFFSETS, RGB_TO_YCBCR
from ..model.checkpoint import is_shipped
from ..model.drcn import DRCN

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET, IR_VERSION = 13, 8  # old enough for every program in use


def luma_graph(model: DRCN, per_recursion: bool = False, metadata: Mapping[str, str] | None = None) -> ModelProto:
    """The network alone: enlarged luma `x` to sharp luma `final`, both (N, 1, H, W), as `DRCN.predict`.

    Args:
        model: on the CPU; of float64 parameters the graph holds float32.
        per_recursion: also the predictions after each recursion, outputs `y_1` to `y_D`.
        metadata: what the file says about itself.

    Raises:
        ModuleNotFoundError: onnx is not installed.
    """
    graph = _Graph()
    final, ys = _network(graph, model, "x")
    outputs = {"final": final} | (_numbered("y", ys) if per_recursion else {})
    return graph.finish("x", ["N", 1, "H", "W"], outputs, ["N", 1, "H", "W"], metadata)


def photo_graph(
    model: DRCN, scale: int, per_recursion: bool = False, metadata: Mapping[str, str] | None = None
) -> ModelProto:
    """A photograph and its enlargement, as `upscale_image`: `rgb` (N, 3, H, W) to `larger`, both in [0, 1].

    H and W are 2 or more. The other arguments are those of `luma_graph`; the recursions' outputs are `larger_1` to
    `larger_D`, and `larger_0` is bicubic interpolation alone.
    """
    graph = _Graph()
    matrix, black = RGB_TO_YCBCR / 255, OFFSETS / 255
    inverse = np.linalg.inv(matrix)
    ycbcr = _enlarge(graph, _affine(graph, "rgb", "ycbcr", matrix, black), scale)
    y, chroma = (_slice(graph, ycbcr, [start], [end], [1]) for start, end in ((0, 1), (1, 3)))
    x = graph.add("Clip", y, graph.constant("luma_min", LUMA_MIN), graph.constant("luma_max", LUMA_MAX))
    final, ys = _network(graph, model, x)

    def in_colour(y: str) -> str:
        rgb = _affine(graph, graph.add("Concat", y, chroma, axis=1), "rgb", inverse, -inverse @ black)
        return graph.add("Clip", rgb, graph.constant("zero", 0.0), graph.constant("one", 1.0))

    outputs = {"larger": in_colour(final)}
    if per_recursion:
        outputs |= _numbered("larger", [in_colour(y) for y in (x, *ys)], first=0)
    return graph.finish("rgb", ["N", 3, "H", "W"], outputs, ["N", 3, f"{scale}*H", f"{scale}*W"], metadata)


def metadata(name: str, model: DRCN, scale: int) -> dict[str, str]:
    """What an exported file says about itself: scale and architecture, and the licence of shipped weights."""
    facts = {"model": Path(name).stem, "scale": scale, **asdict(model.architecture)}
    if is_shipped(name):
        facts["model_license"] = "MIT"
    return {key: str(value) for key, value in facts.items()}


def _numbered(name: str, values: list[str], first: int = 1) -> dict[str, str]:
    return {f"{name}_{d}": value for d, value in enumerate(values, first)}


def _network(graph: _Graph, model: DRCN, x: str) -> tuple[str, list[str]]:
    """`network.forward`, node by node: final and ys."""
    a = model.architecture
    for name, value in model.folded_params.items():
        graph.constant(name, value.transpose(3, 2, 0, 1) if value.ndim == 4 else value)

    def layer(h: str, name: str) -> str:
        z = graph.add("Conv", h, f"{name}.w", f"{name}.b", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        return graph.add("Relu", z) if name in a.rectified else z

    h, ys = layer(layer(x, "embed1"), "embed2"), []
    for d in range(1, a.recursions + 1):
        h = layer(h, "recursion")
        if d in a.supervised_steps:
            f = layer(layer(h, "reconstruct1"), "reconstruct2")
            ys.append(graph.add("Add", x, f) if a.skip else f)
    if not a.recursive_supervision:
        return ys[0], ys
    # The weighted sum over D maps is a convolution of one pixel.
    weights = graph.constant("ensemble.w", model.params["ensemble.w"].reshape(1, -1, 1, 1))
    return graph.add("Conv", graph.add("Concat", *ys, axis=1), weights), ys


def _enlarge(graph: _Graph, x: str, scale: int) -> str:
    """`imresize` by a whole number. Beyond the border lies the mirror image, which Resize does not know by itself."""
    for axis in (2, 3):
        ends = ("before", [1, 0]), ("after", [-1, -2])  # the two pixels that the kernel reaches
        before, after = (graph.add("Gather", x, graph.constant(name, index), axis=axis) for name, index in ends)
        x = graph.add("Concat", before, x, after, axis=axis)
    scales = graph.constant("scales", [1.0, 1.0, scale, scale])
    x = graph.add("Resize", x, "", scales, mode="cubic", cubic_coeff_a=-0.5)
    return _slice(graph, x, [2 * scale] * 2, [-2 * scale] * 2, [2, 3])


def _slice(graph: _Graph, x: str, starts: list[int], ends: list[int], axes: list[int]) -> str:
    return graph.add("Slice", x, *(graph.constant(str(numbers), numbers) for numbers in (starts, ends, axes)))


def _affine(graph: _Graph, x: str, name: str, matrix: np.ndarray, offset: np.ndarray) -> str:
    """`matrix @ x + offset` for every pixel, as a convolution of one pixel."""
    kernel = graph.constant(f"to_{name}.w", matrix[:, :, None, None])
    return graph.add("Conv", x, kernel, graph.constant(f"to_{name}.b", offset))


class _Graph:
    """Nodes and named constants as they are added."""

    def __init__(self) -> None:
        self.nodes: list = []
        self.constants: dict[str, np.ndarray] = {}

    def constant(self, name: str, value: np.ndarray | list | float) -> str:
        """A constant, int64 or float32; added twice, it is stored once."""
        value = np.asarray(value)
        self.constants[name] = np.ascontiguousarray(value, np.int64 if value.dtype.kind == "i" else np.float32)
        return name

    def add(self, kind: str, *inputs: str, output: str | None = None, **attributes: object) -> str:
        """A node; returns the name of its output."""
        from onnx import helper

        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def finish(
        self, x: str, shape: list, outputs: dict[str, str], output_shape: list, metadata: Mapping[str, str] | None
    ) -> ModelProto:
        """The graph from x to outputs, given by the names that they get and those that they have."""
        from onnx import TensorProto, helper, numpy_helper

        from .. import __version__

        def declare(names: Iterable[str], shape: list) -> list:
            return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in names]

        for name, inner in outputs.items():
            self.add("Identity", inner, output=name)
        constants = [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        graph = helper.make_graph(self.nodes, "drcn", declare([x], shape), declare(outputs, output_shape), constants)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="minidrcn",
            producer_version=__version__,
        )
        helper.set_model_props(model, dict(metadata or {}))
        return model
