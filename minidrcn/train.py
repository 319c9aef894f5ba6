"""`python -m minidrcn.train`: train a DRCN on photographs, or resume a run."""

from __future__ import annotations

import argparse
import math
import signal
import sys
import tempfile
import traceback
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np

from . import __version__, cli
from .backend import choose_gpu, require_gpu, to_cpu, to_gpu
from .data.datasets import image_paths
from .data.patches import Pair, load_pair
from .distributed import COMPARE_EVERY, STOP, Ranks
from .errors import UsageError
from .files import locked
from .imaging.protocol import load_sample
from .model.network import Architecture
from .options import add_options, flag
from .training import run_folder, step
from .training.config import PRESETS, TrainingConfig, read_config
from .training.loop import TrainingRun
from .training.run_folder import BEST, CONFIG, CURVE, LAST, Row
from .training.step import TrainingState

VERSIONS = f"{__version__} {np.__version__}".encode()
# The parameters and the optimiser's state depend on these.
FIXED = {option.name for option in fields(Architecture)} | {"scale", "optimiser", "average", "init"}


@cli.command("train")
def main(argv: list[str] | None = None) -> int:
    """Train a network, or go on training one; see `--help`."""
    args = _parser().parse_args(argv)
    return _over_ranks(args) if args.mpi else _train(args)


def _over_ranks(args: argparse.Namespace) -> int:
    """The same over the processes that mpiexec has started. Whatever goes wrong on one rank ends all of them."""
    ranks = Ranks(args.mpi_sum == "fast")
    run = _train if ranks.rank == 0 else _follow
    ended = []

    def to_the_end(_: object) -> int:
        ended.append(run(args, ranks))
        return ended[0]

    try:
        status = cli.command("train")(to_the_end)(None)
    except BaseException:
        traceback.print_exc()
        ranks.abort(1)
    if not ended:  # an error, or a second signal: the others may wait for this rank anywhere
        ranks.abort(status)
    if ranks.rank == 0:
        ranks.broadcast(STOP, 0)
    return status


def _train(args: argparse.Namespace, ranks: Ranks | None = None) -> int:
    if args.gpu:
        require_gpu()
    folder, config, state, rows = _prepare(args)
    if ranks and ranks.size > config.batch:
        raise UsageError(f"{ranks.size} ranks for {config.batch} images an update; start fewer, or raise --batch")
    if state is not None and not (folder / BEST).exists():
        state = replace(state, best_psnr=-math.inf)  # the best from here on
    elif state is not None and step.finished(state, config) and (folder / CURVE).exists():
        print(f"{folder}: finished after {state.step} updates, best validation PSNR {state.best_psnr:.2f} dB")
        return 0
    samples = [load_sample(path, config.scale) for path in image_paths(config.validation, held_out=True)]
    pairs = _load_pairs(config)
    state = state or step.start(config)
    folder = folder or run_folder.new_folder(args.out)
    with locked(folder):
        run_folder.write_config(folder, config)
        if ranks:
            step.save_state(folder / LAST, state, config)
            ranks.broadcast(state.step, 0)  # not STOP: there is something to do
            ranks.compare("the versions of minidrcn and NumPy", VERSIONS)
            ranks.broadcast_bytes((folder / LAST).read_bytes())
        if args.gpu:
            state = _on_gpu(state, ranks)
        train_step = partial(_leading_step, ranks) if ranks else step.train_step
        run = TrainingRun(folder, config, pairs, samples, args.workers, args.checkpoint_every, train_step)
        return run.run(state, rows)


def _leading_step(ranks: Ranks, state: TrainingState, config: TrainingConfig, pairs: list[Pair], workers: int | None):
    """`step.train_step` on rank 0, which the others join."""
    ranks.broadcast(state.step, state.plateau.lr)
    return _joined_step(ranks, state, config, pairs, workers)


def _joined_step(ranks: Ranks, state: TrainingState, config: TrainingConfig, pairs: list[Pair], workers: int | None):
    if state.step % COMPARE_EVERY == 0:
        ranks.compare("the parameters", b"".join(to_cpu(p).tobytes() for p in state.model.params.values()))
    return step.train_step(state, config, pairs, workers, ranks.loss_and_grads)


