"""The most memory that the largest jobs hold: a photograph of 12 megapixels, and a step of the paper's network.

    python tests/benchmarks/memory.py [--workers N]

Each runs in a process of its own; the peak is the system's count of resident memory.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

import numpy as np
from timing import machine

from minidrcn import DRCN, cli, upscale_image
from minidrcn.parallel import loss_and_grads

JOBS = ("shipped network, 12 megapixels", "F=256, D=16, a step of 64 patches")


def run(job: str, workers: int | None) -> None:
    """Do one of the jobs."""
    cli.keep_freed_memory()  # as commands do
    rng = np.random.default_rng(0)
    if "megapixels" in job:
        upscale_image(rng.integers(0, 256, (1500, 2000, 3), dtype=np.uint8), 2, workers=workers)
    else:
        x, y = rng.random((2, 64, 41, 41, 1), dtype=np.float32)
        loss_and_grads(DRCN(256, 16), x, y, workers=workers)


def main(argv: list[str] | None = None) -> None:
    """Print a line a job."""
    import resource  # not on Windows

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, metavar="N")
    parser.add_argument("--job", choices=JOBS, help="do this one here, without a process of its own")
    args = parser.parse_args(argv)
    if args.job:
        start = time.perf_counter()
        run(args.job, args.workers)
        unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
        print(f"{args.job}: peak {peak:.0f} MiB, {time.perf_counter() - start:.0f} s", flush=True)
        return
    print(machine(), flush=True)
    for job in JOBS:
        workers = ["--workers", str(args.workers)] if args.workers else []
        subprocess.run([sys.executable, __file__, "--job", job, *workers], check=True)


if __name__ == "__main__":
    main()
