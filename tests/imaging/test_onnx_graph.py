"""Exported graphs compute what the package computes, by another library."""

from __future__ import annotations

import numpy as np
import pytest

from minidrcn import DRCN, load, upscale_image
from minidrcn.data.degradation import enlarge_luma
from minidrcn.data.image_io import luma, rgb_to_ycbcr, ycbcr_to_rgb
from minidrcn.data.resize import imresize
from minidrcn.imaging.onnx_graph import luma_graph, metadata, photo_graph

onnx = pytest.importorskip("onnx", reason='pip install -e ".[onnx]" brings onnx')
onnxruntime = pytest.importorskip("onnxruntime", reason="pip install onnxruntime, which runs the graphs")

KINDS = {
    "linear, folded": {"filters": 12},
    "linear": {"filters": 4},
    "ReLU": {"filters": 12, "reconstruction_relu": True},
    "basic": {"skip": False, "recursive_supervision": False, "reconstruction_relu": True, "output_relu": True},
    "float64": {"dtype": "float64"},
}


def run(graph, x):
    """The outputs by name, for NHWC or HWC in and the same out."""
    onnx.checker.check_model(graph, full_check=True)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    batch = np.ascontiguousarray(np.moveaxis(x.astype(np.float32), -1, -3).reshape(-1, x.shape[-1], *x.shape[-3:-1]))
    values = session.run(None, {session.get_inputs()[0].name: batch})
    names = [output.name for output in session.get_outputs()]
    return {name: np.moveaxis(value, 1, -1) for name, value in zip(names, values, strict=True)}


def grey_levels(image):
    return np.floor(image[0] * 255 + 0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_luma_to_luma_is_the_network_s(kind, rng):
    model = DRCN(**{"filters": 5, "recursions": 3, **KINDS[kind]})
    for value in model.params.values():
        value += 0.1 * rng.standard_normal(value.shape).astype(value.dtype)
    x = rng.random((2, 14, 11, 1))
    final, ys = model.predict(x)
    outputs = run(luma_graph(model, per_recursion=True), x)
    assert list(outputs) == ["final", *(f"y_{d}" for d in range(1, len(ys) + 1))]
    for value, expected in zip(outputs.values(), [final, *ys], strict=True):
        assert np.abs(value - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_shipped_networks_to_1e_5(scale, rng):
    # Luma as bicubic interpolation leaves it: what they make of white noise leaves [0, 1], and rounding grows with it.
    model, x = load(f"x{scale}"), enlarge_luma(rng.random((11, 15), dtype=np.float32), scale)[None, :, :, None]
    assert np.abs(run(luma_graph(model), x)["final"] - model.predict(x)[0]).max() <= 1e-5


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("what", ["photograph", "black and white noise", "two by three"])
def test_rgb_to_rgb_is_upscale_image_to_one_grey_level_border_included(scale, what, rng):
    from skimage.data import chelsea

    image = chelsea()[100:140, 150:201]
    if what != "photograph":
        image = rng.choice(np.array([0, 255], np.uint8), (27, 30, 3) if "noise" in what else (2, 3, 3))
    outputs = run(photo_graph(load(f"x{scale}"), scale), image / 255)
    difference = np.abs(grey_levels(outputs["larger"]) - upscale_image(image, scale))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01


def test_every_recursion_in_colour(rng):
    model = DRCN(4, 3, scale=3)
    image = rng.random((9, 8, 3))
    outputs = run(photo_graph(model, 3, per_recursion=True), image)
    assert list(outputs) == ["larger", "larger_0", "larger_1", "larger_2", "larger_3"]
    x = enlarge_luma(luma(image), 3)[None, :, :, None]
    _, ys = model.predict(x)
    chroma = imresize(rgb_to_ycbcr(image), 3)[..., 1:]
    for d, y in enumerate([x, *ys]):
        expected = ycbcr_to_rgb(np.dstack([y[0], chroma]))
        assert np.abs(outputs[f"larger_{d}"][0] - expected).max() < 1e-4


def test_shared_kernels_are_stored_once_and_the_file_says_what_it_is():
    model = load("x3")
    graph = photo_graph(model, 3, True, metadata("x3", model, 3))
    assert graph.ByteSize() < 4 * sum(p.size for p in model.params.values()) + 10_000
    facts = {entry.key: entry.value for entry in graph.metadata_props}
    assert facts.items() >= {"model": "x3", "scale": "3", "filters": "64", "model_license": "MIT"}.items()
    assert "model_license" not in metadata("mine/x3.npz", model, 3), "what others trained is theirs"


def test_the_scale_can_be_read_off_the_shapes():
    """As chaiNNer does: the shape of the first output for an input of 16 x 16."""
    graph = photo_graph(DRCN(2, 1, scale=3), 3, per_recursion=True)
    for axis in (2, 3):
        graph.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = 16
        for output in graph.graph.output:
            output.type.tensor_type.shape.dim[axis].Clear()
    shape = onnx.shape_inference.infer_shapes(graph).graph.output[0].type.tensor_type.shape
    assert [axis.dim_value for axis in shape.dim[1:]] == [3, 48, 48]
