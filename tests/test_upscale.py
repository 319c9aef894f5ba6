from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import standin
from conftest import run_command
from PIL import Image, ImageCms

from minidrcn import DRCN, upscale, upscale_image
from minidrcn.files import atomic_write
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
    assert "broken.png: no image" in err.splitlines()[0]
    assert re.fullmatch(
        r"minidrcn.upscale: 2 of 3 photographs written in \d+ s, 0 were there already, 1 failed", err.splitlines()[1]
    )
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
    assert "two images would become" in err
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
    code, _, err = run_command(main, [photo / "wave0.png", "--out", target], capsys)
    assert code == 2
    assert "large.png: exists; name another, or add --force" in err
    # Of the photographs that a shell makes of *.png, the last is not meant to be replaced.
    code, _, err = run_command(main, [photo / "wave0.png", target, "--force"], capsys)
    assert code == 2
    assert "large.png: exists, and the last of several names is the output unless --out names it" in err
    assert target.read_text() == "precious"
    assert run_command(main, [photo / "wave0.png", "--out", target, "--force"], capsys)[0] == 0
    assert size_of(target) == (92, 74)
    code, _, err = run_command(main, [photo, photo], capsys)
    assert (code, "would be replaced by an enlargement; name another output" in err) == (2, True)


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
        ([photo, "--out", image], 2, "name a folder to write to"),
        ([photo, image], 2, "the last of several names is the output"),
        ([image, tmp_path / "o.png", "--scale", 5], 2, "invalid choice: 5"),
        ([image, tmp_path / "o.png", "--model", "x5"], 2, "no weights 'x5' are shipped; there are: x2"),
        ([image, tmp_path / "o.png", "--model", tmp_path / "text.png"], 1, "no model of minidrcn's"),
        ([image, tmp_path / "o.png", "--model", "absent.npz"], 1, "no such file"),
        ([image, tmp_path / "o.xyz"], 2, "the ending '.xyz' names no format to write"),
        ([image, tmp_path / "o.ico"], 2, "the ending '.ico' names no format to write"),
        ([image, tmp_path / "o"], 2, "names no format to write"),
        ([tmp_path / "clear.png", tmp_path / "o.jpg"], 1, "cannot hold this image"),
        ([image, tmp_path / "absent" / "o.png"], 1, "cannot be written"),
        ([], 2, "required: IN"),
        (["", tmp_path / "o.png"], 2, "the name of a file or folder is empty"),
        ([image, "--out", image], 2, "would be replaced by an enlargement"),
        ([image, "--out", image, "--force"], 2, "would be replaced by an enlargement"),
        ([image, tmp_path / "o.png", "--quality", 0], 2, "--quality: must be a whole number of at least 1 and at most"),
        ([image, "--format", "docx"], 2, "--format: must be an ending such as png"),
        ([image, tmp_path / "o.png", "--format", "jpg"], 2, "does not end in .jpg, which --format asks for"),
        ([image, "--width", 46], 1, "46 x 37; enlarged by more than 1 and at most 16, not by 1"),
        ([image, "--height", 2000], 1, "46 x 37; enlarged by more than 1 and at most 16, not by 54.1"),
        ([image, "--width", 80, "--scale", 2], 2, "--scale: not allowed with argument --width"),
        ([image, "--force", "--skip-existing"], 2, "not allowed with"),
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
    upscale_by = upscale.upscale_by

    def too_much(image, *rest, **options):
        if image.width == 99:
            raise MemoryError
        return upscale_by(image, *rest, **options)

    Image.new("L", (99, 10)).save(photo / "a.png")
    monkeypatch.setattr(upscale, "upscale_by", too_much)
    code, out, err = run_command(main, [photo, tmp_path / "large", "--model", model], capsys)
    assert (code, out.count("->")) == (1, 2)
    assert "a.png: takes more memory than there is; try with fewer --workers" in err.splitlines()[0]
    assert "2 of 3 photographs written" in err.splitlines()[1]


