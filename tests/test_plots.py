"""That pictures are drawn from the right numbers; how they look is for eyes."""

from __future__ import annotations

import base64
import sys
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from minidrcn import plots


def test_the_curve_shows_the_rows():
    empty = dict.fromkeys(("loss", "grad_norm", "psnr", "psnr_bicubic"))
    rows = [
        {"step": 0, **empty, "psnr": 30.0, "psnr_bicubic": 30.5},
        {"step": 10, **empty, "loss": 4.0, "grad_norm": 2.0},
        {"step": 20, **empty, "loss": 2.0, "grad_norm": 1.0, "psnr": 31.0, "psnr_bicubic": 30.5},
    ]
    quality, loss, norm = plots.training_curve(rows).axes
    assert quality.lines[0].get_xydata().tolist() == [[0, 30], [20, 31]]
    assert quality.lines[1].get_ydata().tolist() == [30.5, 30.5]
    assert loss.lines[0].get_xydata().tolist() == [[10, 4], [20, 2]]
    assert norm.lines[0].get_ydata().tolist() == [2, 1]


def test_the_curve_smooths_the_noise_of_single_batches():
    noise = np.random.default_rng(0).uniform(1, 2, 100)
    rows = [{"step": k, "loss": loss, "grad_norm": 1.0, "psnr": None} for k, loss in enumerate(noise)]
    mean = plots.training_curve(rows).axes[1].lines[1]
    np.testing.assert_array_equal(mean.get_xdata(), np.arange(4, 100))
    np.testing.assert_allclose(mean.get_ydata(), [noise[k - 4 : k + 1].mean() for k in range(4, 100)])


def test_a_curve_without_rows_is_empty_not_an_error(tmp_path):
    plots.save(plots.training_curve([]), tmp_path / "curve.png")
    with Image.open(tmp_path / "curve.png") as image:
        assert image.width > 500


@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 3), (9, 70)])
def test_crops_side_by_side(tmp_path, rng, shape):
    images = [("a", rng.random(shape)), ("b", rng.random(shape))]
    figure = plots.side_by_side(images, (slice(2, 8), slice(3, 12)))
    assert [axes.get_title() for axes in figure.axes] == ["whole image", "a", "b"]
    assert figure.axes[1].images[0].get_array().shape[:2] == (6, 9)
    plots.save(figure, tmp_path / "crops.png")
    assert (tmp_path / "crops.png").stat().st_size > 1000


def test_the_most_improved_window():
    target = np.zeros((30, 40))
    before = np.full((30, 40), 0.1)
    after = before.copy()
    after[12:20, 25:33] = 0
    after[:5] = 0.2
    assert plots.most_improved(before, after, target, side=8) == (slice(12, 20), slice(25, 33))
    assert plots.most_improved(before, after, target, side=99) == (slice(0, 30), slice(0, 40))


def test_contributions_show_the_means_over_seeds():
    rows = [
        {
            "network": name,
            "seed": seed,
            "step": step,
            "psnr": 30 + seed + step,
            "gradient_1": 2.0,
            "gradient_2": 4 + seed,
        }
        for name in ("basic", "both")
        for seed in (0, 1)
        for step in (0, 10)
    ]
    quality, last, first = plots.contributions(rows).axes
    assert quality.lines[0].get_xydata().tolist() == [[0, 30.5], [10, 40.5]]
    assert last.lines[1].get_xydata().tolist() == [[1, 2], [2, 4.5]]
    assert first.lines[0].get_ydata().tolist() == [2, 2]
    assert [text.get_text() for text in quality.get_legend().texts] == ["basic", "both"]


def test_the_recursion_figure_has_every_network_and_the_mean():
    rows = [
        {"recursions": D, "seed": seed, "psnr": 30.0 + D + seed, "psnr_bicubic": 29.0}
        for D in (1, 6)
        for seed in (0, 1)
    ]
    mean, points, bicubic = plots.recursion_performance(rows).axes[0].lines
    assert mean.get_xydata().tolist() == [[1, 31.5], [6, 36.5]]
    assert points.get_xydata().tolist() == [[1, 31], [1, 32], [6, 36], [6, 37]]
    assert set(bicubic.get_ydata()) == {29.0}


def test_the_ensemble_figure_has_a_line_and_a_level_for_each_seed():
    rows = [
        {"d": d, "seed": seed, "psnr": 30.0 + d, "weight": 0.1 * d, "psnr_ensemble": 35.0 + seed}
        for seed in (0, 1)
        for d in (1, 2)
    ]
    quality, weights = plots.ensemble_effect(rows).axes
    singles, level, _, second_level = quality.lines
    assert singles.get_xydata().tolist() == [[1, 31], [2, 32]]
    assert (set(level.get_ydata()), set(second_level.get_ydata())) == ({35.0}, {36.0})
    assert weights.lines[0].get_ydata().tolist() == [0.1, 0.2]


def test_the_clipping_figure_ends_every_seed_where_it_explodes():
    rows = [
        {"training": name, "seed": seed, "step": step, "loss": None if name == "off" and step > 10 * seed else 1.0}
        for name in ("on", "off")
        for seed in (0, 1)
        for step in (0, 10, 20)
    ]
    (axes,) = plots.clipping(rows).axes
    assert [len(line.get_xdata()) for line in axes.lines] == [3, 3, 1, 2]
    assert all(line.get_marker() not in ("", "None") for line in axes.lines), "a single point can be seen"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["on", "off (exploded)"]


