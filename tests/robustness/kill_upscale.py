"""Upscaling that is killed without warning, again and again, and continued, leaves every photograph whole, once.

    python tests/robustness/kill_upscale.py [--photographs 500] [--kills 10]

Mixed photographs in nested folders are enlarged with `--recursive --skip-existing`, killed with SIGKILL after a random
time, continued, killed again, and so on, then left to finish. In the end there must be one file for each photograph,
the same bytes as of a run that nobody disturbed, and none may have been written twice.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from minidrcn import DRCN
from minidrcn.model import checkpoint

KINDS = [("png", 3, np.uint8), ("jpg", 3, np.uint8), ("webp", 4, np.uint8), ("tif", 1, np.uint16), ("bmp", 1, np.uint8),
         ("png", 4, np.uint8), ("jpg", 1, np.uint8), ("png", 1, np.uint16)]  # fmt: skip


def photographs(folder: Path, count: int, rng: np.random.Generator) -> None:
    """Small photographs of several formats, modes and sizes, 20 in each folder, three folders deep."""
    for k in range(count):
        ending, channels, dtype = KINDS[k % len(KINDS)]
        shape = (*rng.integers(8, 60, 2), channels)[: 3 if channels > 1 else 2]
        path = folder / f"{k // 180}" / f"{k // 60}" / f"{k // 20}" / f"{k}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, np.iinfo(dtype).max, shape, dtype)).save(path)


def prepare(folder: Path, count: int, seed: int) -> tuple[list[str], dict[str, bytes], float]:
    """The command but for its output, what an undisturbed run of it writes, and how long that takes."""
    photographs(folder / "in", count, np.random.default_rng(seed))
    checkpoint.save(folder / "quick.npz", DRCN(4, 2, scale=2))
    command = [sys.executable, "-m", "minidrcn.upscale", str(folder / "in"), "--model", str(folder / "quick.npz"),
               "--recursive", "--skip-existing", "--workers", "1", "--out"]  # fmt: skip
    start = time.monotonic()
    subprocess.run([*command, str(folder / "alone")], check=True, capture_output=True)
    return command, results(folder / "alone"), time.monotonic() - start


def results(out: Path) -> dict[str, bytes]:
    """What is in a folder of results, hidden files included."""
    paths = [path for path in out.rglob("*") if path.is_file()]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in paths}


def disturbed(command: list[str], out: Path, kills: int, longest: float, rng: random.Random) -> tuple[int, list[str]]:
    """Kill and continue until the run ends: how often it was killed, and every line that says what was written."""
    done, said = 0, []
    while True:
        process = subprocess.Popen([*command, str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            lines, errors = process.communicate(timeout=rng.uniform(0.2, longest) if done < kills else None)
        except subprocess.TimeoutExpired:
            process.kill()
            lines, errors = process.communicate()
            done += 1
        said += targets(lines.splitlines())
        if process.returncode >= 0:
            if process.returncode != 0:
                raise SystemExit(f"exit status {process.returncode}: {errors}")
            return done, said


def targets(lines: list[str]) -> list[str]:
    """The files that lines of `upscale` say have been written."""
    return [line.rpartition(": ")[0] for line in lines if " -> " in line]


def problems(found: dict[str, bytes], expected: dict[str, bytes], said: list[str]) -> list[str]:
    """What is wrong with the results, a line each."""
    lines = [f"missing: {name}" for name in expected.keys() - found.keys()]
    lines += [f"too many: {name}" for name in found.keys() - expected.keys()]
    lines += [f"other bytes: {name}" for name in found.keys() & expected.keys() if found[name] != expected[name]]
    return lines + [f"written twice: {name}" for name, count in Counter(said).items() if count > 1]


def main(argv: list[str] | None = None) -> int:
    """Print what was found; exit status 1 if anything is missing, damaged or done twice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=int, default=500, help="(default: 500)")
    parser.add_argument("--kills", type=int, default=10, help="in all (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="of the photographs and the moments (default: 0)")
    args = parser.parse_args(argv)
    rng, done, runs, wrong = random.Random(args.seed), 0, 0, []
    with tempfile.TemporaryDirectory() as folder:
        command, expected, seconds = prepare(Path(folder), args.photographs, args.seed)
        while done < args.kills:  # a run can end before all kills are used up
            out = Path(folder) / f"killed-{runs}"
            killed, said = disturbed(command, out, args.kills - done, seconds / 2, rng)
            done, runs = done + killed, runs + 1
            wrong += problems(results(out), expected, said)
    print(f"{len(expected)} photographs, killed {done} times in {runs} runs: ", end="")
    print("every output whole, none missing, none twice, nothing else left" if not wrong else "\n".join(["", *wrong]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
