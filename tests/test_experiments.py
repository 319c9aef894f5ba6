from __future__ import annotations

import csv

import pytest
from conftest import run_command
from PIL import Image

from minidrcn import experiments
from minidrcn.config import TrainingConfig
from minidrcn.experiments import EXPERIMENTS, main


@pytest.fixture
def small(photo, monkeypatch):
    """Options that make an experiment take a second, trained and measured on the two small images."""
    monkeypatch.setattr(experiments, "DEPTHS", (1, 2))
    monkeypatch.setattr(experiments, "MOMENTS", 2)
    paths = experiments.image_paths
    monkeypatch.setattr(experiments, "image_paths", lambda source, held_out=False: paths(str(photo)))
    monkeypatch.setattr(experiments, "TrainingConfig", lambda **o: TrainingConfig(**o, patch=12, batch=2, warmup=1))
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
    assert "exists; name another folder, or add --force" in error
    first = (tmp_path / "new" / f"{name}.csv").read_bytes()
    assert run_command(main, [name, tmp_path / "new", *small, "--force"], capsys)[0] == 0
    assert (tmp_path / "new" / f"{name}.csv").read_bytes() == first, "the same seeds give the same numbers"


def test_all_experiments_are_tested_and_wrong_usage_is_one_line(capsys):
    assert set(EXPERIMENTS) == {"recursions", "ensemble", "contributions", "clipping"}
    code, _, error = run_command(main, ["absent", "dir"], capsys)
    assert code == 2
    assert error.count("\n") == 1
