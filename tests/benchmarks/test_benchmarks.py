"""That the benchmarks run and compare like with like; what they measure is no matter for a test."""

from __future__ import annotations

import csv
import re

import growth
import jpeg
import numpy as np
import pytest
import scaling
import timing
from PIL import Image

from minidrcn import DRCN


def test_functions_run_in_turn():
    calls = []
    times = timing.in_turn({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3)
    assert "".join(calls) == "abababab"
    assert len(times["a"].seconds) == 3


def test_operations_are_counted_as_the_layers_are_used():
    H, W, F, D = 5, 4, 3, 2
    per_pixel = 2 * 9 * (F + F * F + D * (F * F + F * F + F))
    assert timing.flops(DRCN(F, D), H, W) == H * W * per_pixel
    assert timing.gemm_peak(side=64) > 0
    assert "NumPy" in timing.machine()


def test_growth_writes_a_table_and_a_plot(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(growth, "PANELS", {"recursions D": (1, 2), "side of an image": (8, 9)})
    monkeypatch.setattr(growth, "STANDARD", {"recursions D": 1, "filters F": 2, "patches of a batch": 1})
    growth.main([str(tmp_path / "new"), "--repetitions", "1"])
    with open(tmp_path / "new" / "growth.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["panel"], row["value"]) for row in rows][1:3] == [("recursions D", "2"), ("side of an image", "8")]
    assert (tmp_path / "new" / "growth.png").stat().st_size > 1000


def test_growth_shows_times_and_what_the_operations_would_give():
    rows = [{"panel": "D", "value": d, "seconds": s, "gflop": d} for d, s in ((1, 0.3), (2, 0.5), (4, 0.8))]
    rows.append({"panel": "F", "value": 8, "seconds": 0.1, "gflop": 5})
    d, f = growth.draw(rows).axes
    assert d.lines[1].get_xydata().tolist() == [[1, 0.3], [2, 0.5], [4, 0.8]]
    assert np.allclose(d.lines[0].get_ydata(), [0.2, 0.4, 0.8])
    assert f.get_xlabel() == "F"


@pytest.mark.torch
@pytest.mark.parametrize("relu", [False, True])
def test_all_compute_the_same_and_the_table_is_printed(relu, monkeypatch, capsys):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    import against_pytorch

    # The script itself refuses what computes something else. JAX and torch.compile leave traces in a process.
    steps = against_pytorch.training_step
    monkeypatch.setattr(
        against_pytorch, "training_step", lambda *args: _without(("JAX", "torch.compile"), *steps(*args))
    )
    monkeypatch.setattr(against_pytorch, "TRAINING", ((10, 2, 3),))
    monkeypatch.setattr(against_pytorch, "PREDICTION", ((8, 2, 12, 13),))
    against_pytorch.main(["--repetitions", "1", *(["--relu"] if relu else [])])
    printed = capsys.readouterr().out
    assert len(re.findall(r" \d+\.\d\d x ", printed)) >= 7
    assert "prediction, F=8, D=2, 13x12 pixels" in printed


@pytest.mark.torch
def test_photographs_are_timed_beside_onnxruntime(monkeypatch, capsys):
    for library in ("torch", "onnx", "onnxruntime"):
        pytest.importorskip(library, reason=f"{library} is not installed")
    import against_pytorch

    monkeypatch.setattr(against_pytorch, "PHOTOGRAPHS", {"a small one": (40, 30)})
    against_pytorch.main(["--photographs", "--repetitions", "1"])
    printed = capsys.readouterr().out
    assert re.search(r"a small one: .*\n  ours .*\n  onnxruntime .* 1\.00 x", printed)


@pytest.mark.torch
def test_a_library_that_computes_something_else_is_not_timed(capsys):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    import against_pytorch

    right = dict.fromkeys(("ours", *against_pytorch.EAGER), lambda: lambda: 1.0)
    against_pytorch.compare("title", 1.0, {**right, "wrong": lambda: lambda: 1.1, "missing": _missing}, 1.0, 1)
    printed = capsys.readouterr().out
    assert re.search(r"wrong +left out: it computes 1.1, and not 1\n", printed)
    assert re.search(r"missing +left out: not installed\n", printed)
    assert len(re.findall(r" \d+\.\d\d x ", printed)) == 3


def _without(names, operations, makers):
    return operations, {name: make for name, make in makers.items() if name not in names}


def _missing():
    raise ImportError("not installed")


def test_the_model_of_scaling_is_the_one_described(tmp_path):
    assert scaling.seconds_of_update(64, 1, 0.1, 1000, "Ethernet, 10 Gb/s") == pytest.approx(6.4), "nothing is sent"
    one, two = (scaling.seconds_of_update(64, R, 0.1, 10**6, "Ethernet, 10 Gb/s") for R in (1, 2))
    assert two == pytest.approx(one / 2 + 33 * 0.5 * 4e6 / 1.25e9 + 2 * 20e-6)
    assert scaling.breaking_batch(1, 0.1, 1000, "Ethernet, 10 Gb/s") == 16
    rows = scaling.rows_of_model({(4, 2): 0.01})
    assert {row["ranks"] for row in rows} == set(scaling.RANKS.tolist())
    figure = scaling.draw(rows)
    assert [axes.get_title() for axes in figure.axes] == ["F = 4, one core each", "F = 4, 100 times as fast"]
    assert all(0 < row[kind] <= 1 for row in rows for kind in ("strong", "weak"))


def test_jpeg_costs_most_of_the_gain(tmp_path, monkeypatch, capsys, rng):
    i, j = np.mgrid[:63, :70]
    Image.fromarray((128 + 100 * np.sign(np.sin(i / 3 + j / 5))).astype(np.uint8)).save(tmp_path / "edges.png")
    monkeypatch.setattr(jpeg, "QUALITIES", (None, 20))
    jpeg.main([str(tmp_path / "edges.png")])
    title, clean, worst, mean = capsys.readouterr().out.splitlines()
    assert title == "edges, 70 x 62: Lanczos / x2 network, gain"
    gains = [line.split()[-1] for line in (clean, worst)]
    assert float(gains[0]) > 1 > float(gains[1])
    assert mean == f"mean gain of 1: clean {gains[0]}, 20 {gains[1]}"
