"""`python -m minidrcn.experiments NAME DIR`: the paper's figures, and one of recipes, from networks trained here.

Every network of a figure has the same updates, patches, held-out images and number of filters; what differs is on the
axis or in the legend. Each experiment writes NAME.csv and NAME.png.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from . import cli, plots, study, training
from .config import PRESETS, TrainingConfig
from .data.datasets import image_paths
from .data.patches import Pair, load_pair
from .errors import UsageError
from .files import write_text
from .protocol import Sample, load_sample
from .study import Moment

Row = dict[str, Any]
DEPTHS = (1, 6, 11, 16)  # of the paper's figure
MOMENTS = 20  # points of a curve over training
HELD_OUT = 10  # one image of so many


class Variant(NamedTuple):
    """What is different about one network of an experiment.

    Attributes:
        options: of training.
        scales: enlargements to train on as well.
        he_recursion: whether the recursion starts from He's random kernel.
    """

    options: Mapping[str, Any] = {}
    scales: tuple[int, ...] = ()
    he_recursion: bool = False


class Setting(NamedTuple):
    """What all networks of an experiment share.

    Attributes:
        config: the options that do not differ.
        pairs: inputs and targets to train on, by scale.
        samples: images to measure on, none of them trained on.
        workers: CPU threads, None for all usable cores.
    """

    config: TrainingConfig
    pairs: Mapping[int, Sequence[Pair]]
    samples: Sequence[Sample]
    workers: int | None


Look = Callable[[Setting, str, int, Iterator[Moment]], Iterator[Row]]


def recursions(setting: Setting, name: str, seed: int, moments: Iterator[Moment]) -> Iterator[Row]:
    """Recursion versus performance (the paper's figure of that name): networks of 1, 6, 11 and 16 recursions."""
    *_, last = moments
    psnr, _ = study.quality(last.model, setting.samples)
    yield {
        "recursions": last.model.architecture.recursions,
        "seed": seed,
        "psnr": psnr,
        "psnr_bicubic": study.bicubic_quality(setting.samples),
    }


def ensemble(setting: Setting, name: str, seed: int, moments: Iterator[Moment]) -> Iterator[Row]:
    """Ensemble effect: every recursion's own prediction against their ensemble, and the learned weights."""
    *_, last = moments
    psnr, singles = study.quality(last.model, setting.samples)
    weights = last.model.params["ensemble.w"].tolist()
    for d, (single, weight) in enumerate(zip(singles, weights, strict=True), start=1):
        yield {"d": d, "seed": seed, "psnr": single, "weight": weight, "psnr_ensemble": psnr}


def contributions(setting: Setting, name: str, seed: int, moments: Iterator[Moment]) -> Iterator[Row]:
    """What supervision and the skip each contribute: quality, and the gradient that reaches each recursion."""
    batch = study.probe(setting.config, setting.pairs[setting.config.scale])
    for moment in moments:
        psnr, _ = study.quality(moment.model, setting.samples)
        lengths = study.gradient_by_recursion(moment.model, batch)
        gradients = {f"gradient_{d}": length for d, length in enumerate(lengths, start=1)}
        yield {"network": name, "seed": seed, "step": moment.step, "psnr": psnr, **gradients}


def clipping(setting: Setting, name: str, seed: int, moments: Iterator[Moment]) -> Iterator[Row]:
    """Clipping on and off at three learning rates: the loss on one batch, the same for all, over training."""
    batch = study.probe(setting.config, setting.pairs[setting.config.scale])
    for moment in moments:
        loss = study.probe_loss(moment.model, batch)
        yield {"training": name, "seed": seed, "step": moment.step, "loss": loss if math.isfinite(loss) else None}


def recipes(setting: Setting, name: str, seed: int, moments: Iterator[Moment]) -> Iterator[Row]:
    """Ways to train one network; each also with the mean of the weights over the last quarter of training."""
    models = [moment.model for moment in moments]
    psnr, _ = study.quality(models[-1], setting.samples)
    averaged, _ = study.quality(study.mean_weights(models[3 * len(models) // 4 :]), setting.samples)
    yield {"recipe": name, "seed": seed, "psnr": psnr, "psnr_mean_weights": averaged}


class Experiment(NamedTuple):
    """Networks to train alike but for what makes the experiment, how often to look at each, what to see, the figure."""

    variants: Mapping[str, Variant]
    moments: int
    look: Look
    draw: Callable[[Sequence[Row]], Any]


BASIC = {"skip": False, "recursive_supervision": False, "output_relu": True}
CONTRIBUTIONS = {
    "basic": Variant(BASIC),
    "+ supervision": Variant({"skip": False}),
    "+ skip": Variant({"recursive_supervision": False}),
    "both": Variant(),
}
# Stochastic gradient descent with momentum, as in the paper: Adam divides the length of gradients away by itself.
CLIPPING = {
    f"{name}, rate {lr}": Variant({"optimiser": "sgd", "lr": lr, "clip": clip})
    for name, clip in (("clipped", "norm"), ("not clipped", "none"))
    for lr in (0.001, 0.01, 0.1)
}
PAPER_RECIPE = {name: PRESETS["paper"][name] for name in ("optimiser", "lr", "weight_decay", "clip", "clip_limit")}
RECIPES = {
    "the printed network": Variant(),
    "half the rate": Variant({"lr": 1e-3}),
    "twice the rate": Variant({"lr": 4e-3}),
    "constant rate": Variant({"schedule": "constant"}),
    "Nesterov, rate 0.01": Variant({"optimiser": "nesterov", "lr": 0.01}),
    "SGD, the authors' clipping": Variant(PAPER_RECIPE),
    "alpha falls with the rate": Variant({"alpha": "rate"}),
    "no supervision": Variant({"recursive_supervision": False}),
    "linear reconstruction": Variant({"reconstruction_relu": False}),
    "He in the recursion": Variant(he_recursion=True),
    "32 patches of 29": Variant({"batch": 32, "patch": 29}),
    "8 patches of 58": Variant({"batch": 8, "patch": 58}),
    "trained on x2, x3, x4": Variant(scales=(2, 3, 4)),
}
EXPERIMENTS = {
    "recursions": Experiment(
        {f"D = {D}": Variant({"recursions": D}) for D in DEPTHS}, 1, recursions, plots.recursion_performance
    ),
    "ensemble": Experiment({"advanced": Variant()}, 1, ensemble, plots.ensemble_effect),
    "contributions": Experiment(CONTRIBUTIONS, MOMENTS, contributions, plots.contributions),
    "clipping": Experiment(CLIPPING, MOMENTS, clipping, plots.clipping),
    "recipes": Experiment(RECIPES, MOMENTS, recipes, plots.recipes),
}


@cli.command("experiments")
def main(argv: list[str] | None = None) -> int:
    """Run one experiment; see `--help`."""
    args = _parser().parse_args(argv)
    experiment = EXPERIMENTS[args.name]
    folder = Path(args.folder)
    files = [folder / f"{args.name}.{ending}" for ending in ("csv", "png")]
    for file in files:
        if file.exists() and not args.force:
            raise UsageError(f"{file}: exists; name another folder, or add --force")
    folder.mkdir(parents=True, exist_ok=True)
    setting = _setting(args, experiment)
    rows = list(_rows(experiment, setting, range(args.seeds)))
    write_text(files[0], _csv(rows))
    plots.save(experiment.draw(rows), files[1])
    print(f"written: {files[0]}, {files[1]}")
    return 0


def _rows(experiment: Experiment, setting: Setting, seeds: Sequence[int]) -> Iterator[Row]:
    """Train every network with every seed, show what is seen on the way, and hand it out."""
    updates = len(experiment.variants) * len(seeds) * setting.config.steps
    with cli.progress(None, total=updates, unit="update") as bar:
        for name, variant in experiment.variants.items():
            for seed in seeds:
                with closing(_moments(variant, experiment.moments, setting, seed, bar)) as moments:
                    for row in experiment.look(setting, name, seed, moments):
                        bar.write(", ".join(f"{key} {_short(value)}" for key, value in row.items()))
                        sys.stdout.flush()
                        yield row


def _moments(variant: Variant, moments: int, setting: Setting, seed: int, bar: Any) -> Iterator[Moment]:
    config = replace(setting.config, seed=seed, **variant.options)
    pairs = [pair for scale in variant.scales or (config.scale,) for pair in setting.pairs[scale]]
    model = study.with_he_recursion(training.start(config).model, seed) if variant.he_recursion else None
    done = 0
    for moment in study.watch(config, pairs, max(config.steps // moments, 1), setting.workers, model):
        bar.update(moment.step - done)
        done = moment.step
        yield moment


def _setting(args: argparse.Namespace, experiment: Experiment) -> Setting:
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
    variants = experiment.variants.values()
    scales = {config.scale}.union(*(variant.scales for variant in variants))
    patch = max([config.patch, *(variant.options.get("patch", 0) for variant in variants)])
    pairs = {
        scale: [load_pair(path, scale, patch) for path in cli.progress(paths, desc=f"reading x{scale}", unit="image")]
        for scale in sorted(scales)
    }
    samples = [load_sample(path, config.scale) for path in held_out]
    return Setting(config, pairs, samples, args.workers)


def _split(data: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """Images to train on, and images to measure on: of "photos" those of the quick start, else one of every ten."""
    if tuple(data) == ("photos",):
        return image_paths("photos"), image_paths("photos", held_out=True)
    paths = [path for source in data for path in image_paths(source)]
    if len(paths) < HELD_OUT:
        raise UsageError(
            f"--data {' '.join(data)}: {len(paths)} images; expected at least {HELD_OUT}, of which one is held out"
        )
    held_out = paths[HELD_OUT // 2 :: HELD_OUT]
    return [path for path in paths if path not in held_out], held_out


def _csv(rows: Sequence[Row]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if value is None else value for key, value in row.items()} for row in rows)
    return text.getvalue()


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _first_line(look: Look) -> str:
    return (look.__doc__ or "").partition("\n")[0]


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("experiments", "Train small networks and draw one of the paper's figures from them.")
    names = "; ".join(f"{name}: {_first_line(experiment.look)}" for name, experiment in EXPERIMENTS.items())
    parser.add_argument("name", choices=list(EXPERIMENTS), metavar="NAME", help=names)
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
    parser.add_argument("--force", action="store_true", help="replace what an earlier run has written")
    return parser


if __name__ == "__main__":
    sys.exit(main())
