"""Any images through `upscale`: what becomes of each file of folders that nobody here has made.

    python tests/robustness/corpus.py [DIR ...] [--packages] [--made] [--model NAME|FILE] [--levels 4]

Every file below the folders whose name ends like an image's, those that come with the installed Python packages, and
one in each mode, format and size that Pillow writes. A process enlarges one after the other; what kills it or takes
longer than a minute is noted, and the next process goes on. The results are compared with Pillow's bicubic
interpolation of premultiplied colours; the default network, untrained, changes next to nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minidrcn import DRCN, upscale
from minidrcn.data.image_io import format_to_write
from minidrcn.model import checkpoint

SECONDS = 60.0
LEVELS = 4.0  # of 255, on average over an image
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16", "I;16B")
WRONG = ("more lines", "traceback", "crash", "hang", "wrong size")


class Outcome(NamedTuple):
    """What became of a file: a word for the tally, and what was said or found."""

    word: str
    detail: str = ""


def images_below(folder: Path) -> list[Path]:
    """Files whose name ends like an image's."""
    from PIL import Image

    known = Image.registered_extensions()
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in known and path.is_file())


def make_images(folder: Path, sizes=((1, 1), (1, 9), (17, 6), (40, 33))) -> list[Path]:
    """One image in each mode, size and format that Pillow writes, and in TIFF each compression."""
    from PIL import Image

    rng, paths = np.random.default_rng(0), []
    endings = {name: ending for ending, name in sorted(Image.registered_extensions().items(), reverse=True)}
    variants = [(name, ending, {}) for name, ending in sorted(endings.items()) if name in Image.SAVE]
    variants += [("TIFF", ".tif", {"compression": f"tiff_{name}"}) for name in ("lzw", "adobe_deflate", "jpeg")]
    variants += [("TIFF", ".tif", {"compression": name}) for name in ("group4", "packbits", "zstd", "lzma")]
    variants += [("JPEG", ".jpg", {"progressive": True, "dpi": (300, 300)}), ("WEBP", ".webp", {"lossless": True})]
    for (name, ending, options), mode, size in itertools.product(variants, MODES, sizes):
        smooth = np.add.outer(np.arange(size[1]) * 3, np.arange(size[0]) * 2) + rng.integers(0, 20, size[::-1])
        grey = Image.fromarray(smooth.clip(0, 255).astype(np.uint8))
        if mode.startswith("I;16"):
            image = Image.fromarray((smooth.clip(0, 255) * 257).astype(np.uint16)).convert(mode)
        elif mode == "I":
            image = Image.fromarray((smooth.clip(0, 255) * 257).astype(np.int32))
        elif mode in ("LAB", "HSV", "CMYK", "YCbCr"):
            image = Image.merge(
                mode, [grey.point(lambda v, k=k: (v + 40 * k) % 256) for k in range(3 + (mode == "CMYK"))]
            )
        else:
            image = grey.convert(mode)
        path = folder / f"{len(paths):05}-{mode.replace(';', '')}-{size[0]}x{size[1]}{ending}"
        with contextlib.suppress(Exception):  # most formats hold few modes
            image.save(path, name, **options)
        if path.exists() and path.stat().st_size:
            paths.append(path)
    return paths


def difference(source: Path, result: Path) -> float:
    """Levels of 255 by which an enlarged image differs from Pillow's bicubic interpolation, on average."""
    from PIL import Image, ImageOps

    with Image.open(source) as image, Image.open(result) as large:
        seen = [_premultiplied(ImageOps.exif_transpose(image)), _premultiplied(large)]
    expected = seen[0].resize(seen[1].size, Image.Resampling.BICUBIC)
    return float(np.abs(np.asarray(expected, dtype=float) - np.asarray(seen[1])).mean())


def _premultiplied(image):
    from PIL import Image

    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) / 257).astype(np.uint8))
    if image.mode == "La":
        image = image.convert("LA")
    return image if image.mode == "RGBa" else image.convert("RGBA").convert("RGBa")