def test_numbers_are_written_out_and_marked():
    x = np.arange(6.0).reshape(2, 3)
    left, right = plots.matrices([("x", x, x > 4), ("a long title of a column", x[:, :1], None)]).axes
    assert [text.get_text() for text in left.texts] == ["0", "1", "2", "3", "4", "5"]
    assert left.images[0].get_array().tolist() == [[0, 0, 0], [0, 0, 1]]
    assert not right.images[0].get_array().any()
    sizes = [axes.get_position().bounds[2:] for axes in (left, right)]
    assert np.allclose(sizes[0], (3 * sizes[1][0], sizes[1][1])), "every entry takes the same space"


def test_an_im2col_step_marks_one_window_and_one_row():
    x = np.arange(12.0).reshape(3, 4)
    image, matrix = plots.im2col_step(x, np.zeros((12, 9)), (1, 2)).axes
    assert np.argwhere(image.images[0].get_array()).tolist() == [[i, j] for i in (1, 2, 3) for j in (2, 3, 4)]
    assert {i for i, _ in np.argwhere(matrix.images[0].get_array())} == {6}


def test_lines_bars_and_maps_show_what_they_are_given(rng):
    (axes,) = plots.lines({"a": ([1, 10], [2, 3]), "b": ([1, 10], [4, 5])}, "x", "y", "xy").axes
    assert axes.lines[1].get_xydata().tolist() == [[1, 4], [10, 5]]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    (axes,) = plots.bars({"slow": 3.0, "fast": 0.5}, "seconds", ".1f").axes
    assert [bar.get_width() for bar in axes.patches] == [3, 0.5]
    assert [text.get_text().strip() for text in axes.texts] == ["3.0", "0.5", "slow", "fast"]
    images = {str(k): rng.normal(size=(4, 6)) for k in range(5)}
    drawn = [axes for axes in plots.feature_maps(images, symmetric=True, columns=3).axes if axes.images]
    assert [axes.get_title() for axes in drawn] == list(images)
    assert len({axes.images[0].get_clim() for axes in drawn}) == 1


def test_a_strip_shows_every_photograph_on_one_scale(rng):
    images = {str(k): rng.uniform(0.4, 0.6, size=(4, 6)) for k in range(4)}
    drawn = [axes for axes in plots.photographs(images, columns=3).axes if axes.images]
    assert [axes.get_title() for axes in drawn] == list(images)
    assert {axes.images[0].get_clim() for axes in drawn} == {(0, 1)}


def test_a_slider_starts_in_the_middle_and_is_replaced_by_a_line_without_ipywidgets(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    plots.slider(print, d=(0, 8))
    assert "no sliders here" in capsys.readouterr().out
    widgets, made = ModuleType("ipywidgets"), {}
    widgets.IntSlider = lambda value, least, most, **_: (value, least, most)
    widgets.interact = lambda draw, **sliders: made.update(sliders)
    monkeypatch.setitem(sys.modules, "ipywidgets", widgets)
    plots.slider(print, d=(0, 8), e=(1, 2))
    assert made == {"d": (4, 0, 8), "e": (1, 1, 2)}


def test_a_figure_shows_itself_and_says_in_words_what_is_to_be_seen(rng, monkeypatch):
    shown, stub = [], ModuleType("IPython.display")
    stub.display = lambda data, raw, metadata: shown.append((data, metadata))
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", stub)
    x, w = np.arange(12.0).reshape(3, 4), np.eye(3)
    cols = np.zeros((12, 9))
    cols[6] = x[:, 1:].ravel()
    figures = {
        plots.lines({"a": ([0, 1, 2], [3, 9, 4])}, "update", "loss"): "loss over update. a: 3 at 0, 4 at 2, at most 9.",
        plots.lines({"a": ([0], [3])}, "update", "loss"): "loss over update. a: 3 at 0, 3 at 0.",
        plots.bars({"slow": 3.0, "fast": 0.5}, "seconds", ".1f"): "seconds. slow: 3.0, fast: 0.5.",
        plots.matrices(
            [("x", np.eye(2), np.eye(2) > 0)]
        ): "x: 1 0 / 0 1, marked from row 0, column 0 to row 1, column 1. ",
        plots.photographs({"a": rng.random((4, 4))}, alt="a cat"): "a cat: a.",
        plots.side_by_side([("a", x), ("b", x)], (slice(0, 2), slice(0, 2)), "a cat"): "a cat: a, b.",
    }
    for figure, alt in figures.items():
        figure._ipython_display_()
        data, metadata = shown.pop()
        assert base64.b64decode(data["image/png"], validate=True).startswith(b"\x89PNG")
        assert data["text/plain"] == metadata["image/png"]["alt"] == alt
        assert metadata["image/png"]["width"] <= 600, "a phone shows two thirds of it"
    assert plots.im2col_step(x, cols, (1, 2), w).alt.endswith(
        "y[1, 2] = 1·1 + 2·0 + 3·0 + 5·0 + 6·1 + 7·0 + 9·0 + 10·0 + 11·1 = 18"
    )


def test_paths_start_together_and_say_how_far_they_came():
    tracks = {"straight": np.array([[2.0, 2], [1, 1]]), "to the end": np.array([[2.0, 2], [0, 0]])}
    figure = plots.paths(lambda a, b: a**2 + b**2, tracks, "Two ways.")
    assert [axes.lines[0].get_xydata().tolist() for axes in figure.axes] == [
        track.tolist() for track in tracks.values()
    ]
    assert figure.alt == "Two ways. straight: from loss 8 to 2. to the end: from loss 8 to 0. "
    assert len(plots.paths(lambda a, b: a**2 + b**2, {"alone": tracks["straight"]}).axes) == 1
