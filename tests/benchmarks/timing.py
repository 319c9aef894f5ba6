"""How the benchmarks measure: everything in turn in one process, medians and spread, ratios and not seconds."""

from __future__ import annotations

import csv
import platform
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from minidrcn import DRCN, plots

PAUSE = 0.2  # seconds, in which another library's idle threads stop spinning


class Times(NamedTuple):
    """Seconds of the repetitions of one thing."""

    seconds: list[float]

    @property
    def median(self) -> float:
        return float(np.median(self.seconds))

    def __str__(self) -> str:
        return f"{self.median:8.4f} s ({min(self.seconds):.4f} to {max(self.seconds):.4f})"


def in_turn(functions: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, Times]:
    """Call all of them once to warm up, then each in turn, again and again, so that all see the same machine.

    A function must return only when its work is done, on a device too.
    """
    for function in functions.values():
        function()
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repetitions):
        for name, function in functions.items():
            time.sleep(PAUSE)
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return {name: Times(values) for name, values in seconds.items()}


def write(folder: Path, name: str, rows: list[dict], figure: Figure) -> None:
    """Write a benchmark's table and picture: FOLDER/NAME.csv and FOLDER/NAME.png."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    plots.save(figure, folder / f"{name}.png")


def flops(model: DRCN, H: int, W: int) -> float:
    """Floating-point operations of one image's forward pass if every convolution is done directly.

    A training step takes three times as many.
    """
    kernels = {name: w for name, w in model.params.items() if w.ndim == 4}
    D = model.architecture.recursions
    uses = {"recursion.w": D, "reconstruct1.w": D, "reconstruct2.w": D}
    return sum(2.0 * w.size * uses.get(name, 1) for name, w in kernels.items()) * H * W


def gemm_peak(xp=np, finish: Callable[[], object] = lambda: None, side: int = 2048) -> float:
    """The machine's own rate of float32 matrix products, in operations a second."""
    a = xp.asarray(np.random.default_rng(0).random((side, side), dtype=np.float32))

    def product() -> None:
        a @ a
        finish()

    return 2 * side**3 / in_turn({"product": product}, 5)["product"].median


def machine() -> str:
    """Processor, cores, BLAS and versions, for the head of a table."""
    from threadpoolctl import threadpool_info

    from minidrcn.parallel import usable_cores

    blas = ", ".join(
        f"{info['internal_api']} {info['version']} with {info.get('architecture', 'unknown')} kernels"
        for info in threadpool_info()
        if info["user_api"] == "blas"
    )
    return (
        f"{usable_cores()} cores, {_processor()}, Python {platform.python_version()}, NumPy {version('numpy')}, {blas}"
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            facts = dict(line.strip().split("\t: ", 1) for line in lines if "\t: " in line)
        return f"{facts['model name']} (family {facts['cpu family']})"
    except (OSError, KeyError, ValueError):
        return platform.processor() or platform.machine()
