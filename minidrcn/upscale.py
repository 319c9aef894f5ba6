"""`python -m minidrcn.upscale IN OUT`: enlarge a photograph, or a folder of them."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from . import cli
from .data.datasets import images_in
from .data.image_io import read_image
from .data.metadata import metadata
from .errors import InputError, UsageError
from .files import atomic_write
from .imaging.photo import choose_model, upscale_image
from .model.drcn import DRCN

if TYPE_CHECKING:
    from PIL import Image

# Formats that hold a photograph of any size as it is.
FORMATS = ("BMP", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")


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
            done = _upscale_file(source, target, scale, model, args.workers, round(args.max_megapixels * 1e6))
        except InputError as error:
            failed = cli.fail("upscale", error, 1)
        except OSError as error:
            failed = cli.fail("upscale", f"{target}: cannot be written ({error.strerror or error})", 1)
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
    jobs = [(path, target / (path.name if _writable(path) else f"{path.name}.png")) for path in sources]
    targets = Counter(path for _, path in jobs)
    twice = [path for path, count in targets.items() if count > 1]
    if twice:
        raise UsageError(f"two images of {source} would become {twice[0]}; rename one")
    target.mkdir(parents=True, exist_ok=True)
    return jobs


def _format(path: Path) -> str | None:
    from PIL import Image

    return Image.registered_extensions().get(path.suffix.lower())


def _writable(path: Path) -> bool:
    return _format(path) in FORMATS


def _with_known_ending(path: Path) -> Path:
    if not _writable(path):
        raise UsageError(f"{path}: the ending {path.suffix!r} names no format to write; expected .png, .jpg or .tif")
    return path


def _upscale_file(source: Path, target: Path, scale: int, model: DRCN, workers: int | None, max_pixels: int) -> str:
    image = read_image(source, max_pixels)
    progress = partial(cli.progress, desc=source.name, unit="tile")
    large = upscale_image(image, scale, model, workers=workers, progress=progress)
    if image.mode.startswith("I") and image.has_transparency_data:
        print(f"{source}: grey with 16 bits; its transparency is left out", file=sys.stderr)
    options: dict = {"quality": 95} if _format(target) in ("JPEG", "WEBP") else {}
    with atomic_write(target) as temporary:
        try:
            large.save(temporary, **options, **metadata(image, large, _format(target)))
        except Exception as error:
            if _is_of_the_system(error):
                raise
            _save_bare(large, temporary, target, options)
    return f"{target}: {image.width} x {image.height} -> {large.width} x {large.height}"


def _save_bare(image: Image.Image, temporary: Path, target: Path, options: dict) -> None:
    """Save without metadata: bad metadata must not cost the picture."""
    try:
        image.save(temporary, **options)
    except Exception as error:
        if _is_of_the_system(error):
            raise
        raise InputError(f"{target}: cannot hold this image ({error}); try .png") from error


def _is_of_the_system(error: Exception) -> bool:
    # Which exception Pillow raises depends on the format; with an error number it is the system's.
    return isinstance(error, MemoryError) or bool(getattr(error, "errno", None))


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
