from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from conftest import run_command
from PIL import Image

from minidrcn import experiments
from minidrcn.data.datasets import image_paths
from minidrcn.experiments import FIGURES, main
from minidrcn.training.config import TrainingConfig


@pytest.fixture
def small(photo, monkeypatch):
    """Options that make an experiment take a second, trained and measured on the two small images."""
    monkeypatch.setattr(experiments, "DEPTHS", (1, 2))
    monkeypatch.setattr(experiments, "SNAPSHOTS", 2)
    paths = experiments.image_paths
    monkeypatch.setattr(experiments, "image_paths", lambda source, held_out=False: paths(str(photo)))
    monkeypatch.setattr(
        experiments, "TrainingConfig", lambda **o: TrainingConfig(**(o | {"patch": 12, "batch": 2, "warmup": 1}))
    )
    return ["--filters", "4", "--recursions", "3", "--steps", "4", "--seeds", "2"]


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("recursions", 2 * 2, ["recursions", "seed", "psnr", "psnr_bicubic"]),
        ("ensemble", 2 * 3, ["d", "seed", "psnr", "weight", "psnr_ensemble"]),
        (
            "contributions",
            4 * 2 * 3,
            ["network", "seed", "step", "psnr", "gradient_1", "gradient_2", "gradient_3"],
        ),
        ("clipping", 6 * 2 * 3, ["training", "seed", "step", "loss"]),
    ],
)
def test_every_experiment_writes_its_table_and_its_figure(name, rows, columns, small, tmp_path, capsys):
    code, out, error = run_command(main, [name, tmp_path / "new", *small], capsys)
    assert (code, error) == (0, "")
    assert len(out.splitlines()) == rows + 1
    with open(tmp_path / "new" / f"{name}.csv", encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == rows
    assert list(table[0]) == columns
    with Image.open(tmp_path / "new" / f"{name}.png") as image:
        assert image.width > 400
    code, _, error = run_command(main, [name, tmp_path / "new", *small], capsys)
    assert code == 2
    assert "exists; name another, or add --force" in error
    first = (tmp_path / "new" / f"{name}.csv").read_bytes()
    assert run_command(main, [name, tmp_path / "new", *small, "--force"], capsys)[0] == 0
    assert (tmp_path / "new" / f"{name}.csv").read_bytes() == first, "the same seeds give the same numbers"


def test_all_experiments_are_tested_and_wrong_usage_is_one_line(capsys):
    assert set(FIGURES) == {"recursions", "ensemble", "contributions", "clipping"}
    code, _, error = run_command(main, ["absent", "dir"], capsys)
    assert code == 2
    assert error.count("\n") == 1


def test_a_file_in_the_place_of_the_folder_is_noticed_before_training(tmp_path, capsys):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    code, out, error = run_command(main, ["ensemble", tmp_path / "file", "--steps", "1000000"], capsys)
    assert (code, out, error.count("\n")) == (1, "", 1)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_networks_differ_in_what_their_figure_is_about():
    about = {"skip", "recursive_supervision", "output_relu"}, {"optimiser", "lr", "clip"}
    for networks, names in zip((experiments.CONTRIBUTIONS, experiments.CLIPPING), about, strict=True):
        for options in networks.values():
            TrainingConfig(**options)
            assert set(options) <= names


def test_one_image_of_ten_is_held_out_of_every_set_but_the_photographs(tmp_path, capsys):
    for k in range(21):
        Image.new("L", (8, 8)).save(tmp_path / f"{k:02}.png")
    trained, held_out = experiments._split([str(tmp_path)])
    assert [path.stem for path in held_out] == ["05", "15"]
    assert sorted([*trained, *held_out]) == image_paths(str(tmp_path))
    trained, held_out = experiments._split(["photos"])
    assert (len(trained), len(held_out)) == (7, 2)
    for path in list(tmp_path.iterdir())[:12]:
        path.unlink()
    code, _, error = run_command(main, ["ensemble", tmp_path / "new", "--data", tmp_path], capsys)
    assert code == 2
    assert "9 images; expected 10 or more, of which one is held out" in error


KEPT = Path(experiments.__file__).parents[1] / "notebooks" / "images"


def kept(name):
    with open(KEPT / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def kept_mean(name, column="psnr", **where):
    chosen = [row for row in kept(name) if all(row[key] == str(value) for key, value in where.items())]
    assert len(chosen) == 2, "two seeds"
    return np.mean([float(row[column]) for row in chosen])


def test_the_page_of_results_states_what_the_kept_experiments_measured():
    page = " ".join((KEPT.parent / "results.md").read_text(encoding="utf-8").split())
    by_depth = [f"{kept_mean('recursions', recursions=D):.2f}" for D in (1, 6, 11, 16)]
    assert f"{', '.join(by_depth[:3])} and {by_depth[3]} dB for D = 1, 6, 11, 16" in page
    assert f"bicubic {float(kept('recursions')[0]['psnr_bicubic']):.2f}" in page
    basic, supervision, skip, both = (
        f"{kept_mean('contributions', network=name, step=1000):.2f}" for name in experiments.CONTRIBUTIONS
    )
    assert f"{basic} dB with neither, {supervision} with supervision, {skip} with the skip, {both} with both" in page
    both, skip = (
        np.divide(*(kept_mean("contributions", f"gradient_{d}", network=name, step=1000) for d in (1, 16)))
        for name in ("both", "+ skip")
    )
    assert f"receives {both:.0f} times what the last does, with the skip alone {skip:.0f} times" in page
    for row in kept("ensemble"):
        assert float(row["psnr"]) < float(row["psnr_ensemble"])
    exploded = {(row["training"], row["seed"]) for row in kept("clipping") if not row["loss"]}
    assert len(exploded) == 6
    assert all(name.startswith("not clipped") for name, _ in exploded)
