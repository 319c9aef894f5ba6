"""How the cost grows with recursions, filters, batch and image size: a table and a plot.

    python tests/benchmarks/growth.py DIR [--repetitions N]

writes DIR/growth.csv and DIR/growth.png. Each panel varies one number and leaves the others; the dashed line grows as
the number of operations does, through the last point.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from timing import flops, in_turn, machine, write

from minidrcn import DRCN, cli
from minidrcn.imaging.tiles import predict_luma
from minidrcn.parallel import loss_and_grads
from minidrcn.plots.style import BLUE, GREY, new_figure

PANELS = {
    "recursions D": (1, 2, 4, 8, 16),
    "filters F": (8, 16, 32, 64, 128),
    "patches of a batch": (1, 2, 4, 8, 16, 32),
    "side of an image": (64, 128, 256, 512, 1024),
}
STANDARD = {"recursions D": 9, "filters F": 32, "patches of a batch": 16}


def function(panel: str, value: int) -> tuple[Callable[[], object], float]:
    """What is timed for one point, and its operations in billions."""
    setting = {**STANDARD, panel: value}
    model = DRCN(setting["filters F"], setting["recursions D"])
    rng = np.random.default_rng(0)
    if panel == "side of an image":
        x = rng.random((value, value), dtype=np.float32)
        return lambda: predict_luma(model, x), flops(model, value, value) / 1e9
    x, y = rng.random((2, setting["patches of a batch"], 41, 41, 1), dtype=np.float32)
    return lambda: loss_and_grads(model, x, y), 3 * len(x) * flops(model, 41, 41) / 1e9


def measure(panels: dict[str, Sequence[int]], repetitions: int) -> list[dict]:
    """One row a point: panel, value, seconds (median, fastest, slowest), operations in billions."""
    rows = []
    for panel, values in panels.items():
        points = {str(value): function(panel, value) for value in values}
        times = in_turn({name: point[0] for name, point in points.items()}, repetitions)
        for value in values:
            seconds = times[str(value)]
            rows.append(
                {
                    "panel": panel,
                    "value": value,
                    "seconds": round(seconds.median, 5),
                    "fastest": round(min(seconds.seconds), 5),
                    "slowest": round(max(seconds.seconds), 5),
                    "gflop": round(points[str(value)][1], 6),
                }
            )
            print(", ".join(map(str, rows[-1].values())), flush=True)
    return rows


def draw(rows: Sequence[dict]) -> Figure:
    """Time over size on logarithmic axes, one panel for each number that was varied.

    Args:
        rows: dicts with panel (what was varied), value, seconds, and gflop, the operations the dashed line follows.
    """
    panels = list(dict.fromkeys(row["panel"] for row in rows))
    figure = new_figure(2.8 * len(panels), 2.9)
    for axes, panel in zip(np.atleast_1d(figure.subplots(1, len(panels), sharey=True)), panels, strict=True):
        points = [row for row in rows if row["panel"] == panel]
        values, seconds, gflop = (np.array([row[key] for row in points]) for key in ("value", "seconds", "gflop"))
        axes.loglog(values, gflop * (seconds[-1] / gflop[-1]), "--", color=GREY, label="as the operations grow")
        axes.loglog(values, seconds, "o-", color=BLUE, markersize=4, label="measured")
        axes.set_xticks(values, [str(value) for value in values], minor=False)
        axes.minorticks_off()
        axes.set_xlabel(panel)
    figure.axes[0].set_ylabel("seconds")
    figure.axes[0].legend(frameon=False, fontsize=8)
    return figure


def main(argv: list[str] | None = None) -> None:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--repetitions", type=int, default=5, metavar="N")
    args = parser.parse_args(argv)
    cli.keep_freed_memory()  # as commands do
    print(machine())
    rows = measure(PANELS, args.repetitions)
    write(args.folder, "growth", rows, draw(rows))


if __name__ == "__main__":
    main()