def test_a_file_that_appears_during_the_work_is_kept(photo, tmp_path, capsys, model, monkeypatch):
    upscale_by = upscale.upscale_by

    def slowly(image, *rest, **options):
        (tmp_path / "large.png").write_text("precious")
        return upscale_by(image, *rest, **options)

    monkeypatch.setattr(upscale, "upscale_by", slowly)
    code, _, err = run_command(main, [photo / "wave0.png", tmp_path / "large.png", "--model", model], capsys)
    assert code == 1
    assert "large.png: cannot be written" in err
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


@pytest.fixture
def quick(tmp_path):
    """Options for a network that is quick, trained for x2."""
    checkpoint.save(tmp_path / "quick.npz", DRCN(2, 1, scale=2))
    return ["--model", tmp_path / "quick.npz"]


@pytest.fixture
def trip(tmp_path, rng) -> Path:
    """A folder of folders of photographs, with files that are none."""
    folder = tmp_path / "trip"
    for name in ("a.png", "b.bmp", "day 1/a.png", "day 1/c.tif", "day 2/night/d.webp", ".thumbnails/a.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (6, 7, 3), dtype=np.uint8)).save(folder / name)
    (folder / "day 1" / "notes.txt").write_text("no photograph")
    return folder


def files_in(folder):
    """Every file below a folder, its name and what it holds."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_many_files_as_a_shell_names_them(trip, tmp_path, capsys, quick):
    code, _, err = run_command(main, [trip / "a.png", trip / "b.bmp", tmp_path / "new/", *quick], capsys)
    assert (code, err.partition(" in ")[0]) == (0, "minidrcn.upscale: 2 of 2 photographs written")
    assert sorted(files_in(tmp_path / "new")) == ["a.png", "b.bmp"]
    # One that matches *.png, into a folder that does not exist yet; and where the shell leaves the pattern as it is.
    assert run_command(main, [trip / "a.png", f"{tmp_path / 'one'}/", *quick], capsys)[0] == 0
    assert run_command(main, [trip / "*.[pb][nm][gp]", tmp_path / "all", *quick], capsys)[0] == 0
    assert files_in(tmp_path / "all") == files_in(tmp_path / "new")


def test_subfolders_are_kept(trip, tmp_path, capsys, quick):
    assert run_command(main, [trip, "--out", tmp_path / "flat", *quick], capsys)[0] == 0
    assert sorted(files_in(tmp_path / "flat")) == ["a.png", "b.bmp"]
    code, _, err = run_command(main, [trip, "--recursive", "--out", trip / "large", *quick], capsys)
    assert (code, err.partition(" in ")[0]) == (0, "minidrcn.upscale: 5 of 5 photographs written")
    written = files_in(trip / "large")
    assert sorted(written) == ["a.png", "b.bmp", "day 1/a.png", "day 1/c.tif", "day 2/night/d.webp"]
    again = [trip, "--recursive", "--out", trip / "large", "--skip-existing", *quick]
    code, _, err = run_command(main, again, capsys)
    assert (code, "0 of 5 photographs written" in err) == (0, True), "the results are no photographs to enlarge"
    assert files_in(trip / "large") == written


def test_a_name_by_itself(trip, tmp_path, capsys, quick, monkeypatch):
    assert run_command(main, [trip / "day 1" / "a.png", *quick], capsys)[0] == 0
    assert size_of(trip / "day 1" / "a_x2.png") == (14, 12)
    assert run_command(main, [trip, "--recursive", *quick], capsys)[0] == 0
    assert len(files_in(tmp_path / "trip_x2")) == 6
    monkeypatch.chdir(trip)
    assert run_command(main, [".", "--height", 9, *quick], capsys)[0] == 0
    assert sorted(files_in(tmp_path / "trip_h9")) == ["a.png", "b.bmp"]


def test_going_on_where_a_run_was_interrupted(trip, tmp_path, capsys, quick):
    command = [trip, tmp_path / "new", "--recursive", *quick]
    assert run_command(main, command, capsys)[0] == 0
    whole = files_in(tmp_path / "new")
    (tmp_path / "new" / "day 1" / "c.tif").unlink()
    (tmp_path / "new" / "a.png").write_text("left as it is")
    for begun, target in ((True, "day 1/c.tif"), (False, "others.png")):
        with atomic_write(tmp_path / "new" / target) as temporary:
            temporary.write_text("half of it")
        (tmp_path / "new" / target).rename(temporary)
        whole |= {} if begun else {temporary.name: b"half of it"}
    assert run_command(main, command, capsys)[0] == 2
    code, out, err = run_command(main, [*command, "--skip-existing"], capsys)
    assert (code, out.count("->")) == (0, 1)
    assert "1 of 5 photographs written" in err
    assert "4 were there already, 0 failed" in err
    assert files_in(tmp_path / "new") == {**whole, "a.png": b"left as it is"}


def test_two_shards_are_one_run_byte_for_byte(trip, tmp_path, capsys, quick):
    assert run_command(main, [trip, tmp_path / "whole", "--recursive", *quick], capsys)[0] == 0
    command = [sys.executable, "-m", "minidrcn.upscale", trip, tmp_path / "shared", "--recursive", *quick, "--shard"]
    shards = [subprocess.Popen([*map(str, command), k], stdout=subprocess.DEVNULL) for k in ("1/2", "2/2")]
    assert [shard.wait() for shard in shards] == [0, 0]
    assert files_in(tmp_path / "shared") == files_in(tmp_path / "whole")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_a_chosen_width_or_height(tmp_path, capsys, quick, rng, suffix):
    image = Image.fromarray(rng.integers(0, 256, (20, 30, 4), dtype=np.uint8))
    image.save(tmp_path / f"a{suffix}")
    for option, size in (("--width", 53), ("--height", 60), ("--width", 60), ("--width", 101)):
        target = tmp_path / f"o{size}{option[2]}{suffix}"
        assert run_command(main, [tmp_path / f"a{suffix}", target, option, size, *quick], capsys)[0] == 0
        expected = (size, -(-size * 20 // 30)) if option == "--width" else (-(-size * 30 // 20), size)
        assert size_of(target) == expected
    assert run_command(main, [tmp_path / f"a{suffix}", "--width", 100], capsys)[0] == 0
    assert size_of(tmp_path / f"a_w100{suffix}") == (100, 67)


def test_a_width_that_a_scale_gives_is_that_scale(photo, tmp_path, capsys):
    for options in (["--scale", 3], ["--width", 138]):
        assert run_command(main, [photo / "wave0.png", tmp_path / f"{options[1]}.png", *options], capsys)[0] == 0
    assert (tmp_path / "3.png").read_bytes() == (tmp_path / "138.png").read_bytes()


def test_quality(photo, tmp_path, capsys, quick):
    sizes = []
    for quality in ([], ["--quality", 95], ["--quality", 40]):
        target = tmp_path / f"{len(sizes)}.jpg"
        assert run_command(main, [photo / "wave0.png", target, *quality, *quick], capsys)[0] == 0
        sizes.append(target.stat().st_size)
    assert sizes[0] == sizes[1] > 2 * sizes[2]


@pytest.mark.parametrize(
    "ending", ["png", "jpg", "jpeg", "webp", "tiff", "bmp", "jp2", "tga", "dds", "qoi", "sgi", "pcx", "avif"]
)
def test_any_format_that_pillow_writes(trip, tmp_path, capsys, quick, ending):
    if ending in ("avif", "qoi") and ending.upper() not in Image.SAVE:
        pytest.skip(f"this Pillow writes no .{ending}")
    code, _, err = run_command(main, [trip / "day 1", tmp_path / "new", "--format", ending.upper(), *quick], capsys)
    assert code == 0, err
    assert sorted(files_in(tmp_path / "new")) == [f"a.{ending}", f"c.{ending}"]
    assert size_of(tmp_path / "new" / f"a.{ending}") == (14, 12)


def test_self_ensemble(photo, tmp_path, capsys):
    assert run_command(main, [photo / "wave0.png", tmp_path / "e.png", "--self-ensemble"], capsys)[0] == 0
    with Image.open(photo / "wave0.png") as image, Image.open(tmp_path / "e.png") as large:
        expected, once = (upscale_image(image, 2, self_ensemble=ensemble) for ensemble in (True, False))
        assert np.array_equal(np.asarray(large), np.asarray(expected))
        assert not np.array_equal(np.asarray(expected), np.asarray(once))


def test_the_gpu_enlarges_alike(photo, tmp_path, capsys, quick, monkeypatch):
    image = photo / "wave0.png"
    code, _, err = run_command(main, [image, tmp_path / "gpu.png", "--gpu", *quick], capsys)
    assert (code, err.count("\n")) == (2, 1), "without CuPy, or without a device"
    standin.install(monkeypatch)
    before = standin.waits
    assert run_command(main, [image, tmp_path / "gpu.png", "--gpu", *quick], capsys)[0] == 0
    assert standin.waits > before
    assert run_command(main, [image, tmp_path / "cpu.png", *quick], capsys)[0] == 0
    assert (tmp_path / "gpu.png").read_bytes() == (tmp_path / "cpu.png").read_bytes()


def test_metadata_can_be_left_out(tmp_path, capsys, quick):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (6, 5)).save(tmp_path / "a.jpg", exif=exif, dpi=(240, 240), icc_profile=profile)
    assert run_command(main, [tmp_path / "a.jpg", tmp_path / "b.jpg", "--no-metadata", *quick], capsys)[0] == 0
    with Image.open(tmp_path / "b.jpg") as large:
        assert not large.getexif()
        assert large.info.get("dpi") != (240, 240)
        assert large.info["icc_profile"] == profile


def test_a_picture_that_compares(photo, tmp_path, capsys, quick):
    command = [photo, tmp_path / "new", "--compare", *quick]
    assert run_command(main, command, capsys)[0] == 0
    assert sorted(files_in(tmp_path / "new")) == [f"wave{k}.png{end}" for k in (0, 1) for end in ("", ".compare.png")]
    (tmp_path / "new" / "wave1.png.compare.png").unlink()
    code, _, err = run_command(main, [*command, "--skip-existing"], capsys)
    assert (code, "1 of 2 photographs written" in err) == (0, True)
    assert len(files_in(tmp_path / "new")) == 4


def test_the_bar_shows_photographs_and_the_time_left(photo, tmp_path, capsys, quick, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for options in ([], ["--self-ensemble"], ["--width", 150]):
        code, out, err = run_command(main, [photo, f"{tmp_path / 'new'}{len(options)}", *options, *quick], capsys)
        assert (code, out.count("->")) == (0, 2)
        assert re.search(r"0%\|.*0\.0/2 photographs", err)
        assert re.search(r"\d% *\|.*\d\.\d/2 photographs, \d\d:\d\d elapsed, \d\d:\d\d left", err)


def test_a_bad_one_of_several_is_a_line_and_the_others_are_done(trip, tmp_path, capsys, quick):
    (trip / "b.bmp").write_bytes(b"BM, and nothing else")
    inputs = [tmp_path / "absent.png", trip, trip / "day 1" / "c.tif"]
    code, _, err = run_command(main, [*inputs, tmp_path / "new", *quick], capsys)
    assert code == 1
    lines = err.splitlines()
    assert "absent.png: no such file" in lines[0]
    assert "b.bmp: no image" in lines[1]
    assert "2 of 3 photographs written" in lines[2]
    assert "2 failed" in lines[2]
    assert sorted(files_in(tmp_path / "new")) == ["a.png", "c.tif"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows counts the letters of the whole path")
def test_a_name_that_gets_too_long_is_a_line_and_the_others_are_done(photo, tmp_path, capsys, quick):
    (photo / "wave0.png").rename(photo / f"{'w' * 251}.png")
    code, out, err = run_command(main, [photo / f"{'w' * 251}.png", photo / "wave1.png", "--out", tmp_path / "new",
                                        "--compare", *quick], capsys)  # fmt: skip
    assert (code, out.count("->")) == (1, 1)
    assert "cannot be written (File name too long)" in err.splitlines()[0]
    code, out, err = run_command(main, ["w" * 999, photo / "wave1.png", tmp_path / "other", *quick], capsys)
    assert (code, out.count("->"), err.count("\n")) == (1, 1, 1)
    assert "File name too long" in err
