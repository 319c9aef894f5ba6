"""Damaged and hostile files: nothing but a one-line error may come of them.

    python tests/robustness/fuzz.py [--cases 20000] [--seed 0]

Sound files, images of many formats and the files of a training run, are damaged at random: bytes changed, cut, moved,
repeated, replaced by numbers that file formats are afraid of. What reads them must return, or raise `InputError` with
one line, within seconds. A checkpoint that is read must hold the numbers that were written.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from minidrcn import DRCN
from minidrcn.data.image_io import read_image, to_array
from minidrcn.errors import InputError
from minidrcn.model import checkpoint
from minidrcn.training.config import TrainingConfig, read_config
from minidrcn.training.optim import Adam
from minidrcn.training.run_folder import COLUMNS, read_log

SECONDS = 10.0
MAX_PIXELS = 4_000_000
AFRAID_OF = [
    b"\x00" * 4,
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x80\x00\x00\x00",
    b"\x00\x00\x00\x01",
]

Reader = Callable[[Path], object]


def sound_files() -> dict[str, bytes]:
    """One small file of each kind, by name."""
    from PIL import Image

    rng = np.random.default_rng(0)
    rgb = Image.fromarray(rng.integers(0, 256, (13, 17, 3), dtype=np.uint8))
    grey16 = Image.fromarray(rng.integers(0, 65536, (9, 8), dtype=np.uint16))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    files = {}
    for name, image, options in (
        ("a.png", rgb, {"exif": exif, "dpi": (72, 72)}),
        ("b.png", rgb.convert("P"), {"transparency": 3}),
        ("c.png", grey16, {}),
        ("a.jpg", rgb, {"exif": exif, "icc_profile": b"no profile"}),
        ("b.jpg", rgb.convert("CMYK"), {"progressive": True}),
        ("a.tif", rgb, {"compression": "tiff_lzw"}),
        ("b.tif", grey16, {}),
        ("a.webp", rgb, {"exif": exif}),
        ("a.gif", rgb, {}),
        ("a.bmp", rgb, {}),
        ("a.ppm", rgb, {}),
        ("a.tga", rgb.convert("RGBA"), {}),
        ("a.jp2", rgb, {}),
    ):
        file = io.BytesIO()
        image.save(file, Image.registered_extensions()[Path(name).suffix], **options)
        files[name] = file.getvalue()
    with tempfile.TemporaryDirectory() as folder:
        path, model = Path(folder) / "last.npz", DRCN(3, 2)
        checkpoint.save(path, model, Adam().init(model.params), {"step": 3, "best_psnr": 30.0})
        files["last.npz"] = path.read_bytes()
    files["config.json"] = TrainingConfig().to_json().encode()
    files["log.csv"] = (
        ",".join(COLUMNS) + "\n" + "10,0.5,2.0,0.001,0.9,1.5,,\n20,0.4,2.0,0.001,0.9,3,31.5,31\n"
    ).encode()
    return files


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """One to eight random changes, half of them where headers are."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 9)) if rng.random() < 0.5 else 1):
        if not data:
            break
        end = len(data) if rng.random() < 0.5 else min(len(data), 64)
        at, length = int(rng.integers(end)), int(rng.integers(1, 40))
        change = rng.integers(7)
        if change == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif change == 1:
            data[at] = int(rng.integers(256))
        elif change == 2:
            data[at : at + 4] = AFRAID_OF[int(rng.integers(len(AFRAID_OF)))]
        elif change == 3:
            del data[at : at + length]
        elif change == 4:
            data[at:at] = rng.bytes(length)
        elif change == 5:
            data[at:at] = data[at : at + length]
        else:
            del data[int(rng.integers(len(data))) :]
    return bytes(data)


def read_picture(path: Path) -> None:
    """As every command reads images."""
    to_array(read_image(path, MAX_PIXELS))


def reader(name: str, sound: bytes) -> Reader:
    """What reads a file of that name."""

    def read_checkpoint(path: Path) -> None:
        found = checkpoint.load_checkpoint(path)
        path.write_bytes(sound)
        expected = checkpoint.load_checkpoint(path)
        for name, value in expected.model.params.items():
            assert np.array_equal(found.model.params[name], value), f"{name} has other numbers"
        assert found.training == expected.training, "another state of training"

    if name == "config.json":
        return read_config
    if name == "log.csv":
        return lambda path: read_log(path.parent)
    return read_checkpoint if name.endswith(".npz") else read_picture


def fuzz(cases: int, seed: int, folder: Path) -> tuple[Counter, list[str], float]:
    """Try damaged files: how many were read and refused, by kind; what went wrong; the slowest, in seconds."""
    rng, files = np.random.default_rng(seed), sound_files()
    names, count, wrong, slowest = list(files), Counter(), [], 0.0
    for case in range(cases):
        name = names[case % len(names)]
        content = rng.bytes(int(rng.integers(400))) if rng.random() < 0.05 else damaged(files[name], rng)
        path = folder / name
        path.write_bytes(content)
        start = time.monotonic()
        try:
            reader(name, files[name])(path)
            outcome = "read"
        except InputError as error:
            outcome = "refused"
            if "\n" in str(error):
                wrong.append(f"case {case}, {name}: more than a line: {error}")
        except Exception as error:
            outcome = "failed"
            wrong.append(f"case {case}, {name}: {type(error).__name__}: {error}")
        seconds = time.monotonic() - start
        if seconds > SECONDS:
            wrong.append(f"case {case}, {name}: took {seconds:.0f} s")
        slowest = max(slowest, seconds)
        count[path.suffix, outcome] += 1
    return count, wrong, slowest


def main(argv: list[str] | None = None) -> int:
    """Print a table; exit status 1 if anything but a one-line error came of a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    before = psutil.Process().memory_info().rss
    with tempfile.TemporaryDirectory() as folder:
        count, wrong, slowest = fuzz(args.cases, args.seed, Path(folder))
    for kind in sorted({kind for kind, _ in count}):
        print(
            f"{kind:6} {count[kind, 'read']:6} read {count[kind, 'refused']:6} refused {count[kind, 'failed']:3} failed"
        )
    grown = (psutil.Process().memory_info().rss - before) / 2**20
    print(f"{args.cases} cases, {len(wrong)} failures, slowest {slowest:.2f} s, memory {grown:+.0f} MiB")
    print(*wrong[:50], sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
