from __future__ import annotations

import numpy as np
import pytest
from conftest import run_command
from PIL import Image

from minidrcn import DRCN, checkpoint, load
from minidrcn.animate import best_window, main, partial_ensembles
from minidrcn.data.resize import imresize
from minidrcn.protocol import Sample


def test_a_photograph_becomes_one_frame_for_every_recursion(photo, tmp_path, capsys):
    image = sorted(photo.iterdir())[0]
    code, out, error = run_command(main, [tmp_path / "a.gif", "--image", image], capsys)
    assert (code, error) == (0, "")
    assert out.startswith("written: ")
    with Image.open(tmp_path / "a.gif") as animation:
        assert animation.n_frames == load("x2").architecture.recursions + 1
        assert animation.info["loop"] == 0
    before = (tmp_path / "a.gif").read_bytes()
    code, _, error = run_command(main, [tmp_path / "a.gif", "--image", image], capsys)
    assert code == 2
    assert "exists; name another file, or add --force" in error
    assert run_command(main, [tmp_path / "a.gif", "--image", image, "--force"], capsys)[0] == 0
    assert (tmp_path / "a.gif").read_bytes() == before


def test_the_first_is_the_input_and_the_last_the_ensemble(rng):
    model = load("x3")
    x = rng.random((40, 70)).astype(np.float32)
    window = slice(2, 38), slice(30, 50)
    parts = partial_ensembles(model, x, window)
    assert len(parts) == 10
    assert np.array_equal(parts[0], x[window])
    final, ys = model.predict(x[None, :, :, None])
    w = model.params["ensemble.w"]
    assert np.allclose(parts[-1], (final[0, :, :, 0] + (1 - w.sum()) * x)[window], atol=1e-5)
    assert np.allclose(parts[2] - parts[1], (w[1] * (ys[1, 0, :, :, 0] - x))[window], atol=1e-5)


def test_the_window_is_where_the_network_improves_most():
    target = np.full((150, 180), 128, dtype=np.uint8)
    target[25:55, 76:104] = np.where(np.arange(28) // 4 % 2, 60, 200)
    x = imresize(imresize(target / 255, 1 / 2), 2).astype(np.float32)
    rows, columns = best_window(load("x2"), Sample("", target, x, 2))
    assert (rows.stop - rows.start, columns.stop - columns.start) == (64, 64)
    assert rows.start <= 30 < 50 <= rows.stop
    assert columns.start <= 80 < 100 <= columns.stop


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.png"], "expected a name that ends in .gif"),
        (["a.gif", "--image", "absent.png"], "absent.png"),
        (["a.gif", "--model", "plain.npz"], "without recursive supervision"),
    ],
)
def test_wrong_usage_is_one_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    checkpoint.save("plain.npz", DRCN(2, 2, recursive_supervision=False, scale=2))
    code, out, error = run_command(main, arguments, capsys)
    assert code in (1, 2)
    assert out == ""
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "a.gif").exists()
