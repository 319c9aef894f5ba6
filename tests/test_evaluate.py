from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import run_command
from PIL import Image

from minidrcn import DRCN, checkpoint
from minidrcn.evaluate import main
from minidrcn.protocol import load_sample, measure


def test_the_table_says_what_was_measured_and_how(photo, capsys):
    code, out, err = run_command(main, ["--data", photo], capsys)
    assert (code, err) == (0, "")
    assert out.splitlines()[2].startswith("wave0")
    assert "mean" in out
    assert "shaved" in out.splitlines()[-1]


def test_json_for_programs(photo, capsys):
    code, out, _ = run_command(main, ["--data", photo, "--json"], capsys)
    values = json.loads(out)
    assert code == 0
    assert values["scale"] == 2
    samples = [load_sample(path, 2) for path in sorted(photo.iterdir())]
    expected = [measure(sample.x, sample).psnr for sample in samples]
    assert [image["bicubic"]["psnr"] for image in values["images"]] == expected
    assert values["mean"]["bicubic"]["psnr"] == pytest.approx(np.mean(expected))
    assert values["mean"]["drcn"].keys() == {"psnr", "ssim"}


def test_a_grey_image_of_odd_size_at_three(tmp_path, capsys, rng):
    Image.fromarray(rng.integers(0, 255, (41, 50), dtype=np.uint8)).save(tmp_path / "grey.png")
    (tmp_path / "m").mkdir()
    checkpoint.save(tmp_path / "m" / "m.npz", DRCN(2, 1, scale=3))
    code, out, _ = run_command(main, ["--data", tmp_path, "--model", tmp_path / "m" / "m.npz"], capsys)
    assert code == 0
    assert "x3" in out


def test_comparisons_as_pictures(photo, tmp_path, capsys):
    assert run_command(main, ["--data", photo, "--pictures", tmp_path / "p"], capsys)[0] == 0
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == ["wave0.png", "wave1.png"]


def test_wrong_use_is_one_line(tmp_path, photo, capsys):
    Image.new("L", (8, 8)).save(tmp_path / "small.png")
    for arguments, status, message in (
        (["--data", "absent"], 2, "no such folder"),
        (["--data", tmp_path], 1, "measuring at scale 2 needs 15 x 15"),
        (["--data", photo, "--scale", 3], 2, "no weights 'x3' are shipped"),
        (["--data", photo, "--pictures", tmp_path], 2, "exists; name a new folder"),
        (["--data", photo, "--scale", 5], 2, "invalid choice: 5"),
        (["--data", photo, "--model", "x2", "--scale", 3], 2, "trained for scale 2, not 3"),
    ):
        code, _, err = run_command(main, arguments, capsys)
        assert code == status
        assert message in err
        assert err.count("\n") == 1
