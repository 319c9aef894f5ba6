"""`python -m minidrcn.evaluate`: PSNR and SSIM of a network beside bicubic interpolation, measured as in the paper."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import cli, plots, protocol
from .comparison import comparison
from .data.datasets import image_paths, unique_names
from .drcn import DRCN
from .errors import UsageError
from .photo import choose_model
from .protocol import Quality, load_sample, measure
from .tiles import predict_luma


class Result(NamedTuple):
    """One image, or the mean of all: bicubic interpolation and the network."""

    name: str
    bicubic: Quality
    drcn: Quality


@cli.command("evaluate")
def main(argv: list[str] | None = None) -> int:
    """Measure a network on a set of images; see `--help`."""
    args = _parser().parse_args(argv)
    model, scale = choose_model(args.model, args.scale)
    pictures = Path(args.pictures) if args.pictures else None
    if pictures and pictures.exists():
        raise UsageError(f"--pictures {pictures}: exists; name a new folder")
    results = evaluate(model, args.data, scale, args.workers, pictures)
    print(_json(args.data, scale, results) if args.json else _table(args.data, scale, results))
    return 0


def evaluate(
    model: DRCN, data: str, scale: int, workers: int | None = None, pictures: Path | None = None
) -> list[Result]:
    """Measure every image of a set; the last result is the mean over the images.

    Args:
        model: trained for this scale.
        data: a set's name or a folder, see `minidrcn.data.datasets.image_paths`.
        scale: 2, 3 or 4.
        workers: CPU threads, None for all usable cores.
        pictures: a folder to draw every image's comparison into, or None.

    Raises:
        UsageError: there is no such set.
        InputError: an image cannot be read or is too small.
    """
    results = []
    paths = image_paths(data, held_out=True)
    names = dict(zip(paths, unique_names(paths), strict=True))
    for path in cli.progress(paths, desc=data, unit="image"):
        sample = load_sample(path, scale)
        prediction = predict_luma(model, sample.x, workers=workers)
        results.append(Result(names[path], measure(sample.x, sample), measure(prediction, sample)))
        if pictures:
            pictures.mkdir(parents=True, exist_ok=True)
            plots.save(comparison(sample, prediction), pictures / f"{names[path]}.png")
    return [*results, Result("mean", _mean([r.bicubic for r in results]), _mean([r.drcn for r in results]))]


def _mean(qualities: list[Quality]) -> Quality:
    return Quality(*map(float, np.mean(qualities, axis=0)))


def _table(data: str, scale: int, results: list[Result]) -> str:
    width = max(len(result.name) for result in results)
    lines = [f"{data} x{scale}", f"{'':{width}}   bicubic          DRCN             gain"]
    for name, bicubic, drcn in results:
        lines.append(
            f"{name:{width}}   {bicubic.psnr:5.2f} / {bicubic.ssim:.4f}   {drcn.psnr:5.2f} / {drcn.ssim:.4f}   "
            f"{drcn.psnr - bicubic.psnr:+.2f} dB"
        )
    return "\n".join([*lines, f"PSNR in dB / SSIM: {protocol.SUMMARY}"])


def _json(data: str, scale: int, results: list[Result]) -> str:
    rows = [{"name": name, "bicubic": _finite(bicubic), "drcn": _finite(drcn)} for name, bicubic, drcn in results]
    values = {"data": data, "scale": scale, "protocol": protocol.SUMMARY, "images": rows[:-1], "mean": rows[-1]}
    return json.dumps(values, indent=2, allow_nan=False)


def _finite(quality: Quality) -> dict[str, float | None]:
    """JSON knows no infinity: the PSNR of equal images becomes null."""
    return {name: value if math.isfinite(value) else None for name, value in quality._asdict().items()}


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("evaluate", "Measure a network beside bicubic interpolation, as the paper measured.")
    parser.add_argument(
        "--data", default="photos", metavar="NAME|DIR",
        help="'photos' (the two that are not trained on), a named set such as set5 (see python -m minidrcn.data list), "
        "or a folder of images (default: photos)",
    )  # fmt: skip
    cli.add_model_options(parser)
    parser.add_argument("--pictures", metavar="DIR", help="a new folder for a comparison of each image (default: none)")
    parser.add_argument("--json", action="store_true", help="print JSON (default: a table)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
