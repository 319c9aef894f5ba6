"""`python -m minidrcn.evaluate`: PSNR and SSIM of a network beside bicubic interpolation, measured as in the paper."""

from __future__ import annotations

import argparse
import json
import sys
from typing import NamedTuple

import numpy as np

from . import cli, protocol
from .checkpoint import load
from .data.datasets import image_paths
from .drcn import DRCN
from .photo import model_for
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
    model = load(args.model) if args.model else None
    scale = args.scale or (model.scale if model else None) or 2
    model = model_for(scale, model)
    results = evaluate(model, args.data, scale, args.workers)
    print(_json(args.data, scale, results) if args.json else _table(args.data, scale, results))
    return 0


def evaluate(model: DRCN, data: str, scale: int, workers: int | None = None) -> list[Result]:
    """Measure every image of a set; the last result is the mean over the images.

    Raises:
        UsageError: there is no such set.
        InputError: an image cannot be read or is too small.
    """
    results = []
    for path in cli.progress(image_paths(data, held_out=True), desc=data, unit="image"):
        sample = load_sample(path, scale)
        prediction = predict_luma(model, sample.x, workers=workers)
        results.append(Result(sample.name, measure(sample.x, sample), measure(prediction, sample)))
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
    rows = [{"name": name, "bicubic": bicubic._asdict(), "drcn": drcn._asdict()} for name, bicubic, drcn in results]
    values = {"data": data, "scale": scale, "protocol": protocol.SUMMARY, "images": rows[:-1], "mean": rows[-1]}
    return json.dumps(values, indent=2)


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("evaluate", "Measure a network beside bicubic interpolation, as the paper measured.")
    parser.add_argument(
        "--data", default="photos", metavar="NAME|DIR",
        help="'photos' (the two that are not trained on), a folder of images, or the name of a folder inside the one "
        "that MINIDRCN_DATA names (default: photos)",
    )  # fmt: skip
    parser.add_argument("--scale", type=int, choices=(2, 3, 4), help="enlargement (default: the model's, else 2)")
    parser.add_argument("--model", metavar="NAME|FILE", help="shipped weights or an .npz file (default: xSCALE)")
    parser.add_argument("--json", action="store_true", help="print JSON (default: a table)")
    parser.add_argument(
        "--workers", type=cli.whole_number(1), metavar="N", help="CPU threads (default: one a usable core)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