def _follow(args: argparse.Namespace, ranks: Ranks) -> int:
    """Every other rank: do as rank 0 says, until it says no more. Signals are for rank 0, which saves first."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if ranks.broadcast(0, 0)[0] == STOP:
        return 0
    ranks.compare("the versions of minidrcn and NumPy", VERSIONS)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / LAST).write_bytes(ranks.broadcast_bytes())
        state, config = step.load_state(Path(folder) / LAST)
    pairs = _load_pairs(config)
    if args.gpu:
        state = _on_gpu(state, ranks)
    with np.errstate(all="ignore"):
        while (message := ranks.broadcast(0, 0))[0] != STOP:
            state = replace(state, plateau=replace(state.plateau, lr=message[1]))
            state, _ = _joined_step(ranks, state, config, pairs, args.workers)
    return 0


def _prepare(args: argparse.Namespace) -> tuple[Path | None, TrainingConfig, TrainingState | None, list[Row]]:
    """The options of the run and, where it goes on, its folder, state and log."""
    names = {option.name for option in fields(TrainingConfig)}
    given = {name: value for name, value in vars(args).items() if value is not None and name in names}
    if "data" in given:
        given["data"] = tuple(given["data"])
    preset = PRESETS[args.preset] if args.preset else {}
    config = TrainingConfig(**(preset | given))
    if not args.resume:
        # A folder that is in the way is refused now rather than after the images are read.
        exists = args.out is not None and Path(args.out).exists()
        return run_folder.new_folder(args.out) if exists else None, config, None, []
    if args.out is None:
        raise UsageError("--resume needs --out, the folder of the run to go on with")
    folder = Path(args.out)
    if (folder / LAST).exists():
        state, stored = step.load_state(folder / LAST)
    elif (folder / CONFIG).exists():
        state, stored = None, read_config(folder / CONFIG)
    elif folder.is_dir() and not run_folder.is_empty(folder):
        raise UsageError(f"--out {args.out}: holds no training run and is not empty; name another folder")
    else:
        return None, config, None, []
    wanted = replace(stored, **(preset | given))
    different = {
        option.name: f"{flag(option.name)} {getattr(wanted, option.name)} (the run: {getattr(stored, option.name)})"
        for option in fields(wanted)
        if getattr(wanted, option.name) != getattr(stored, option.name)
    }
    said = f"{folder} was started with other options: {'; '.join(different.values())}"
    if different and not args.with_changes:
        raise UsageError(f"{said}; leave them out, or use the new ones with --with-changes")
    fixed = [flag(name) for name in different if name in FIXED]
    if fixed and state:
        raise UsageError(f"{said}; {', '.join(fixed)} cannot be changed: the trained network depends on it")
    return folder, wanted, state, run_folder.read_log(folder) if state else []


def _load_pairs(config: TrainingConfig) -> list[Pair]:
    paths = [path for source in config.data for path in image_paths(source)]
    return [load_pair(path, config.scale, config.patch) for path in cli.progress(paths, desc="reading", unit="image")]


def _on_gpu(state: TrainingState, ranks: Ranks | None) -> TrainingState:
    if ranks:
        choose_gpu(ranks.local_rank)
    optimiser_state = {
        part: {name: to_gpu(value) for name, value in values.items()} for part, values in state.optimiser_state.items()
    }
    return replace(state, model=state.model.to_gpu(), optimiser_state=optimiser_state)


def _parser() -> cli.Parser:
    parser = cli.parser(
        "train", "Train a DRCN on photographs. Without options: a small network on the photographs in scikit-image."
    )
    parser.add_argument("--out", metavar="DIR", help="folder of the run (default: a new number under runs)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out; start it if there is none")
    parser.add_argument("--with-changes", action="store_true", help="let --resume go on with the options given here "
                        "where they differ from the run's (default: refuse)")  # fmt: skip
    parser.add_argument("--mpi", action="store_true", help="share the work with all processes that mpiexec has started")
    parser.add_argument("--mpi-sum", choices=("exact", "fast"), default="exact", help="exact: the same bits for any "
                        "number of processes (default: exact)")  # fmt: skip
    parser.add_argument("--gpu", action="store_true", help="train on an NVIDIA GPU through CuPy (default: on the CPU)")
    parser.add_argument(
        "--workers", type=cli.whole_number(1), metavar="N", help="CPU threads; results do not depend on it "
        "(default: one a usable core)",
    )  # fmt: skip
    parser.add_argument(
        "--checkpoint-every", type=cli.whole_number(1), default=50, metavar="N",
        help="updates between two checkpoints (default: 50)",
    )  # fmt: skip
    parser.add_argument(
        "--preset", choices=sorted(PRESETS), help="options for a lesson, an evening on a CPU, or the paper's on a GPU; "
        "other options still apply",
    )  # fmt: skip
    add_options(parser, TrainingConfig)
    return parser


if __name__ == "__main__":
    sys.exit(main())
