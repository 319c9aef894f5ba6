"""Training that is killed without warning, again and again, ends in the same bits as training that was left alone.

    python tests/robustness/kill.py [--kills 30]

For Adam and SGD, with one worker and two: a run is started, killed with SIGKILL after a random time, resumed, killed
again, and so on, then left to finish. A checkpoint is written after every update, so many kills hit the writing. At the
end the weights and the optimiser's state must be those of a run that nobody disturbed.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

OPTIONS = (
    "--filters 6 --recursions 3 --batch 4 --patch 24 --steps {steps} --evaluate-every 25 --checkpoint-every 1".split()
)
VARIANTS = [("adam", 1), ("adam", 2), ("sgd", 1), ("sgd", 2)]


def command(out: Path, optimiser: str, workers: int, steps: int) -> list[str]:
    """The command that starts a run, or goes on with it."""
    options = [option.format(steps=steps) for option in OPTIONS]
    start = [sys.executable, "-m", "minidrcn.train", "--resume", "--out", str(out), "--workers", str(workers)]
    return [*start, "--optimiser", optimiser, *options]


def left_alone(out: Path, optimiser: str, steps: int) -> tuple[dict[str, np.ndarray], float]:
    """The arrays that an undisturbed run ends with, and how long it took."""
    start = time.monotonic()
    subprocess.run(command(out, optimiser, 1, steps), check=True, capture_output=True)
    return arrays(out), time.monotonic() - start


def arrays(out: Path) -> dict[str, np.ndarray]:
    """Everything in a run's checkpoint but the checksum."""
    with np.load(out / "last.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files if name != "checksum"}


def disturbed(
    out: Path, optimiser: str, workers: int, steps: int, kills: int, longest: float, rng: random.Random
) -> tuple[int, int]:
    """Kill and resume until the run ends: how often it was killed, and how often before the first checkpoint."""
    done, early = 0, 0
    while True:
        process = subprocess.Popen(
            command(out, optimiser, workers, steps), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        try:
            _, said = process.communicate(timeout=rng.uniform(0.2, longest) if done < kills else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            done, early = done + 1, early + (not (out / "last.npz").exists())
            continue
        if process.returncode != 0:
            raise SystemExit(f"{out.name}: exit status {process.returncode}: {said}")
        return done, early


def main(argv: list[str] | None = None) -> int:
    """Print a line a variant; exit status 1 if one ends in other bits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=30, help="in all (default: 30)")
    parser.add_argument("--steps", type=int, default=300, help="updates of a run (default: 300)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    args = parser.parse_args(argv)
    rng, failed = random.Random(args.seed), 0
    with tempfile.TemporaryDirectory() as folder:
        for k, (optimiser, workers) in enumerate(VARIANTS):
            expected, seconds = left_alone(Path(folder) / f"{optimiser}-{workers}-alone", optimiser, args.steps)
            kills = args.kills // len(VARIANTS) + (k < args.kills % len(VARIANTS))
            done, early, runs, same = 0, 0, 0, True
            while done < kills:  # a run can end before all kills are used up
                out = Path(folder) / f"{optimiser}-{workers}-{runs}"
                killed, before = disturbed(out, optimiser, workers, args.steps, kills - done, seconds / 2, rng)
                found = arrays(out)
                done, early, runs = done + killed, early + before, runs + 1
                same &= list(found) == list(expected) and all(np.array_equal(found[n], expected[n]) for n in found)
            print(
                f"{optimiser}, {workers} workers: killed {done} times in {runs} runs ({early} times before the first "
                f"checkpoint), {'the same bits' if same else 'OTHER BITS'}",
                flush=True,
            )
            failed += not same
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
