"""`python -m minidrcn.train`: from photographs to a trained network in a folder."""

from __future__ import annotations

import argparse
import math
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from . import checkpoint, cli, run_folder, training
from .backend import require_gpu, to_gpu
from .config import PRESETS, TrainingConfig, flag, kind, read_config
from .data.datasets import image_paths
from .data.patches import Pair, load_pair
from .errors import InputError, UsageError
from .protocol import Sample, load_sample, measure
from .run_folder import Row, RunFolder
from .tiles import predict_luma
from .training import TrainingState

LOG_EVERY = 10


@cli.command("train")
def main(argv: list[str] | None = None) -> int:
    """Train a network, or go on training one; see `--help`."""
    args = _parser().parse_args(argv)
    if args.gpu:
        require_gpu()
    folder, config, state, rows = _prepare(args)
    if state is not None and training.finished(state, config):
        print(f"{folder.path}: finished after {state.step} updates, best validation PSNR {state.best_psnr:.2f} dB")
        return 0
    pairs, samples = _load_images(config)
    folder = folder or run_folder.new_folder(args.out)
    run_folder.write_config(folder, config)
    state = state or training.start(config)
    if args.gpu:
        state = _on_gpu(state)
    return _Run(folder, config, pairs, samples, args).go(state, rows)


class _Run:
    """A training run in progress: the loop, and what it reports and writes."""

    def __init__(
        self,
        folder: RunFolder,
        config: TrainingConfig,
        pairs: Sequence[Pair],
        samples: Sequence[Sample],
        args: argparse.Namespace,
    ) -> None:
        self.folder, self.config, self.pairs, self.samples = folder, config, pairs, samples
        self.workers, self.checkpoint_every = args.workers, args.checkpoint_every
        self.psnr_bicubic = float(np.mean([measure(sample.x, sample).psnr for sample in samples]))

    def go(self, state: TrainingState, rows: list[Row]) -> int:
        """Train until nothing is left to do or a signal comes; the exit status."""
        config = self.config
        self.rows = [row for row in rows if row["step"] <= state.step]
        self.started = time.monotonic() - (self.rows[-1]["seconds"] if self.rows else 0.0)
        print(f"{self.folder.path}: {_description(state, config)}", flush=True)
        if state.step == 0:
            state = self._evaluate(state, None)
        with _Signals() as signals, self._bar(state) as bar:
            while not training.finished(state, config):
                state, report = training.train_step(state, config, self.pairs, self.workers)
                bar.update()
                due = state.step % config.evaluate_every == 0 or state.step == config.steps
                if due or state.step % LOG_EVERY == 0:
                    self._check_finite(report, state)
                    bar.set_postfix_str(
                        f"loss {float(report.loss):.3f}, gradient {float(report.grad_norm):.2f}, rate {report.lr:.1e}"
                    )
                    if due:
                        state = self._evaluate(state, report, bar.write)
                    else:
                        self._log(state, report)
                if signals.received:
                    break
                if state.step % self.checkpoint_every == 0:
                    self._save(state)
        self._save(state)
        if signals.received and not training.finished(state, config):
            print(
                f"minidrcn.train: interrupted and saved after {state.step} of {config.steps} updates; "
                f"go on with --resume --out {self.folder.path}",
                file=sys.stderr,
            )
            return 128 + signals.received
        self._finish(state)
        return 0

    def _bar(self, state: TrainingState):
        return cli.progress(None, total=self.config.steps, initial=state.step, unit="update", smoothing=0.1)

    def _predictions(self, state: TrainingState) -> list[tuple[Sample, np.ndarray]]:
        return [(sample, predict_luma(state.model, sample.x, workers=self.workers)) for sample in self.samples]

    def _evaluate(self, state: TrainingState, report: training.StepReport | None, write=print) -> TrainingState:
        psnr = float(np.mean([measure(prediction, sample).psnr for sample, prediction in self._predictions(state)]))
        if psnr > state.best_psnr:
            checkpoint.save(self.folder.best, state.model)
        state = training.after_evaluation(state, psnr)
        self._log(state, report, psnr)
        write(
            f"update {state.step:>6}  validation {psnr:.2f} dB, bicubic {self.psnr_bicubic:.2f} dB, "
            f"gain {psnr - self.psnr_bicubic:+.2f} dB, {self.rows[-1]['seconds']:.0f} s"
        )
        sys.stdout.flush()
        return state

    def _log(self, state: TrainingState, report: training.StepReport | None, psnr: float | None = None) -> None:
        row: Row = dict.fromkeys(run_folder.COLUMNS)
        row |= {"step": state.step, "seconds": round(time.monotonic() - self.started, 1)}
        if report is not None:
            row |= {name: float(value) for name, value in report._asdict().items()}
        if psnr is not None:
            row |= {"psnr": psnr, "psnr_bicubic": self.psnr_bicubic}
        self.rows.append(row)
        run_folder.write_log(self.folder, self.rows)

    def _check_finite(self, report: training.StepReport, state: TrainingState) -> None:
        if not (math.isfinite(float(report.loss)) and math.isfinite(float(report.grad_norm))):
            raise InputError(
                f"the loss is no longer finite at update {state.step}; {self.folder.path} holds the last good state; "
                "start anew with a smaller --lr or --clip-limit"
            )

    def _save(self, state: TrainingState) -> None:
        training.save_state(self.folder.last, state, self.config)

    def _finish(self, state: TrainingState) -> None:
        run_folder.write_pictures(self.folder, self.rows, self._predictions(state))
        seconds = self.rows[-1]["seconds"]
        print(
            f"done: {state.step} updates in {seconds:.0f} s, best validation PSNR {state.best_psnr:.2f} dB "
            f"(bicubic {self.psnr_bicubic:.2f} dB)"
        )
        print(f"the network is {self.folder.best}, its curve {self.folder.curve}")


