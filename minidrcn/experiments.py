"""`python -m minidrcn.experiments NAME DIR`: the paper's figures, from networks trained here.

Every network of a figure has the same updates, patches, held-out images and number of filters; what differs is on the
axis or in the legend. Each experiment writes NAME.csv and NAME.png.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from . import cli, plots, study
from .config import TrainingConfig
from .data.datasets import image_paths
from .data.patches import Pair, load_pair
from .errors import UsageError
from .files import write_text
from .protocol import Sample, load_sample

Row = dict[str, Any]
DEPTHS = (1, 6, 11, 16)  # of the paper's figure
MOMENTS = 20  # points of a curve over training

BASIC = {"skip": False, "recursive_supervision": False, "output_relu": True}
CONTRIBUTIONS = {
    "basic": BASIC,
    "+ supervision": {"skip": False},
    "+ skip": {"recursive_supervision": False},
    "both": {},
}
# Stochastic gradient descent with momentum, as in the paper: Adam divides the length of gradients away by itself.
CLIPPING = {
    f"{name}, rate {lr}": {"optimiser": "sgd", "lr": lr, "clip": clip}
    for name, clip in (("clipped", "norm"), ("not clipped", "none"))
    for lr in (0.001, 0.01, 0.1)
}


class Setting(NamedTuple):
    """What all networks of an experiment share: options, patches to train on, images to measure on, seeds, threads."""

    config: TrainingConfig
    pairs: Sequence[Pair]
    samples: Sequence[Sample]
    seeds: Sequence[int]
    workers: int | None

    def train(self, seed: int, moments: int = 1, **options: Any) -> Iterator[study.Moment]:
        """A network with some options changed, looked at so many times while it learns."""
        config = replace(self.config, seed=seed, **options)
        return study.watch(config, self.pairs, max(config.steps // moments, 1), self.workers)


def recursions(setting: Setting) -> Iterator[Row]:
    """Recursion versus performance (the paper's figure of that name): networks of 1, 6, 11 and 16 recursions."""
    bicubic = study.bicubic_quality(setting.samples)
    for depth in DEPTHS:
        for seed in setting.seeds:
            *_, last = setting.train(seed, recursions=depth)
            psnr, _ = study.quality(last.model, setting.samples)
            yield {"recursions": depth, "seed": seed, "psnr": psnr, "psnr_bicubic": bicubic}


def ensemble(setting: Setting) -> Iterator[Row]:
    """Ensemble effect: every recursion's own prediction against their ensemble, and the learned weights."""
    for seed in setting.seeds:
        *_, last = setting.train(seed)
        psnr, singles = study.quality(last.model, setting.samples)
        weights = last.model.params["ensemble.w"].tolist()
        for d, (single, weight) in enumerate(zip(singles, weights, strict=True), start=1):
            yield {"d": d, "seed": seed, "psnr": single, "weight": weight, "psnr_ensemble": psnr}


def contributions(setting: Setting) -> Iterator[Row]:
    """What supervision and the skip each contribute: quality, and the gradient that reaches each recursion."""
    batch = study.probe(setting.config, setting.pairs)
    for name, options in CONTRIBUTIONS.items():
        for seed in setting.seeds:
            for moment in setting.train(seed, MOMENTS, **options):
                psnr, _ = study.quality(moment.model, setting.samples)
                lengths = study.gradient_by_recursion(moment.model, batch)
                gradients = {f"gradient_{d}": length for d, length in enumerate(lengths, start=1)}
                yield {"network": name, "seed": seed, "step": moment.step, "psnr": psnr, **gradients}


def clipping(setting: Setting) -> Iterator[Row]:
    """Clipping on and off at three learning rates: the loss on one batch, the same for all, over training."""
    batch = study.probe(setting.config, setting.pairs)
    for name, options in CLIPPING.items():
        for seed in setting.seeds:
            for moment in setting.train(seed, MOMENTS, **options):
                loss = study.probe_loss(moment.model, batch)
                yield {
                    "training": name,
                    "seed": seed,
                    "step": moment.step,
                    "loss": loss if math.isfinite(loss) else None,
                }


EXPERIMENTS: dict[str, tuple[Callable[[Setting], Iterator[Row]], Callable]] = {
    "recursions": (recursions, plots.recursion_performance),
    "ensemble": (ensemble, plots.ensemble_effect),
    "contributions": (contributions, plots.contributions),
    "clipping": (clipping, plots.clipping),
}


@cli.command("experiments")
def main(argv: list[str] | None = None) -> int:
    """Run one experiment; see `--help`."""
    args = _parser().parse_args(argv)
    run, draw = EXPERIMENTS[args.name]
    folder = Path(args.folder)
    files = [folder / f"{args.name}.{ending}" for ending in ("csv", "png")]
    for file in files:
        if file.exists() and not args.force:
            raise UsageError(f"{file}: exists; name another folder, or add --force")
    setting = _setting(args)
    rows = []
    for row in run(setting):
        rows.append(row)
        print(", ".join(f"{key} {_short(value)}" for key, value in row.items()), flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(files[0], _csv(rows))
    plots.save(draw(rows), files[1])
    print(f"written: {files[0]}, {files[1]}")
    return 0


def _setting(args: argparse.Namespace) -> Setting:
    config = TrainingConfig(
        data=tuple(args.data), scale=args.scale, filters=args.filters, recursions=args.recursions, steps=args.steps
    )
    paths = [path for source in config.data for path in image_paths(source)]
    pairs = [load_pair(path, config.scale, config.patch) for path in cli.progress(paths, desc="reading", unit="image")]
    samples = [load_sample(path, config.scale) for path in image_paths(config.validation, held_out=True)]
    return Setting(config, pairs, samples, range(args.seeds), args.workers)


def _csv(rows: Sequence[Row]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if value is None else value for key, value in row.items()} for row in rows)
    return text.getvalue()


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("experiments", "Train small networks and draw one of the paper's figures from them.")
    names = "; ".join(f"{name}: {run.__doc__.splitlines()[0]}" for name, (run, _) in EXPERIMENTS.items())
    parser.add_argument("name", choices=list(EXPERIMENTS), metavar="NAME", help=names)
    parser.add_argument("folder", metavar="DIR", help="where NAME.csv and NAME.png are written")
    parser.add_argument(
        "--data", nargs="+", default=["photos"], metavar="NAME|DIR", help="as for train (default: photos)"
    )
    parser.add_argument("--scale", type=int, choices=(2, 3, 4), default=2, help="(default: 2)")
    parser.add_argument("--filters", type=cli.whole_number(1), default=16, metavar="F", help="(default: 16)")
    parser.add_argument(
        "--recursions", type=cli.whole_number(1), default=16, metavar="D", help="where not varied (default: 16)"
    )
    parser.add_argument("--steps", type=cli.whole_number(1), default=1000, metavar="N", help="updates (default: 1000)")
    parser.add_argument("--seeds", type=cli.whole_number(1), default=2, metavar="N", help="how many (default: 2)")
    parser.add_argument("--workers", type=cli.whole_number(1), metavar="N", help="CPU threads (default: every core)")
    parser.add_argument("--force", action="store_true", help="replace what an earlier run has written")
    return parser


if __name__ == "__main__":
    sys.exit(main())
