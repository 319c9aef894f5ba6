"""`python -m minidrcn.experiments NAME DIR`: the paper's figures, from networks trained here.

Every network of a figure has the same updates, patches, held-out images and number of filters; what differs is on the
axis or in the legend. Each experiment writes NAME.csv and NAME.png.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from . import cli, plots
from .data.datasets import image_paths
from .data.patches import Pair, load_pair
from .errors import UsageError
from .files import atomic_write
from .imaging.protocol import Sample, load_sample
from .training import study
from .training.config import TrainingConfig

Row = dict[str, Any]
SNAPSHOTS = 20  # points of a curve over training
HELD_OUT_EVERY = 10  # one image in ten


class Setup(NamedTuple):
    """What all networks of a figure share."""

    config: TrainingConfig
    pairs: Sequence[Pair]  # to train on
    samples: Sequence[Sample]  # to measure on, none of them trained on
    seeds: int  # networks of each kind
    workers: int | None  # CPU threads, None for all usable cores

    @property
    def every(self) -> int:
        """Updates between two points of a curve."""
        return max(self.config.steps // SNAPSHOTS, 1)


DEPTHS = (1, 6, 11, 16)  # of the paper's figure


def recursions(setup: Setup) -> Iterator[Row]:
    """Recursion versus performance (the paper's figure of that name): networks of 1, 6, 11 and 16 recursions."""
    psnr_bicubic = study.bicubic_psnr(setup.samples)
    for D, seed in _networks(DEPTHS, setup):
        model = study.trained(replace(setup.config, seed=seed, recursions=D), setup.pairs, setup.workers)
        psnr, _ = study.mean_psnr(model, setup.samples)
        yield {"recursions": D, "seed": seed, "psnr": psnr, "psnr_bicubic": psnr_bicubic}


def ensemble(setup: Setup) -> Iterator[Row]:
    """Ensemble effect: every recursion's own prediction against their ensemble, and the learned weights."""
    for _, seed in _networks([""], setup):
        model = study.trained(replace(setup.config, seed=seed), setup.pairs, setup.workers)
        psnr, singles = study.mean_psnr(model, setup.samples)
        weights = model.params["ensemble.w"].tolist()
        for d, (single, weight) in enumerate(zip(singles, weights, strict=True), start=1):
            yield {"d": d, "seed": seed, "psnr": single, "weight": weight, "psnr_ensemble": psnr}


CONTRIBUTIONS: dict[str, Row] = {
    "basic": {"skip": False, "recursive_supervision": False, "output_relu": True},
    "+ supervision": {"skip": False},
    "+ skip": {"recursive_supervision": False},
    "both": {},
}


def contributions(setup: Setup) -> Iterator[Row]:
    """What supervision and the skip each contribute: quality, and the gradient that reaches each recursion."""
    batch = study.probe_batch(setup.config, setup.pairs)
    for name, seed in _networks(CONTRIBUTIONS, setup):
        config = replace(setup.config, seed=seed, **CONTRIBUTIONS[name])
        for snapshot in study.train_snapshots(config, setup.pairs, setup.every, setup.workers):
            psnr, _ = study.mean_psnr(snapshot.model, setup.samples)
            lengths = study.gradient_norms(snapshot.model, batch)
            gradients = {f"gradient_{d}": length for d, length in enumerate(lengths, start=1)}
            yield {"network": name, "seed": seed, "step": snapshot.step, "psnr": psnr, **gradients}


# Stochastic gradient descent with momentum, as in the paper: Adam divides the length of gradients away by itself.
CLIPPING: dict[str, Row] = {
    f"{name}, rate {lr}": {"optimiser": "sgd", "lr": lr, "clip": clip}
    for name, clip in (("clipped", "norm"), ("not clipped", "none"))
    for lr in (0.001, 0.01, 0.1)
}


def clipping(setup: Setup) -> Iterator[Row]:
    """Clipping on and off at three learning rates: the loss on one batch, the same for all, over training."""
    batch = study.probe_batch(setup.config, setup.pairs)
    for name, seed in _networks(CLIPPING, setup):
        config = replace(setup.config, seed=seed, **CLIPPING[name])
        for snapshot in study.train_snapshots(config, setup.pairs, setup.every, setup.workers):
            loss = study.probe_loss(snapshot.model, batch)
            yield {"training": name, "seed": seed, "step": snapshot.step, "loss": loss if math.isfinite(loss) else None}


FIGURES = {
    "recursions": (recursions, plots.recursion_performance),
    "ensemble": (ensemble, plots.ensemble_effect),
    "contributions": (contributions, plots.contributions),
    "clipping": (clipping, plots.clipping),
}


@cli.command("experiments")
def main(argv: list[str] | None = None) -> int:
    """Run one experiment; see `--help`."""
    args = _parser().parse_args(argv)
    run, draw = FIGURES[args.name]
    folder = Path(args.folder)
    files = [folder / f"{args.name}.{ending}" for ending in ("csv", "png")]
    cli.refuse_existing(files, args.force)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for row in run(_setup(args)):
        cli.say(", ".join(f"{key} {_short(value)}" for key, value in row.items()))
        rows.append(row)
    with atomic_write(files[0], args.force) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    plots.save(draw(rows), files[1], args.force)
    print(f"written: {files[0]}, {files[1]}")
    return 0


def _networks(names: Iterable, setup: Setup) -> Iterable[tuple[Any, int]]:
    """Every name with every seed, with a progress bar."""
    return cli.progress(list(product(names, range(setup.seeds))), unit="network")


def _setup(args: argparse.Namespace) -> Setup:
    config = TrainingConfig(
        data=tuple(args.data),
        scale=args.scale,
        filters=args.filters,
        recursions=args.recursions,
        reconstruction_relu=True,  # the figures are the paper's, and so is the network: its printed equations
        steps=args.steps,
        patch=41,
    )
    paths, held_out = _split(config.data)
    pairs = [load_pair(path, config.scale, config.patch) for path in cli.progress(paths, desc="reading", unit="image")]
    return Setup(config, pairs, [load_sample(path, config.scale) for path in held_out], args.seeds, args.workers)


def _split(data: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """Images to train on, and images to measure on: of "photos" those of the quick start, else one of every ten."""
    if tuple(data) == ("photos",):
        return image_paths("photos"), image_paths("photos", held_out=True)
    paths = [path for source in data for path in image_paths(source)]
    if len(paths) < HELD_OUT_EVERY:
        raise UsageError(
            f"--data {' '.join(data)}: {len(paths)} images; expected {HELD_OUT_EVERY} or more, of which one is held out"
        )
    held_out = paths[HELD_OUT_EVERY // 2 :: HELD_OUT_EVERY]
    return [path for path in paths if path not in held_out], held_out


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("experiments", "Train small networks and draw one of the paper's figures from them.")
    names = "; ".join(f"{name}: {(run.__doc__ or '').partition(chr(10))[0]}" for name, (run, _) in FIGURES.items())
    parser.add_argument("name", choices=list(FIGURES), metavar="NAME", help=names)
    parser.add_argument("folder", metavar="DIR", help="where NAME.csv and NAME.png are written")
    parser.add_argument(
        "--data", nargs="+", default=["photos"], metavar="NAME|DIR",
        help="'photos', measured on the two that are not trained on, or named sets and folders, of which one image in "
        "ten is held out to be measured on (default: photos)",
    )  # fmt: skip
    parser.add_argument("--scale", type=int, choices=(2, 3, 4), default=2, help="(default: 2)")
    parser.add_argument("--filters", type=cli.whole_number(1), default=16, metavar="F", help="(default: 16)")
    parser.add_argument(
        "--recursions", type=cli.whole_number(1), default=16, metavar="D", help="where not varied (default: 16)"
    )
    parser.add_argument("--steps", type=cli.whole_number(1), default=1000, metavar="N", help="updates (default: 1000)")
    parser.add_argument("--seeds", type=cli.whole_number(1), default=2, metavar="N", help="how many (default: 2)")
    parser.add_argument("--workers", type=cli.whole_number(1), metavar="N", help="CPU threads (default: every core)")
    cli.add_force(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
