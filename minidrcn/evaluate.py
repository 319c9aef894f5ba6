"""`python -m minidrcn.evaluate`: PSNR and SSIM of a network beside bicubic interpolation, measured as in the paper."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import cli, plots
from .data.datasets import image_paths, unique_names
from .errors import UsageError
from .files import atomic_write
from .imaging import protocol
from .imaging.comparison import comparison, in_colour
from .imaging.photo import choose_model
from .imaging.protocol import Quality, load_sample, measure, published
from .imaging.tiles import predict_luma
from .model.drcn import DRCN


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
    if args.gpu:
        model = model.to_gpu()
    pictures, save = (_new_folder(flag, getattr(args, flag)) for flag in ("pictures", "save"))
    if pictures and save and pictures.resolve() == save.resolve():
        raise UsageError(f"--pictures and --save both name {save}; name two folders")
    results = evaluate(model, args.data, scale, args.workers, pictures, save, args.self_ensemble, args.shard)
    show = _json if args.json else _table
    name = args.data if args.shard == slice(None) else f"{args.data} ({args.shard.start + 1}/{args.shard.step})"
    print(show(name, scale, args.self_ensemble, results))
    return 0


def evaluate(
    model: DRCN,
    data: str,
    scale: int,
    workers: int | None = None,
    pictures: Path | None = None,
    save: Path | None = None,
    self_ensemble: bool = False,
    shard: slice = slice(None),
) -> list[Result]:
    """Measure every image of a set; the last result is the mean over the images.

    Args:
        model: trained for this scale.
        data: a set's name or a folder, see `minidrcn.data.datasets.image_paths`.
        scale: 2, 3 or 4.
        workers: CPU threads, None for all usable cores.
        pictures: a folder to draw every image's comparison into, or None.
        save: a folder to write every result into, as PNG in the file's colours, or None.
        self_ensemble: average the predictions for the 8 flips and rotations.
        shard: which of the images, in order.

    Raises:
        UsageError: there is no such set, or it has no image for this shard.
        InputError: an image cannot be read or is too small.
    """
    results = []
    paths = image_paths(data, held_out=True)
    names = dict(zip(paths, unique_names(paths), strict=True))
    if not paths[shard]:
        raise UsageError(f"--shard: {data} has {len(paths)} images, so none for this one")
    for path in cli.progress(paths[shard], desc=data, unit="image"):
        sample = load_sample(path, scale)
        prediction = predict_luma(model, sample.x, workers=workers, self_ensemble=self_ensemble)
        results.append(Result(names[path], measure(sample.x, sample), measure(prediction, sample)))
        if pictures:
            pictures.mkdir(parents=True, exist_ok=True)
            plots.save(comparison(sample, prediction), pictures / f"{names[path]}.png", overwrite=False)
        if save:
            save.mkdir(parents=True, exist_ok=True)
            _save(in_colour(sample, prediction), save / f"{names[path]}.png")
    return [*results, Result("mean", _mean([r.bicubic for r in results]), _mean([r.drcn for r in results]))]


def _new_folder(flag: str, name: str | None) -> Path | None:
    if name is None:
        return None
    if not name:
        raise UsageError(f"--{flag} is empty; name a new folder")
    if Path(name).exists():
        raise UsageError(f"--{flag} {name}: exists; name a new folder")
    return Path(name)


def _save(image: np.ndarray, path: Path) -> None:
    from PIL import Image

    with atomic_write(path, overwrite=False) as temporary:
        Image.fromarray(protocol.to_uint8(image)).save(temporary)


def _mean(qualities: list[Quality]) -> Quality:
    return Quality(*map(float, np.mean(qualities, axis=0)))


def _table(data: str, scale: int, self_ensemble: bool, results: list[Result]) -> str:
    width = max(len(result.name) for result in results)
    title = f"{data} x{scale}" + (", mean of 8 flips and rotations" if self_ensemble else "")
    lines = [title, f"{'':{width}}   bicubic          DRCN             gain"]
    for name, bicubic, drcn in results:
        lines.append(
            f"{name:{width}}   {bicubic.psnr:5.2f} / {bicubic.ssim:.4f}   {drcn.psnr:5.2f} / {drcn.ssim:.4f}   "
            f"{drcn.psnr - bicubic.psnr:+.2f} dB"
        )
    others = published(data, scale)
    if others:
        cells = (f"{name} {quality.psnr:.2f} / {quality.ssim:.4f}" for name, quality in others.items())
        lines.append(f"published means (Kim et al. 2016): {', '.join(cells)}")
    return "\n".join([*lines, f"PSNR in dB / SSIM: {protocol.SUMMARY}"])


def _json(data: str, scale: int, self_ensemble: bool, results: list[Result]) -> str:
    rows = [{"name": name, "bicubic": _finite(bicubic), "drcn": _finite(drcn)} for name, bicubic, drcn in results]
    values = {"data": data, "scale": scale, "self_ensemble": self_ensemble, "protocol": protocol.SUMMARY}
    values |= {"images": rows[:-1], "mean": rows[-1]}
    values["published"] = {name: _finite(quality) for name, quality in published(data, scale).items()}
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
    parser.add_argument("--save", metavar="DIR", help="a new folder for the network's images, as PNG (default: none)")
    cli.add_batch_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON (default: a table)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