class _Signals:
    """Ctrl-C and SIGTERM let the update in progress end; a second one stops at once."""

    def __init__(self) -> None:
        self.received = 0

    def __enter__(self) -> _Signals:
        self._previous = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: object) -> None:
        if self.received:
            raise KeyboardInterrupt
        self.received = number


def _prepare(args: argparse.Namespace) -> tuple[RunFolder | None, TrainingConfig, TrainingState | None, list[Row]]:
    """The options of the run and, where it goes on, its folder, state and log."""
    given = {name: value for name, value in vars(args).items() if value is not None and name in _names()}
    if "data" in given:
        given["data"] = tuple(given["data"])
    preset = PRESETS[args.preset] if args.preset else {}
    config = TrainingConfig(**(preset | given))
    if not args.resume:
        if args.out is not None and Path(args.out).exists():
            # Refused now rather than after the images are read.
            return run_folder.new_folder(args.out), config, None, []
        return None, config, None, []
    if args.out is None:
        raise UsageError("--resume needs --out, the folder of the run to go on with")
    folder = RunFolder(Path(args.out))
    if folder.last.exists():
        state, stored = training.load_state(folder.last)
    elif folder.config.exists():
        state, stored = None, read_config(folder.config)
    else:
        return None, config, None, []
    wanted = replace(stored, **(preset | given))
    different = [
        f"{flag(option.name)} {getattr(wanted, option.name)} (the run: {getattr(stored, option.name)})"
        for option in fields(wanted)
        if getattr(wanted, option.name) != getattr(stored, option.name)
    ]
    if different:
        raise UsageError(f"{folder.path} was started with other options: {'; '.join(different)}; leave them out")
    return folder, stored, state, run_folder.read_log(folder) if state else []


def _load_images(config: TrainingConfig) -> tuple[list[Pair], list[Sample]]:
    paths = [path for source in config.data for path in image_paths(source)]
    validation = image_paths(config.validation, held_out=True)
    pairs = [load_pair(path, config.scale, config.patch) for path in cli.progress(paths, desc="reading", unit="image")]
    return pairs, [load_sample(path, config.scale) for path in validation]


def _on_gpu(state: TrainingState) -> TrainingState:
    optimiser_state = {
        part: {name: to_gpu(value) for name, value in values.items()} for part, values in state.optimiser_state.items()
    }
    return replace(state, model=state.model.to_gpu(), optimiser_state=optimiser_state)


def _description(state: TrainingState, config: TrainingConfig) -> str:
    parameters = sum(value.size for value in state.model.params.values())
    start = f"from update {state.step} " if state.step else ""
    return (
        f"DRCN with {config.filters} filters, {config.recursions} recursions, {parameters:,} parameters, "
        f"x{config.scale}, {start}to update {config.steps}"
    )


def _names() -> set[str]:
    return {option.name for option in fields(TrainingConfig)}


def _parser() -> cli.Parser:
    parser = cli.parser(
        "train", "Train a DRCN on photographs. Without options: a small network on the photographs in scikit-image."
    )
    parser.add_argument("--out", metavar="DIR", help="folder of the run (default: a new number under runs)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out; start it if there is none")
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
    for option in fields(TrainingConfig):
        default = " ".join(option.default) if kind(option) is tuple else option.default
        settings: dict = {"default": None, "help": f"{option.metadata['text']} (default: {default})"}
        if kind(option) is bool:
            settings["action"] = argparse.BooleanOptionalAction
        elif kind(option) is tuple:
            settings |= {"nargs": "+", "metavar": "DIR"}
        else:
            settings["type"] = kind(option)
            settings["metavar"] = {int: "N", float: "X", str: "NAME"}[kind(option)]
            if option.metadata["choices"]:
                settings["choices"] = option.metadata["choices"]
                settings["metavar"] = "{" + ",".join(map(str, option.metadata["choices"])) + "}"
        parser.add_argument(flag(option.name), **settings)
    return parser


if __name__ == "__main__":
    sys.exit(main())
