from __future__ import annotations

from minidrcn.data.named_sets import named_sets
from minidrcn.imaging.published import METHODS, published


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
