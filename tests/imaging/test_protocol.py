from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from minidrcn.data.named_sets import named_sets
from minidrcn.errors import InputError
from minidrcn.imaging.protocol import METHODS, load_sample, measure, published, to_uint8


@pytest.mark.parametrize("name", ["Set5", "Set14"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_measures_as_published(shared_data, name, scale):
    if not (shared_data / name).is_dir():
        pytest.skip(f"no {name} in {shared_data}")
    samples = [load_sample(path, scale) for path in sorted((shared_data / name).iterdir())]
    psnr, ssim = np.mean([measure(sample.x, sample) for sample in samples], axis=0)
    expected = published(name, scale)["Bicubic"]
    assert (f"{psnr:.2f}", f"{ssim:.4f}") == (f"{expected.psnr:.2f}", f"{expected.ssim:.4f}")


def test_rounding_is_half_away_from_zero_and_saturates():
    assert to_uint8(np.array([-0.1, 0.5 / 255, 1.5 / 255, 2.4999 / 255, 1.2])).tolist() == [0, 1, 2, 2, 255]


def test_a_grey_file_is_used_as_it_is_and_colour_as_luma(tmp_path, rng):
    grey = rng.integers(0, 256, (24, 27), dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    sample = load_sample(tmp_path / "grey.png", 2)
    assert sample.path == tmp_path / "grey.png"
    assert np.array_equal(sample.target, grey[:, :26])
    Image.fromarray(np.dstack([grey] * 3)).save(tmp_path / "colour.png")
    assert np.array_equal(
        load_sample(tmp_path / "colour.png", 2).target, to_uint8((16 + 219 * (grey / 255)) / 255)[:, :26]
    )
    assert sample.x.dtype == np.float32
    assert 16 / 255 - 1e-6 <= sample.x.min() <= sample.x.max() <= 235 / 255 + 1e-6


def test_borders_are_shaved(tmp_path, rng):
    Image.fromarray(rng.integers(0, 256, (30, 33), dtype=np.uint8)).save(tmp_path / "a.png")
    sample = load_sample(tmp_path / "a.png", 3)
    spoilt = sample.x.copy()
    spoilt[:3], spoilt[-3:], spoilt[:, :3], spoilt[:, -3:] = 0, 0, 0, 0
    assert measure(spoilt, sample) == measure(sample.x, sample)
    spoilt[3, 3] = 1
    assert measure(spoilt, sample) != measure(sample.x, sample)


def test_an_image_too_small_to_measure_is_named(tmp_path):
    Image.new("L", (40, 14)).save(tmp_path / "small.png")
    with pytest.raises(InputError, match=r"small.png: 40 x 14 pixels; measuring at scale 2 needs 15 x 15"):
        load_sample(tmp_path / "small.png", 2)


def test_every_cell_is_a_quality_and_the_order_is_the_paper_s():
    for name in ("set5", "set14", "b100", "urban100"):
        assert name in named_sets()
        for scale in (2, 3, 4):
            row = published(name, scale)
            assert tuple(row) == METHODS
            assert all(20 < quality.psnr < 40 and 0.6 < quality.ssim < 1 for quality in row.values())
            psnrs = [quality.psnr for quality in row.values()]
            assert psnrs == sorted(psnrs), "each method beats the one before"


def test_other_sets_have_none():
    assert published("photos", 2) == {}
    assert published("SET5", 2)["DRCN"].psnr == 37.63
