"""`python -m minidrcn.animate FILE.gif`: a photograph sharpens, recursion by recursion.

The ensemble is the input plus D weighted changes, `x + sum_d w_d (y_d - x)` where its weights sum to 1. Frame d has the
first d of them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from . import cli, plots
from .data.datasets import image_paths
from .errors import UsageError
from .imaging.photo import choose_model
from .imaging.protocol import Sample, load_sample, measure
from .imaging.tiles import Window, predict_luma
from .model.drcn import DRCN

SIDE = 64  # of the window shown, in pixels
FRAME_SECONDS, END_SECONDS = 0.5, 2.5


@cli.command("animate")
def main(argv: list[str] | None = None) -> int:
    """Draw the animation of one photograph; see `--help`."""
    args = _parser().parse_args(argv)
    target = Path(args.file)
    if target.suffix.lower() != ".gif":
        raise UsageError(f"{target}: expected a name that ends in .gif")
    cli.refuse_existing([target], args.force)
    model, scale = choose_model(args.model, args.scale)
    if not model.architecture.recursive_supervision:
        raise UsageError("a network without recursive supervision has one prediction only; name another --model")
    path = args.image or image_paths("photos", held_out=True)[-1]
    sample = load_sample(path, scale)
    window = best_window(model, sample, args.workers)
    crops = partial_ensembles(model, sample.x, window)
    piece = sample._replace(x=sample.x[window], target=sample.target[window])
    psnrs = [measure(crop, piece).psnr for crop in crops]
    frames = [plots.sharpening(crops, psnrs, d) for d in cli.progress(range(len(crops)), unit="frame")]
    seconds = [END_SECONDS, *[FRAME_SECONDS] * (len(frames) - 2), END_SECONDS]
    plots.save_animation(frames, seconds, target, args.force)
    print(f"written: {target}, {psnrs[0]:.2f} dB to {psnrs[-1]:.2f} dB")
    return 0


def best_window(model: DRCN, sample: Sample, workers: int | None = None) -> Window:
    """The rows and columns, at most `SIDE` of each, of the piece that the network improves most."""
    return plots.most_improved(sample.x, predict_luma(model, sample.x, workers=workers), sample.target / 255, SIDE)


def partial_ensembles(model: DRCN, x: np.ndarray, window: Window) -> list[np.ndarray]:
    """D + 1 crops, (H, W): the input plus the first 0, 1, .. D of the ensemble's weighted changes."""
    margin = model.architecture.radius  # the receptive field's radius
    wide = tuple(slice(max(s.start - margin, 0), s.stop + margin) for s in window)
    inside = tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(window, wide, strict=True))
    _, ys = model.predict(x[wide][None, :, :, None])
    start = x[window]
    changes = [w_d * (y_d[0, :, :, 0][inside] - start) for w_d, y_d in zip(model.params["ensemble.w"], ys, strict=True)]
    return [start + sum(changes[:d]) for d in range(len(changes) + 1)]


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("animate", "Draw a photograph that sharpens recursion by recursion, as a GIF.")
    parser.add_argument("file", metavar="FILE.gif", help="to write")
    parser.add_argument("--image", metavar="FILE", help="the photograph (default: the coins of scikit-image)")
    cli.add_model_options(parser)
    cli.add_force(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
