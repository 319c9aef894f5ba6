"""`python -m minidrcn.upscale IN ... [OUT]`: enlarge photographs, or folders of them."""

from __future__ import annotations

import argparse
import glob
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from . import cli, plots
from .backend import require_gpu
from .data.image_io import format_to_write, read_image, write_image
from .data.metadata import metadata
from .errors import InputError, UsageError
from .files import sweep
from .imaging.batch import Job, plan
from .imaging.chosen_size import passes, upscale_by
from .imaging.comparison import before_after
from .imaging.photo import choose_model, model_for
from .model.drcn import DRCN

SCALES = (2, 3, 4)
BAR = "{percentage:3.0f}%|{bar}| {n:.1f}/{total} photographs, {elapsed} elapsed, {remaining} left"


@cli.command("upscale")
def main(argv: list[str] | None = None) -> int:
    """Enlarge photographs; see `--help`."""
    args, start, problems = _parser().parse_args(argv), time.monotonic(), []

    def report(problem: object) -> None:
        if isinstance(problem, OSError):
            problem = f"{problem.filename}: {problem.strerror}"
        problems.append(cli.fail("upscale", problem, 1))

    scales, network = _networks(args)
    inputs, out = _inputs_and_output(args)
    label = f"w{args.width}" if args.width else f"h{args.height}" if args.height else f"x{scales[0]}"
    planned = plan(inputs, out, label, report, recursive=args.recursive, ending=args.format, compare=args.compare)
    jobs = planned[args.shard]
    waiting = [job for job in jobs if not (args.skip_existing and all(map(os.path.exists, job.outputs)))]
    if args.skip_existing:
        _sweep(path for job in jobs for path in job.outputs)
    else:
        cli.refuse_existing((path for job in jobs for path in job.outputs), args.force)
    written = 0
    with cli.progress(None, total=len(waiting), bar_format=BAR, smoothing=0) as bar:
        for number, job in enumerate(waiting, 1):
            try:
                done = _enlarge(job, scales, network, bar, args)
            except (InputError, OSError, MemoryError) as error:
                bar.clear()
                report(_said(error, job))
            else:
                cli.say(done)
                written += 1
            bar.update(number - bar.n)
    if len(jobs) > 1 or not (written or problems):
        counts = f"{written} of {len(jobs)} photographs written in {time.monotonic() - start:.0f} s"
        there = len(jobs) - len(waiting)
        print(f"minidrcn.upscale: {counts}, {there} were there already, {len(problems)} failed", file=sys.stderr)
    return 1 if problems else 0


def _networks(args: argparse.Namespace) -> tuple[tuple[int, ...], Callable[[int], DRCN]]:
    """The scales that the networks know, and the network for each of them."""
    if args.gpu:
        require_gpu()
    model, scale = choose_model(args.model, args.scale)
    any_scale = (args.width or args.height) and not args.model

    @cache
    def network(scale: int) -> DRCN:
        chosen = model_for(scale) if any_scale else model
        return chosen.to_gpu() if args.gpu else chosen

    return SCALES if any_scale else (scale,), network


def _inputs_and_output(args: argparse.Namespace) -> tuple[list[Path], str | None]:
    names, out = args.names, args.out
    if out is None and len(names) > 1:
        *names, out = names
        if os.path.isfile(out) and not args.skip_existing:
            raise UsageError(f"{out}: exists, and the last of several names is the output unless --out names it")
    if "" in (*names, out):
        raise UsageError("the name of a file or folder is empty")
    # Windows leaves *.jpg to the program.
    found = [path for name in names for path in (not os.path.exists(name) and sorted(glob.glob(name))) or [name]]
    return [Path(name) for name in found], out


def _sweep(outputs: Iterable[Path]) -> None:
    """Remove what a run that was killed had begun to write; other shards' temporary files stay."""
    for folder, targets in groupby(sorted(outputs), key=lambda path: path.parent):
        if folder.is_dir():
            sweep(folder, targets)


