from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import run_command
from PIL import Image, ImageCms

from minidrcn import DRCN, upscale
from minidrcn.model import checkpoint
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


def test_shards_share_a_folder(photo, tmp_path, capsys, model):
    source = tmp_path / "in"
    source.mkdir()
    for k in range(5):
        shutil.copy(photo / "wave0.png", source / f"{k}.png")
    seen = []
    for k in (1, 2, 3):
        code, out, err = run_command(main, [source, tmp_path / "out", "--model", model, "--shard", f"{k}/3"], capsys)
        assert code == 0, err
        seen += re.findall(r"(\d)\.png: \d", out)
        assert f"written: {[2, 2, 1][k - 1]} of {[2, 2, 1][k - 1]} images in" in out
    assert sorted(seen) == ["0", "1", "2", "3", "4"]
    code, _, err = run_command(main, [source, tmp_path / "out", "--model", model, "--shard", "4/3"], capsys)
    assert (code, "must be K/N with K from 1 to N" in err) == (2, True)


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
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        image.save(photo / "profiled.png", icc_profile=profile)
    assert run_command(main, [photo / "profiled.png", tmp_path / "o.png"], capsys)[0] == 0
    with Image.open(tmp_path / "o.png") as image:
        assert image.info["icc_profile"] == profile


def test_a_file_into_a_folder_keeps_its_name(photo, tmp_path, capsys):
    (tmp_path / "large").mkdir()
    assert run_command(main, [photo / "wave1.png", tmp_path / "large"], capsys)[0] == 0
    assert (tmp_path / "large" / "wave1.png").exists()


def test_nothing_is_overwritten_unless_asked_for(photo, tmp_path, capsys):
    target = tmp_path / "large.png"
    target.write_text("precious")
    code, _, err = run_command(main, [photo / "wave0.png", target], capsys)
    assert code == 2
    assert "large.png: exists; name another, or add --force" in err
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


def test_what_the_file_said_of_the_photograph_is_kept(tmp_path, capsys, model):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6  # taken sideways
    Image.new("RGB", (6, 5), "red").save(tmp_path / "a.jpg", exif=exif, dpi=(240, 240))
    assert run_command(main, [tmp_path / "a.jpg", tmp_path / "b.jpg", "--model", model], capsys)[0] == 0
    with Image.open(tmp_path / "b.jpg") as large:
        assert large.size == (15, 18), "turned upright"
        assert dict(large.getexif())[0x010F] == "Maker"
        assert 0x0112 not in large.getexif()
        assert large.info["dpi"] == (240, 240)


def test_metadata_that_cannot_be_written_are_no_reason_to_lose_the_picture(tmp_path, capsys, model, monkeypatch):
    Image.new("RGB", (6, 5), "red").save(tmp_path / "a.png")
    monkeypatch.setattr("minidrcn.upscale.metadata", lambda *_: {"exif": "no exif", "icc_profile": 3})
    assert run_command(main, [tmp_path / "a.png", tmp_path / "b.png", "--model", model], capsys)[0] == 0
    assert size_of(tmp_path / "b.png") == (18, 15)


def test_sixteen_bits_are_kept_and_a_transparency_that_is_lost_is_said(tmp_path, capsys, model):
    grey = Image.fromarray(np.arange(30, dtype=np.uint16).reshape(5, 6) * 2000)
    grey.save(tmp_path / "a.png")
    grey.save(tmp_path / "t.png", transparency=4000)
    assert run_command(main, [tmp_path / "a.png", tmp_path / "b.png", "--model", model], capsys)[2] == ""
    code, _, err = run_command(main, [tmp_path / "t.png", tmp_path / "u.png", "--model", model], capsys)
    assert (code, err) == (0, f"{tmp_path / 't.png'}: grey with 16 bits; its transparency is left out\n")
    for name in ("b.png", "u.png"):
        with Image.open(tmp_path / name) as large:
            assert large.mode == "I;16"


def test_an_image_that_takes_too_much_memory_does_not_stop_the_others(photo, tmp_path, capsys, model, monkeypatch):
    upscale_image = upscale.upscale_image

    def too_much(image, *rest, **options):
        if image.width == 99:
            raise MemoryError
        return upscale_image(image, *rest, **options)

    Image.new("L", (99, 10)).save(photo / "a.png")
    monkeypatch.setattr(upscale, "upscale_image", too_much)
    code, out, err = run_command(main, [photo, tmp_path / "large", "--model", model], capsys)
    assert (code, out.count("->")) == (1, 2)
    assert err.count("\n") == 1
    assert "a.png: takes more memory than there is; lower --max-megapixels" in err


def test_a_file_that_appears_during_the_work_is_kept(photo, tmp_path, capsys, model, monkeypatch):
    upscale_image = upscale.upscale_image

    def slowly(image, *rest, **options):
        (tmp_path / "large.png").write_text("precious")
        return upscale_image(image, *rest, **options)

    monkeypatch.setattr(upscale, "upscale_image", slowly)
    code, _, err = run_command(main, [photo / "wave0.png", tmp_path / "large.png", "--model", model], capsys)
    assert code == 1
    assert "large.png: cannot be written (File exists)" in err
    assert (tmp_path / "large.png").read_text() == "precious"


def test_the_limit_on_pixels_can_be_raised(tmp_path, capsys, model):
    Image.new("L", (60, 50)).save(tmp_path / "a.png")
    arguments = [tmp_path / "a.png", tmp_path / "b.png", "--model", model, "--max-megapixels"]
    code, _, err = run_command(main, [*arguments, "0.002"], capsys)
    assert code == 1
    assert "more than 0.002 megapixels" in err
    assert not (tmp_path / "b.png").exists()
    assert run_command(main, [*arguments, "0.003"], capsys)[0] == 0
    for wrong in ("0", "-1", "many", "nan", "1e9"):
        code, _, err = run_command(main, [*arguments, wrong], capsys)
        assert code == 2
        assert "must be a number above 0 and at most 1e6" in err


@pytest.mark.parametrize("name", ["a photograph.png", "Überblick.png", "写真.png", "-dash.png", "per%cent.png"])
def test_any_name_will_do(tmp_path, capsys, model, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "in"
    folder.mkdir()
    Image.new("RGB", (6, 5)).save(folder / name)
    assert run_command(main, [folder, tmp_path / "out", "--model", model], capsys)[0] == 0
    assert size_of(tmp_path / "out" / name) == (18, 15)
