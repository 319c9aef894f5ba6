from __future__ import annotations

import re
import sys

import numpy as np
import pytest
from conftest import run_command

from minidrcn import DRCN, export
from minidrcn.export import main
from minidrcn.model import checkpoint
from minidrcn.model.checkpoint import WEIGHTS


@pytest.fixture
def needed():
    for library in ("onnx", "safetensors"):
        pytest.importorskip(library, reason=f'pip install -e ".[onnx]" brings {library}')


def test_a_graph_of_each_kind(tmp_path, capsys, needed):
    import onnx

    checkpoint.save(tmp_path / "m.npz", DRCN(4, 2, scale=4))
    for options, names in (
        ([], ["rgb", "larger"]),
        (["--per-recursion"], ["rgb", "larger", "larger_0", "larger_1", "larger_2"]),
        (["--luma"], ["x", "final"]),
        (["--luma", "--per-recursion"], ["x", "final", "y_1", "y_2"]),
    ):
        target = tmp_path / f"drcn_x4{'_'.join(options)}.onnx"
        code, out, err = run_command(main, [tmp_path / "m.npz", target, *options], capsys)
        assert (code, err) == (0, "")
        assert out.startswith(f"written: {target}, ")
        model = onnx.load(target)
        assert [end.name for end in (*model.graph.input, *model.graph.output)] == names
        assert {entry.key: entry.value for entry in model.metadata_props}["scale"] == "4"


@pytest.mark.torch
@pytest.mark.parametrize("relu", [False, True])
def test_the_card_s_lines_load_it_into_pytorch(tmp_path, capsys, needed, relu, rng, monkeypatch):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    model = DRCN(5, 3, reconstruction_relu=relu, scale=2)
    checkpoint.save(tmp_path / "m.npz", model)
    assert run_command(main, [tmp_path / "m.npz", tmp_path / "drcn_x2.safetensors"], capsys)[0] == 0
    monkeypatch.chdir(tmp_path)
    (lines,) = re.findall(r"```python\n(from safetensors.*?)```", (WEIGHTS / "README.md").read_text("utf-8"), re.DOTALL)
    names = {}
    exec(compile(lines, "README.md", "exec"), names)
    x = rng.random((2, 9, 8, 1), dtype=np.float32)
    final = names["drcn"](torch.from_numpy(x.transpose(0, 3, 1, 2))).numpy()
    assert np.abs(final[:, 0] - model.predict(x)[0][..., 0]).max() < 1e-5


def test_wrong_use_is_one_line_and_writes_nothing(tmp_path, capsys):
    (tmp_path / "old.onnx").write_text("precious")
    (tmp_path / "text.npz").write_text("no model")
    before = sorted(tmp_path.iterdir())
    for arguments, status, message in (
        (["x2", tmp_path / "a.xyz"], 2, "a.xyz: expected a name that ends in .onnx or .safetensors"),
        (["x2", tmp_path], 2, "expected a name that ends in"),
        (["x2", tmp_path / "old.onnx"], 2, "old.onnx: exists; name another, or add --force"),
        (["x5", tmp_path / "a.onnx"], 2, "no weights 'x5' are shipped; there are: x2"),
        (["absent.npz", tmp_path / "a.onnx"], 1, "no such file"),
        ([tmp_path / "text.npz", tmp_path / "a.onnx"], 1, "no model of minidrcn's"),
        (["x2", tmp_path / "a.safetensors", "--luma"], 2, "safetensors hold parameters alone"),
        (["x2"], 2, "required: FILE"),
    ):
        code, out, err = run_command(main, arguments, capsys)
        assert (code, out) == (status, ""), (arguments, err)
        assert message in err
        assert err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "old.onnx").read_text() == "precious"


def test_a_file_that_appears_during_the_work_is_kept(tmp_path, capsys, monkeypatch):
    target = tmp_path / "a.safetensors"

    def slowly(*_):
        target.write_text("precious")
        return b"new"

    monkeypatch.setattr(export, "safetensors", slowly)
    code, _, err = run_command(main, ["x2", target], capsys)
    assert (code, err.count("\n"), target.read_text()) == (1, 1, "precious")
    assert run_command(main, ["x2", target, "--force"], capsys)[0] == 0
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize(("library", "suffix"), [("onnx", ".onnx"), ("safetensors", ".safetensors")])
def test_without_the_extra_it_says_what_brings_it(library, suffix, tmp_path, capsys, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)  # as if it were not installed
    code, _, err = run_command(main, ["x2", tmp_path / f"a{suffix}"], capsys)
    assert (code, err.count("\n")) == (1, 1)
    assert re.search(rf'needs {library}\S*, which is not installed: pip install -e ".\[onnx\]" brings it', err)
    assert not list(tmp_path.iterdir())
