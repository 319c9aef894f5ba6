from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import run_command
from PIL import Image

from minidrcn import DRCN, checkpoint
from minidrcn.upscale import main


@pytest.fixture
def model(tmp_path):
    checkpoint.save(tmp_path / "m.npz", DRCN(2, 1, scale=3))
    return str(tmp_path / "m.npz")


def size_of(path):
    with Image.open(path) as image:
        return image.size


def test_a_file_with_the_shipped_weights(photo, tmp_path, capsys):
    code, out, err = run_command(main, [photo / "wave0.png", tmp_path / "large.png"], capsys)
    assert (code, err) == (0, "")
    assert "46 x 37 -> 92 x 74" in out
    assert size_of(tmp_path / "large.png") == (92, 74)


def test_the_scale_comes_from_the_model(photo, tmp_path, capsys, model):
    assert run_command(main, [photo / "wave0.png", tmp_path / "large.jpg", "--model", model], capsys)[0] == 0
    assert size_of(tmp_path / "large.jpg") == (138, 111)
    code, _, err = run_command(main, [photo / "wave0.png", tmp_path / "b.png", "--model", model, "--scale", 2], capsys)
    assert code == 2
    assert "the model was trained for scale 3, not 2" in err


def test_a_folder_and_one_bad_file_in_it(photo, tmp_path, capsys):
    (photo / "broken.png").write_text("no image")
    code, out, err = run_command(main, [photo, tmp_path / "large"], capsys)
    assert code == 1
    assert err.count("\n") == 1
    assert "broken.png: no image" in err
    assert out.count("->") == 2
    assert sorted(path.name for path in (tmp_path / "large").iterdir()) == ["wave0.png", "wave1.png"]


def test_what_can_be_read_and_not_written_becomes_png(photo, tmp_path, capsys):
    (photo / "wave0.png").rename(photo / "wave0.psd")
    assert run_command(main, [photo, tmp_path / "large"], capsys)[0] == 0
    assert sorted(path.name for path in (tmp_path / "large").iterdir()) == ["wave0.psd.png", "wave1.png"]


def test_a_name_that_the_terminal_cannot_show(photo, tmp_path):
    (photo / "wave0.png").rename(photo / "写真.png")
    command = [sys.executable, "-m", "minidrcn.upscale", str(photo / "写真.png"), str(tmp_path / "写.png")]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    result = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert (result.returncode, result.stderr) == (0, b"")
    assert (tmp_path / "写.png").exists()


def test_two_images_never_become_one_file(photo, tmp_path, capsys):
    (photo / "wave0.png").rename(photo / "a.psd.png")
    (photo / "wave1.png").rename(photo / "a.psd")
    code, _, err = run_command(main, [photo, tmp_path / "large"], capsys)
    assert code == 2
    assert "two images of" in err
    assert not (tmp_path / "large").exists()


def test_the_colour_profile_is_kept(photo, tmp_path, capsys):
    with Image.open(photo / "wave0.png") as image:
        image.save(photo / "profiled.png", icc_profile=b"a profile")
    assert run_command(main, [photo / "profiled.png", tmp_path / "o.png"], capsys)[0] == 0
    with Image.open(tmp_path / "o.png") as image:
        assert image.info["icc_profile"] == b"a profile"


def test_a_file_into_a_folder_keeps_its_name(photo, tmp_path, capsys):
    (tmp_path / "large").mkdir()
    assert run_command(main, [photo / "wave1.png", tmp_path / "large"], capsys)[0] == 0
    assert (tmp_path / "large" / "wave1.png").exists()


def test_nothing_is_overwritten_unless_asked_for(photo, tmp_path, capsys):
    target = tmp_path / "large.png"
    target.write_text("precious")
    code, _, err = run_command(main, [photo / "wave0.png", target], capsys)
    assert code == 2
    assert "large.png: exists; name another output or add --force" in err
    assert target.read_text() == "precious"
    assert run_command(main, [photo / "wave0.png", target, "--force"], capsys)[0] == 0
    assert size_of(target) == (92, 74)
    assert run_command(main, [photo, photo], capsys)[0] == 2


def test_wrong_use_is_one_line_and_writes_nothing(photo, tmp_path, capsys, model):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("no image")
    Image.fromarray(np.zeros((5, 4, 4), np.uint8)).save(tmp_path / "clear.png")
    image = photo / "wave0.png"
    before = sorted(path.name for path in tmp_path.iterdir())
    for arguments, status, message in (
        ([tmp_path / "text.png", tmp_path / "o.png"], 1, "text.png: no image that Pillow can read"),
        ([tmp_path / "absent.png", tmp_path / "o.png"], 1, "no such file or folder"),
        ([tmp_path / "empty", tmp_path / "o"], 1, "no images in this folder"),
        ([photo, image], 2, "name a folder to write to"),
        ([image, tmp_path / "o.png", "--scale", 5], 2, "invalid choice: 5"),
        ([image, tmp_path / "o.png", "--model", "x5"], 2, "no weights 'x5' are shipped; there are: x2"),
        ([image, tmp_path / "o.png", "--model", tmp_path / "text.png"], 1, "no model of minidrcn's"),
        ([image, tmp_path / "o.png", "--model", "absent.npz"], 1, "no such file"),
        ([image, tmp_path / "o.xyz"], 2, "the ending '.xyz' names no format to write"),
        ([image, tmp_path / "o.ico"], 2, "the ending '.ico' names no format to write"),
        ([image, tmp_path / "o"], 2, "names no format to write"),
        ([tmp_path / "clear.png", tmp_path / "o.jpg"], 1, "cannot hold this image"),
        ([image, tmp_path / "absent" / "o.png"], 1, "cannot be written"),
        ([image], 2, "required: OUT"),
    ):
        code, _, err = run_command(main, arguments, capsys)
        assert code == status, (arguments, err)
        assert message in err
        assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before
