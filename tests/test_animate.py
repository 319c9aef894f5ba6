from __future__ import annotations

import numpy as np
import pytest
from conftest import run_command
from PIL import Image

from minidrcn import DRCN, animate, load
from minidrcn.animate import best_window, main, partial_ensembles
from minidrcn.data.resize import imresize
from minidrcn.imaging.protocol import Sample
from minidrcn.imaging.tiles import predict_luma
from minidrcn.model import checkpoint


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
    assert "exists; name another, or add --force" in error
    assert run_command(main, [tmp_path / "a.gif", "--image", image, "--force"], capsys)[0] == 0
    assert (tmp_path / "a.gif").read_bytes() == before


def test_a_file_that_appears_during_the_work_is_kept(photo, tmp_path, capsys, monkeypatch):
    def slowly(*arguments):
        (tmp_path / "a.gif").write_text("precious")
        return best_window(*arguments)

    monkeypatch.setattr(animate, "best_window", slowly)
    arguments = [tmp_path / "a.gif", "--image", photo / "wave0.png"]
    assert run_command(main, arguments, capsys)[::2] == (
        1,
        f"minidrcn.animate: error: {tmp_path / 'a.gif'}: File exists\n",
    )
    assert (tmp_path / "a.gif").read_text() == "precious"


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


def test_no_other_window_is_improved_more(rng):
    sharp = (np.kron(rng.random((19, 23)), np.ones((4, 4))) * 255).astype(np.uint8)
    x = imresize(imresize(sharp / 255, 1 / 2), 2).astype(np.float32)
    model = load("x2")
    best = best_window(model, Sample("", sharp, x, 2))
    assert [s.stop - s.start for s in best] == [64, 64]
    gain = np.square(x - sharp / 255) - np.square(predict_luma(model, x) - sharp / 255)
    assert gain[best].sum() == pytest.approx(
        max(gain[i : i + 64, j : j + 64].sum() for i in range(13) for j in range(29))
    )


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
