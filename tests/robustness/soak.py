"""Does memory grow? An hour of training, and a thousand images through `upscale` in one process.

    python tests/robustness/soak.py train [--minutes 60] [--csv FILE]
    python tests/robustness/soak.py upscale [--images 1000] [--csv FILE]

Resident memory is looked at every few seconds. What the first tenth of the time adds is warm-up (buffers, caches, the
allocator's pools); growth is the slope of a line through the rest, times its length.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil

from minidrcn import train, upscale
from minidrcn.files import write_text

EVERY = 2.0  # seconds between two looks
WARM_UP = 0.1


@contextlib.contextmanager
def watched(every: float) -> Iterator[list[tuple[float, float]]]:
    """Collect (seconds, MiB) of this process while the block runs."""
    seen: list[tuple[float, float]] = []
    done, process, start = threading.Event(), psutil.Process(), time.monotonic()

    def look() -> None:
        while not done.wait(every):
            seen.append((time.monotonic() - start, process.memory_info().rss / 2**20))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def growth(seen: list[tuple[float, float]]) -> tuple[float, float, float]:
    """Memory after the warm-up and at its highest, and how much of it was added after the warm-up, all in MiB."""
    times, memory = np.array(seen[int(WARM_UP * len(seen)) :]).T
    slope = np.polyfit(times, memory, 1)[0] if len(times) > 1 else 0.0
    return float(memory[0]), float(memory.max()), float(slope * (times[-1] - times[0]))


def soak_training(minutes: float, every: float, options: list[str]) -> tuple[str, list[tuple[float, float]]]:
    """Train for that long as the command does, checkpoints and measurements included, and stop it as Ctrl-C would."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"

        def stop() -> None:
            while not (out / "best.npz").exists():  # before that, nobody waits for signals
                time.sleep(0.05)
            time.sleep(60 * minutes)
            signal.raise_signal(signal.SIGTERM)

        threading.Thread(target=stop, daemon=True).start()
        with watched(every) as seen, open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            status = train.main(["--steps", "1000000", "--out", str(out), *options])
        updates = (out / "log.csv").read_text(encoding="utf-8").splitlines()[-1].partition(",")[0]
    return f"{minutes:g} minutes of training, {updates} updates, exit status {status}", seen


def soak_upscale(images: int, every: float, options: list[str]) -> tuple[str, list[tuple[float, float]]]:
    """Enlarge a folder of images of all kinds of sizes and modes."""
    from PIL import Image

    rng, modes = np.random.default_rng(0), ("RGB", "L", "RGBA", "P")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in", Path(folder) / "out"
        source.mkdir()
        for k in range(images):
            size = tuple(int(side) for side in rng.integers(20, 160, 2))
            noise = Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8))
            noise.convert(modes[k % len(modes)]).save(source / f"{k:05}.png")
        with watched(every) as seen, open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            status = upscale.main([str(source), str(target), *options])
        written = len(list(target.iterdir()))
    return f"{written} images enlarged, exit status {status}", seen


def main(argv: list[str] | None = None) -> int:
    """Print what was found; exit status 1 if memory grew by more than a twentieth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("train", "upscale"))
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--every", type=float, default=EVERY, help="seconds between two looks")
    parser.add_argument("--csv", type=Path, help="where to write what was seen")
    args, options = parser.parse_known_args(argv)
    if args.what == "train":
        said, seen = soak_training(args.minutes, args.every, options)
    else:
        said, seen = soak_upscale(args.images, args.every, options)
    start, most, added = growth(seen)
    print(f"{said}: {start:.0f} MiB after warm-up, {most:.0f} MiB at most, {added:+.1f} MiB over the rest", flush=True)
    if args.csv:
        write_text(args.csv, "seconds,mebibytes\n" + "".join(f"{t:.0f},{m:.1f}\n" for t, m in seen))
    return 0 if added < 0.05 * start else 1


if __name__ == "__main__":
    sys.exit(main())
