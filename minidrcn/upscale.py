"""`python -m minidrcn.upscale IN OUT`: enlarge a photograph, or a folder of them."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from . import cli
from .data.datasets import images_in
from .data.image_io import format_to_write, read_image, write_image
from .data.metadata import metadata
from .errors import InputError, UsageError
from .imaging.photo import choose_model, upscale_image
from .model.drcn import DRCN


@cli.command("upscale")
def main(argv: list[str] | None = None) -> int:
    """Enlarge photographs; see `--help`."""
    args = _parser().parse_args(argv)
    model, scale = choose_model(args.model, args.scale)
    jobs = _jobs(Path(args.input), Path(args.output))[args.shard]
    cli.refuse_existing((target for _, target in jobs), args.force)
    failed, written = 0, 0
    for source, target in jobs:
        try:
            done = _upscale_file(
                source, target, scale, model, args.workers, round(args.max_megapixels * 1e6), args.force
            )
        except InputError as error:
            failed = cli.fail("upscale", error, 1)
        except OSError as error:
            failed = cli.fail("upscale", f"{target}: cannot be written ({error.strerror or error})", 1)
        except MemoryError:
            failed = cli.fail("upscale", f"{source}: takes more memory than there is; lower --max-megapixels", 1)
        else:
            print(done, flush=True)
            written += 1
    if Path(args.input).is_dir():
        print(f"written: {written} of {len(jobs)} images in {args.output}")
    return failed


def _jobs(source: Path, target: Path) -> list[tuple[Path, Path]]:
    """Which file becomes which."""
    if not source.exists():
        raise InputError(f"{source}: no such file or folder")
    if not source.is_dir():
        return [(source, _with_known_ending(target / source.name if target.is_dir() else target))]
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target}: a file; for a folder of images name a folder to write to")
    sources = images_in(source)
    # What can be read and not written, a .psd file, say, becomes a .png file.
    jobs = [(path, target / (path.name if format_to_write(path) else f"{path.name}.png")) for path in sources]
    targets = Counter(path for _, path in jobs)
    twice = [path for path, count in targets.items() if count > 1]
    if twice:
        raise UsageError(f"two images of {source} would become {twice[0]}; rename one")
    target.mkdir(parents=True, exist_ok=True)
    return jobs


def _with_known_ending(path: Path) -> Path:
    if not format_to_write(path):
        raise UsageError(f"{path}: the ending {path.suffix!r} names no format to write; expected .png, .jpg or .tif")
    return path


def _upscale_file(
    source: Path, target: Path, scale: int, model: DRCN, workers: int | None, max_pixels: int, overwrite: bool
) -> str:
    image = read_image(source, max_pixels)
    progress = partial(cli.progress, desc=source.name, unit="tile")
    large = upscale_image(image, scale, model, workers=workers, progress=progress)
    if image.mode.startswith("I") and image.has_transparency_data:
        print(f"{source}: grey with 16 bits; its transparency is left out", file=sys.stderr)
    if "16 bits" in image.info:
        print(f"{source}: 16 bits in colour or with transparency; they are read as 8", file=sys.stderr)
    write_image(large, target, metadata(image, large, format_to_write(target)), overwrite)
    return f"{target}: {image.width} x {image.height} -> {large.width} x {large.height}"


def _megapixels(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1e6:
        raise argparse.ArgumentTypeError(f"must be a number above 0 and at most 1e6, not {text}")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("upscale", "Enlarge photographs: luma by the network, colour by bicubic interpolation.")
    parser.add_argument("input", metavar="IN", help="an image file, or a folder of them")
    parser.add_argument("output", metavar="OUT", help="the file to write, its ending names the format; or a folder")
    cli.add_model_options(parser)
    parser.add_argument(
        "--max-megapixels", type=_megapixels, default=64, metavar="MP",
        help="larger images are refused; the memory needed is about 240 MiB a megapixel at scale 2 (default: 64)",
    )  # fmt: skip
    cli.add_shard(parser)
    cli.add_force(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
