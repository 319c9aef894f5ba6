"""What is said of the shipped weights is measured: in the table of results, the README's, the card."""

from __future__ import annotations

import re
from pathlib import Path

import hero
import jpeg
import numpy as np
import pytest

import minidrcn
from minidrcn import load
from minidrcn.data.datasets import image_paths
from minidrcn.data.image_io import read_image
from minidrcn.evaluate import evaluate
from minidrcn.imaging.protocol import load_sample, measure, published
from minidrcn.imaging.tiles import predict_luma

FOLDER = Path(minidrcn.__file__).parent / "weights"
ROOT = FOLDER.parents[1]
TABLES = {"results": ROOT / "notebooks" / "results.md", "card": FOLDER / "README.md"}
SHIPPED = sorted(path.stem for path in FOLDER.glob("*.npz"))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_network_is_small_whole_and_for_its_scale(name):
    model = load(name)
    assert f"x{model.scale}" == name
    assert (FOLDER / f"{name}.npz").stat().st_size < 2e6
    assert all(p.dtype == np.float32 and np.isfinite(p).all() for p in model.params.values())
    assert model.params["ensemble.w"].sum() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", SHIPPED)
def test_it_beats_bicubic_on_photographs_it_has_not_seen(name):
    model = load(name)
    for path in image_paths("photos", held_out=True):
        sample = load_sample(path, model.scale)
        x, target = sample.x[:96, :120], sample.target[:96, :120]
        piece = sample._replace(x=x, target=target)
        assert measure(predict_luma(model, x), piece).psnr > measure(x, piece).psnr + 0.5


def test_there_is_one_for_every_scale_and_the_card_names_each():
    assert SHIPPED == ["x2", "x3", "x4"]
    assert all(f"{name}.npz" in TABLES["card"].read_text(encoding="utf-8") for name in SHIPPED)


def test_the_readme_s_picture_shows_a_gain_in_every_row():
    for bicubic, ours, original in np.reshape([axes.get_title() for axes in hero.draw().axes], (-1, 3)):
        assert float(ours.split()[-2]) > float(bicubic.split()[-2]) + 1
        assert original == "original"


def stated(table: str, data: str, scale: int) -> list[tuple[float, float]]:
    """The qualities in a table's row for a set and a scale, in the order of its columns."""
    for line in TABLES[table].read_text(encoding="utf-8").splitlines():
        if re.match(rf"\| {data} \| {scale} \|", line):
            return [(float(psnr), float(ssim)) for psnr, ssim in re.findall(r"(\d\d\.\d\d) / (\.\d{4})", line)]
    pytest.fail(f"no row for {data} x{scale} in {TABLES[table]}")


@pytest.mark.parametrize("name", ["Set5", "Set14", "B100", "Urban100"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_results_quote_the_paper_as_it_is(name, scale):
    bicubic, a_plus, srcnn, *_, drcn = stated("results", name, scale)
    assert [bicubic, a_plus, srcnn, drcn] == [tuple(quality) for quality in published(name, scale).values()]


@pytest.mark.parametrize("name", ["Set5", "Set14"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_readme_s_small_table_is_part_of_the_large_one(name, scale):
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in lines if line.startswith(f"| {name} | {scale} |")]
    bicubic, _, srcnn, *ours_and_drcn = (psnr for psnr, _ in stated("results", name, scale))
    assert [float(number) for number in re.findall(r"\d\d\.\d\d", row)] == [bicubic, srcnn, *ours_and_drcn]


@pytest.mark.parametrize("name", ["Set5", pytest.param("Set14", marks=pytest.mark.slow)])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_shipped_networks_beat_what_was_published_before_drcn_and_measure_as_stated(shared_data, name, scale):
    if not (shared_data / name).is_dir():
        pytest.skip(f"no {name} in {shared_data}")
    *_, mean = evaluate(load(f"x{scale}"), str(shared_data / name), scale)
    others = published(name, scale)
    assert mean.drcn.psnr > max(others["A+"].psnr, others["SRCNN"].psnr)
    assert mean.drcn.ssim > max(others["A+"].ssim, others["SRCNN"].ssim)
    for shown in (stated("results", name, scale)[3], stated("card", name, scale)[1]):
        # What rounding to the last digit and another processor may do.
        assert mean.drcn.psnr == pytest.approx(shown[0], abs=0.006)
        assert mean.drcn.ssim == pytest.approx(shown[1], abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Set5", "Set14"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_with_flips_and_rotations_they_measure_as_stated(shared_data, name, scale):
    if not (shared_data / name).is_dir():
        pytest.skip(f"no {name} in {shared_data}")
    *_, mean = evaluate(load(f"x{scale}"), str(shared_data / name), scale, self_ensemble=True)
    for shown in (stated("results", name, scale)[4], stated("card", name, scale)[2]):
        assert mean.drcn.psnr == pytest.approx(shown[0], abs=0.006)
        assert mean.drcn.ssim == pytest.approx(shown[1], abs=1e-4)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_card_states_the_photographs_and_the_ensemble_as_they_are(scale):
    *_, mean = evaluate(load(f"x{scale}"), "photos", scale)
    shown = stated("card", "`chelsea` and `coins`.*", scale)
    for quality, (psnr, ssim) in zip((mean.bicubic, mean.drcn), shown, strict=True):
        assert quality.psnr == pytest.approx(psnr, abs=0.006)
        assert quality.ssim == pytest.approx(ssim, abs=1e-4)
    least, largest = map(
        float, re.search(r"lie between (0\.\d+) and (0\.\d+)", TABLES["card"].read_text("utf-8")).groups()
    )
    weights = load(f"x{scale}").params["ensemble.w"]
    assert least - 5e-5 <= weights.min() <= weights.max() <= largest + 5e-5


@pytest.mark.parametrize("quality", [None, 75])
def test_the_card_states_what_jpeg_costs(quality):
    line = re.search(
        rf"\n\| {quality or 'not compressed'} \| (\d\d\.\d\d) / (\d\d\.\d\d)", TABLES["card"].read_text("utf-8")
    )
    sharp = jpeg.middle(np.asarray(read_image(image_paths("photos", held_out=True)[0])))
    # Encoders round differently.
    assert jpeg.row(sharp, quality) == pytest.approx(tuple(map(float, line.groups())), abs=0.05 if quality else 0.006)