def judge(source: Path, target: Path, status: int, said: str, levels: float) -> Outcome:
    """What a run of the command was, from its exit status, what it said on stderr, and what it wrote."""
    from PIL import Image

    lines = said.splitlines()
    if "Traceback" in said:
        return Outcome("traceback", lines[-1])
    if status:
        return Outcome("refused in a line" if len(lines) == 1 and not target.exists() else "more lines", said.strip())
    if any(str(source) not in line for line in lines):
        return Outcome("more lines", said.strip())
    with Image.open(source) as image, Image.open(target) as large:
        sizes = {(2 * image.width, 2 * image.height), (2 * image.height, 2 * image.width)}
        if large.size not in sizes:
            return Outcome("wrong size", f"{image.size} -> {large.size}")
    found = difference(source, target)
    return (
        Outcome(f"done, differs by more than {levels:g} levels", f"{found:.1f}") if found > levels else Outcome("done")
    )


def _work(connection, model: str) -> None:
    """Enlarge the files whose names come, and send back exit status and stderr, libraries' included."""
    with tempfile.TemporaryFile("w+") as said, open(os.devnull, "w") as nowhere:
        os.dup2(said.fileno(), 2)
        sys.stderr = open(2, "w", buffering=1, closefd=False)
        connection.send("ready")
        while names := connection.recv():
            said.seek(0)
            said.truncate()
            try:
                with contextlib.redirect_stdout(nowhere):
                    status = upscale.main([*names, "--model", model, "--workers", "1"])
            except SystemExit as stopped:
                status = stopped.code
            except BaseException as error:
                status = 1
                print(f"Traceback: {type(error).__name__}: {error}", file=sys.stderr)
            said.seek(0)
            connection.send((status, said.read()))


def outcomes(paths: list[Path], model: str, levels: float = LEVELS, seconds: float = SECONDS) -> Iterator[tuple]:
    """Each path with its outcome."""
    context = multiprocessing.get_context("spawn")
    process = None
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(paths):
            if process is None:
                ours, theirs = context.Pipe()
                process = context.Process(target=_work, args=(theirs, model), daemon=True)
                process.start()
                theirs.close()
                ours.recv()  # ready: to start takes time that is not the image's
            target = Path(folder) / f"{number}{path.suffix.lower() if format_to_write(path) else '.png'}"
            ours.send([str(path), str(target)])
            try:
                answered = ours.poll(seconds)
                status, said = ours.recv() if answered else (None, "")
            except EOFError:
                process.join()
                status, said = None, ""
            if status is None:
                word, detail = ("crash", f"status {process.exitcode}") if answered else ("hang", f"{seconds:g} s")
                process.kill()
                process = None
                yield path, Outcome(word, detail)
                continue
            try:
                yield path, judge(path, target, status, said, levels)
            except Exception as error:  # the reference is Pillow's, which need not read it
                yield path, Outcome("done, not compared", f"{type(error).__name__}: {error}")
            target.unlink(missing_ok=True)
        if process is not None:
            ours.send(None)
            process.join()


def main(argv: list[str] | None = None) -> int:
    """Print the tally and all that is not simply done; exit status 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--packages", action="store_true", help="the images that installed Python packages bring")
    parser.add_argument("--made", action="store_true", help="every mode and format that Pillow writes")
    parser.add_argument("--model", help="default: an untrained one, which is bicubic interpolation but for 0.1 %%")
    parser.add_argument("--levels", type=float, default=LEVELS)
    args = parser.parse_args(argv)
    start, count = time.monotonic(), Counter()
    with tempfile.TemporaryDirectory() as scratch:
        paths = [path for folder in args.folders for path in images_below(folder)]
        if args.packages:
            site = {Path(entry) for entry in sys.path if entry.endswith("-packages")}
            paths += [path for folder in sorted(site) for path in images_below(folder)]
        if args.made:
            (Path(scratch) / "made").mkdir()
            paths += make_images(Path(scratch) / "made")
        model = args.model or str(Path(scratch) / "untrained.npz")
        if not args.model:
            checkpoint.save(model, DRCN(2, 1, scale=2))
        for path, outcome in outcomes(paths, model, args.levels):
            count[outcome.word] += 1
            if outcome.word != "done":
                print(f"{outcome.word}: {path}: {outcome.detail}", flush=True)
    print(f"\n{len(paths)} images in {time.monotonic() - start:.0f} s")
    for word, number in count.most_common():
        print(f"{number:6} {word}")
    print("none of: " + ", ".join(word for word in WRONG if not count[word]))
    return 1 if any(count[word] for word in WRONG) else 0


if __name__ == "__main__":
    sys.exit(main())
