"""Training over processes: 1 and 2 ranks against 1 and 2 threads, measured; 1 to 1,024 ranks, computed from it.

    python tests/benchmarks/scaling.py DIR [--repetitions N]

writes DIR/scaling.csv and DIR/scaling.png. The model has one measured input, the seconds that one image of 43 x 43
takes on one thread here, forward and backward; for a rank 100 times as fast, as a GPU may be, that is an assumption.
What an update over R ranks takes is computed from it:

    computing   ceil(N / R) images, one after the other
    sending     every image's gradients but for the rank's own slice, then the other slices of the sum:
                (ceil(N / R) + 1) (R - 1) / R  x  4 bytes a parameter, over the network's bandwidth
    waiting     2 (R - 1) messages, each with the network's latency
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from timing import in_turn, machine, write

from minidrcn import DRCN
from minidrcn.parallel import loss_and_grads, one_blas_thread
from minidrcn.plots.style import COLOURS, new_figure

BATCH, SIDE = 16, 43
MEASURED = ((32, 9), (64, 9))  # F, D
MODELLED = ((64, 9), (96, 9), (256, 16))
NETWORKS = {  # bytes a second, seconds a message
    "Ethernet, 10 Gb/s": (1.25e9, 20e-6),
    "Ethernet, 100 Gb/s": (12.5e9, 5e-6),
    "NVLink, 300 GB/s": (300e9, 2e-6),
}
SPEEDS = {1: "one core each", 100: "100 times as fast"}
RANKS = 2 ** np.arange(11)
BATCHES = 2 ** np.arange(4, 21)


def batch(seed: int = 0) -> np.ndarray:
    """Inputs and targets, (2, N, H, W, 1)."""
    return np.random.default_rng(seed).random((2, BATCH, SIDE, SIDE, 1), dtype=np.float32)


def measure(F: int, D: int, repetitions: int) -> dict[str, float]:
    """Median seconds of a batch's gradients: by 1 and 2 threads, and by 2 ranks of 1 thread each."""
    model, (x, y) = DRCN(F, D), batch()
    functions = {f"{n} threads": (lambda n=n: loss_and_grads(model, x, y, 0.5, n)) for n in (1, 2)}
    found = {name: times.median for name, times in in_turn(functions, repetitions).items()}
    mpiexec = str(Path(sys.executable).with_name("mpiexec"))
    for ranks, threads in ((1, 2), (2, 1)):
        command = [mpiexec, "-n", str(ranks), sys.executable, __file__, "--rank", str(F), str(D), str(threads),
                   str(repetitions)]  # fmt: skip
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        found[f"{ranks} ranks of {threads}"] = json.loads(result.stdout)
    return found


def on_a_rank(F: int, D: int, threads: int, repetitions: int) -> None:
    """What `measure` starts: print the median, once."""
    from minidrcn.distributed import Ranks

    ranks, model, (x, y) = Ranks(), DRCN(F, D), batch()
    times = in_turn({"": lambda: ranks.loss_and_grads(model, x, y, 0.5, threads)}, repetitions)
    if ranks.rank == 0:
        print(json.dumps(times[""].median))


def seconds_of_update(N: int, ranks: int, image: float, parameters: int, network: str) -> float:
    """The model above, for N images."""
    bandwidth, latency = NETWORKS[network]
    mine = -(-N // ranks)
    sent = (mine + 1) * (ranks - 1) / ranks * 4 * parameters
    return mine * image + sent / bandwidth + 2 * (ranks - 1) * latency


def breaking_batch(ranks: int, image: float, parameters: int, network: str) -> int | None:
    """The smallest batch for which at least half of an update is computing; None if there is none up to a million."""
    for N in BATCHES[BATCHES >= ranks]:
        if 2 * -(-N // ranks) * image >= seconds_of_update(N, ranks, image, parameters, network):
            return int(N)
    return None


def rows_of_model(images: dict[tuple[int, int], float]) -> list[dict]:
    """The share of computing in an update: with a batch of 1,024 (strong scaling), and with 16 images a rank (weak)."""
    rows = []
    for (F, D), one_thread in images.items():
        parameters = sum(p.size for p in DRCN(F, D).params.values())
        for speed, network, R in itertools.product(SPEEDS, NETWORKS, map(int, RANKS)):
            image = one_thread / speed
            strong, weak = (N * image / R / seconds_of_update(N, R, image, parameters, network) for N in (1024, 16 * R))
            rows.append({"F": F, "D": D, "speed": speed, "network": network, "ranks": R, "strong": strong, "weak": weak,
                         "breaks_below": breaking_batch(R, image, parameters, network)})  # fmt: skip
    return rows


def draw(rows: list[dict]) -> Figure:
    """Efficiency over ranks: a column for each F, a row for each speed; strong scaling solid, weak dashed."""
    widths, speeds = (list(dict.fromkeys(row[key] for row in rows)) for key in ("F", "speed"))
    figure = new_figure(3.1 * len(widths), 2.7 * len(speeds))
    grid = figure.subplots(len(speeds), len(widths), sharex=True, sharey=True, squeeze=False)
    for (i, speed), (j, F) in itertools.product(enumerate(speeds), enumerate(widths)):
        for colour, network in zip(COLOURS, NETWORKS, strict=False):
            of_line = [row for row in rows if (row["F"], row["speed"], row["network"]) == (F, speed, network)]
            for kind, style in (("strong", "-"), ("weak", "--")):
                label = f"{network}, {kind}" if i == j == 0 else None
                xs, ys = ([row[key] for row in of_line] for key in ("ranks", kind))
                grid[i, j].plot(xs, ys, style, color=colour, label=label)
        grid[i, j].set(xscale="log", ylim=(0, 1.05), title=f"F = {F}, {SPEEDS[speed]}")
        grid[-1, j].set_xlabel("ranks")
        grid[i, 0].set_ylabel("share of computing")
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure


def main(argv: list[str] | None = None) -> None:
    """Measure, compute, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--repetitions", type=int, default=7, metavar="N")
    args = parser.parse_args(argv)
    print(machine())
    for F, D in MEASURED:
        times = measure(F, D, args.repetitions)
        one = times["2 threads"]
        print(f"F = {F}, D = {D}, {BATCH} patches: " + ", ".join(f"{n} {1e3 * t:.0f} ms" for n, t in times.items())
              + f"; 2 ranks of 1 against 2 threads {one / times['2 ranks of 1']:.2f} x")  # fmt: skip
    images = {}
    for F, D in MODELLED:
        model, (x, y) = DRCN(F, D), batch()[:, :1]
        with one_blas_thread():
            step = {"": lambda m=model, x=x, y=y: m.loss_and_grads(x, y, 0.5)}
            images[F, D] = in_turn(step, args.repetitions)[""].median
        print(f"one image, F = {F}, D = {D}: {1e3 * images[F, D]:.0f} ms (measured)")
    rows = rows_of_model(images)
    write(args.folder, "scaling", rows, draw(rows))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--rank"]:
        on_a_rank(*map(int, sys.argv[2:]))
    else:
        main()