def _enlarge(
    job: Job, scales: tuple[int, ...], network: Callable[[int], DRCN], bar: Any, args: argparse.Namespace
) -> str:
    """Do one job, apart from files that are there already; returns what was done."""
    image = read_image(job.source, round(args.max_megapixels * 1e6))
    size = f"{image.width} x {image.height}"
    factor = args.width / image.width if args.width else args.height / image.height if args.height else scales[0]
    chosen = passes(factor, scales)
    if chosen is None:
        maximum = max(scales) ** 2
        raise InputError(f"{job.source}: {size}; enlarged by more than 1 and at most {maximum}, not by {factor:.3g}")
    predictions = len(chosen) * (8 if args.self_ensemble else 1)

    def progress(tiles: Iterable, total: int) -> Iterator:
        for tile in tiles:
            yield tile
            bar.update(1 / (predictions * total))

    large = upscale_by(
        image, factor, chosen, network, workers=args.workers, self_ensemble=args.self_ensemble, progress=progress
    )
    bar.clear()
    if image.mode.startswith("I") and image.has_transparency_data:
        print(f"{job.source}: grey with 16 bits; its transparency is left out", file=sys.stderr)
    if "16 bits" in image.info:
        print(f"{job.source}: 16 bits in colour or with transparency; they are read as 8", file=sys.stderr)
    kept = metadata(image, large, format_to_write(job.target))
    if args.no_metadata:
        kept = {name: value for name, value in kept.items() if name == "icc_profile"}  # part of the colours
    job.target.parent.mkdir(parents=True, exist_ok=True)
    if not (args.skip_existing and os.path.exists(job.target)):
        write_image(large, job.target, kept, args.force, args.quality)
    if job.comparison and not (args.skip_existing and os.path.exists(job.comparison)):
        plots.save(before_after(image, large, factor), job.comparison, overwrite=args.force)
    return f"{job.target}: {size} -> {large.width} x {large.height}"


def _said(error: Exception, job: Job) -> str:
    if isinstance(error, MemoryError):
        return f"{job.source}: takes more memory than there is; try with fewer --workers"
    if isinstance(error, OSError):
        return f"{error.filename or job.target}: cannot be written ({error.strerror or error})"
    return str(error)


def _megapixels(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1e6:
        raise argparse.ArgumentTypeError(f"must be a number above 0 and at most 1e6, not {text}")
    return value


def _ending(text: str) -> str:
    ending = "." + text.lower().removeprefix(".")
    if not format_to_write(Path(f"image{ending}")):
        raise argparse.ArgumentTypeError(f"must be an ending such as png, jpg, tif, webp or avif, not {text}")
    return ending


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("upscale", "Enlarge photographs: luma by the network, colour by bicubic interpolation.")
    parser.usage = "%(prog)s [options] IN [IN ...] [OUT]"
    add = parser.add_argument
    add("names", nargs="+", metavar="IN", help="image files, or folders of them; with two or more names and no --out, "
        "the last is OUT")  # fmt: skip
    add("--out", metavar="OUT", help="the file to write, its ending names the format; or a folder, made where there is "
        "none (default: photo_x2.jpg beside photo.jpg, the folder trip_x2 beside the folder trip)")  # fmt: skip
    add("--recursive", action="store_true", help="also the images in subfolders, into the same subfolders of OUT")
    size = cli.add_model_options(parser)
    for side in ("width", "height"):
        size.add_argument(
            f"--{side}", type=cli.whole_number(1), metavar="PIXELS",
            help=f"{side} of the results: enlarged by the next larger scale, or two of them, then shrunk",
        )  # fmt: skip
    add("--format", type=_ending, metavar="ENDING", help="of the results, such as png or avif (default: the input's)")
    add("--quality", type=cli.whole_number(1, 100), default=95, metavar="N", help="of JPEG, WebP, AVIF (default: 95)")
    add("--no-metadata", action="store_true", help="leave out camera, place and resolution, and keep the colour "
        "profile (default: keep all)")  # fmt: skip
    add("--compare", action="store_true", help="also draw OUT.compare.png, a crop by bicubic interpolation and by the "
        "network")  # fmt: skip
    cli.add_batch_options(parser)
    existing = parser.add_mutually_exclusive_group()
    cli.add_force(existing)
    existing.add_argument("--skip-existing", action="store_true", help="go on where an earlier run was interrupted: "
                          "leave out what is there already")  # fmt: skip
    add("--max-megapixels", type=_megapixels, default=64, metavar="MP", help="larger images are refused; the memory "
        "needed is about 240 MiB a megapixel at scale 2 (default: 64)")  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
