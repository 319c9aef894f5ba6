from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import standin
from conftest import run_command
from PIL import Image

from minidrcn import DRCN, evaluate, load
from minidrcn.evaluate import main
from minidrcn.imaging.protocol import load_sample, measure, to_uint8
from minidrcn.imaging.tiles import predict_luma
from minidrcn.model import checkpoint


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


def test_shards_share_a_set(photo, capsys):
    whole = json.loads(run_command(main, ["--data", photo, "--json"], capsys)[1])["images"]
    shards = [
        json.loads(run_command(main, ["--data", photo, "--json", "--shard", k], capsys)[1]) for k in ("1/2", "2/2")
    ]
    assert [image for shard in shards for image in shard["images"]] == whole
    assert shards[1]["data"] == f"{photo} (2/2)"
    code, _, err = run_command(main, ["--data", photo, "--shard", "3/3"], capsys)
    assert (code, "has 2 images, so none for this one" in err) == (2, True)


def test_results_are_saved_in_the_file_s_colours(photo, tmp_path, capsys, rng):
    Image.fromarray(rng.integers(0, 256, (31, 40), dtype=np.uint8)).save(photo / "grey.png")
    assert run_command(main, ["--data", photo, "--save", tmp_path / "new"], capsys)[0] == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["grey.png", "wave0.png", "wave1.png"]
    with Image.open(tmp_path / "new" / "grey.png") as image:
        sample = load_sample(photo / "grey.png", 2)
        expected = to_uint8(predict_luma(load("x2"), sample.x))
        assert image.mode == "L"
        assert np.array_equal(np.array(image), expected)
    with Image.open(tmp_path / "new" / "wave0.png") as image:
        assert (image.mode, image.size) == ("RGB", (46, 36))
    code, _, error = run_command(main, ["--data", photo, "--save", tmp_path / "new"], capsys)
    assert code == 2
    assert "exists; name a new folder" in error


def test_a_gpu_measures_the_same(photo, monkeypatch, capsys):
    on_the_cpu = run_command(main, ["--data", photo], capsys)
    standin.install(monkeypatch)
    before = standin.waits
    assert run_command(main, ["--data", photo, "--gpu"], capsys) == on_the_cpu
    assert standin.waits > before


def test_the_published_means_stand_beside_a_set_of_the_paper(photo, monkeypatch, capsys):
    photo.rename(photo.with_name("Set5"))
    monkeypatch.chdir(photo.parent)  # a folder of that name, whatever it holds
    _, out, _ = run_command(main, ["--data", "Set5"], capsys)
    assert "Bicubic 33.66 / 0.9299, A+ 36.54 / 0.9544, SRCNN 36.66 / 0.9542, DRCN 37.63 / 0.9588" in out
    values = json.loads(run_command(main, ["--data", "Set5", "--json", "--self-ensemble"], capsys)[1])
    assert values["published"]["DRCN"] == {"psnr": 37.63, "ssim": 0.9588}
    assert values["self_ensemble"] is True


def test_wrong_use_is_one_line(tmp_path, photo, capsys):
    Image.new("L", (8, 8)).save(tmp_path / "small.png")
    for arguments, status, message in (
        (["--data", "absent"], 2, "no such folder"),
        (["--data", tmp_path], 1, "measuring at scale 2 needs 15 x 15"),
        (["--data", photo, "--model", "x5"], 2, "no weights 'x5' are shipped"),
        (["--data", photo, "--pictures", tmp_path], 2, "exists; name a new folder"),
        (["--data", photo, "--save", ""], 2, "--save is empty; name a new folder"),
        (["--data", photo, "--save", tmp_path / "n", "--pictures", tmp_path / "n"], 2, "name two folders"),
        (["--data", photo, "--scale", 5], 2, "invalid choice: 5"),
        (["--data", photo, "--model", "x2", "--scale", 3], 2, "trained for scale 2, not 3"),
    ):
        code, _, err = run_command(main, arguments, capsys)
        assert code == status
        assert message in err
        assert err.count("\n") == 1


def test_a_file_that_appears_during_the_work_is_kept(photo, tmp_path, capsys, monkeypatch):
    def slowly(*arguments, **options):
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out" / "wave0.png").write_text("precious")
        return predict(*arguments, **options)

    predict = evaluate.predict_luma
    monkeypatch.setattr(evaluate, "predict_luma", slowly)
    for flag in ("--pictures", "--save"):
        code, _, err = run_command(main, ["--data", photo, flag, tmp_path / "out"], capsys)
        assert (code, err) == (1, f"minidrcn.evaluate: error: {tmp_path / 'out' / 'wave0.png'}: File exists\n")
        assert (tmp_path / "out" / "wave0.png").read_text() == "precious"
        shutil.rmtree(tmp_path / "out")
