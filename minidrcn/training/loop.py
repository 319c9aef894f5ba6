"""The loop around `step.train_step`: what a run reports, measures and writes while it goes on."""

from __future__ import annotations

import contextlib
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import cli
from ..backend import gpu_peak_bytes
from ..data.patches import Pair
from ..errors import InputError
from ..files import sweep
from ..imaging.protocol import Sample, measure
from ..imaging.tiles import predict_luma
from ..model import checkpoint
from . import run_folder, step
from .config import TrainingConfig
from .diagnosis import first_non_finite, not_finite
from .run_folder import BEST, CURVE, LAST, Row
from .step import StepReport, TrainingState

LOG_EVERY = 10
HIGHEST_PSNR = 100.0


@dataclass
class TrainingRun:
    """One run of the loop, from a state until nothing is left to do or somebody stops it."""

    folder: Path  # where everything is written
    config: TrainingConfig
    pairs: Sequence[Pair]  # to cut patches from
    samples: Sequence[Sample]  # to validate on
    workers: int | None  # CPU threads, None for all usable cores
    checkpoint_every: int  # so many updates
    train_step: Callable  # `step.train_step`, or one that shares the work with other processes

    def __post_init__(self) -> None:
        self.psnr_bicubic = _mean_psnr((sample, sample.x) for sample in self.samples)

    def run(self, state: TrainingState, rows: Sequence[Row] = ()) -> int:
        """Train, and return the exit status: 0 finished, 128 and the signal's number if one ended it.

        Of `rows`, the log so far, those of updates that are not in `state` are dropped.

        Raises:
            InputError: the loss is no longer finite.
        """
        config = self.config
        self.rows = [row for row in rows if row["step"] <= state.step]
        self.started = time.monotonic() - (self.rows[-1]["seconds"] if self.rows else 0.0)
        without_best = state.best_psnr == -math.inf
        if without_best:  # measured below
            self.rows = [row for row in self.rows if row["step"] < state.step]
        sweep(self.folder)
        run_folder.write_log(self.folder, self.rows)
        self.saved: TrainingState | None = None  # on disk
        print(f"{self.folder}: {self._description(state)}", flush=True)
        # What overflows is caught as a loss that is not finite; NumPy's warnings would only come first.
        bar = cli.progress(None, total=config.steps, initial=state.step, unit="update", smoothing=0.1)
        with np.errstate(all="ignore"), _signals() as signals, bar:
            if without_best:
                measured = self._evaluate(state, None)
                # Where only the file of the best network is gone, the plateau has counted this.
                state = replace(measured, plateau=state.plateau) if math.isfinite(state.plateau.best) else measured
            complete = state
            try:
                while not step.finished(state, config) and not signals:
                    complete = state
                    state = self._update(state, bar)
            except (OSError, MemoryError, KeyboardInterrupt):
                # The disk is full, or the output's reader is gone: keep what is done, if possible.
                with contextlib.suppress(OSError, InputError):
                    self._save(complete)
                raise
            if self.saved is not state:
                self._save(state)
        if not step.finished(state, config):
            print(
                f"minidrcn.train: interrupted and saved after {state.step} of {config.steps} updates; "
                f"go on with --resume --out {self.folder}",
                file=sys.stderr,
            )
            return 128 + signals[0]
        self._finish(state)
        return 0

    def _update(self, before: TrainingState, bar: Any) -> TrainingState:
        """One update and all that is to be done after it: measured, logged, saved."""
        config = self.config
        state, report = self.train_step(before, config, self.pairs, self.workers)
        bar.update()
        evaluate = state.step % config.evaluate_every == 0 or state.step == config.steps
        save = state.step % self.checkpoint_every == 0 or step.finished(state, config)
        report_now = evaluate or save or state.step % LOG_EVERY == 0
        # On a GPU a look waits until the numbers are computed, so it is taken only where they are needed.
        if report_now or state.model.xp is np:
            if not (math.isfinite(report.loss) and math.isfinite(report.grad_norm) and _is_sound(state)):
                raise InputError(self._diagnosis(before, state))
        if report_now:
            bar.set_postfix_str(
                f"loss {float(report.loss):.3f}, gradient {float(report.grad_norm):.2f}, rate {report.lr:.1e}"
            )
            if evaluate:
                state = self._evaluate(state, report)
            else:
                self._log(state, report)
        if save:
            self._save(state)
        return state

    def _predictions(self, state: TrainingState) -> list[tuple[Sample, np.ndarray]]:
        return [(sample, predict_luma(state.averaged, sample.x, workers=self.workers)) for sample in self.samples]

    def _evaluate(self, state: TrainingState, report: StepReport | None) -> TrainingState:
        psnr = _mean_psnr(self._predictions(state))
        if psnr > state.best_psnr:
            checkpoint.save(self.folder / BEST, state.averaged)
        state = step.after_evaluation(state, psnr)
        self._log(state, report, psnr)
        cli.say(
            f"update {state.step:>6}  validation {psnr:.2f} dB, bicubic {self.psnr_bicubic:.2f} dB, "
            f"gain {psnr - self.psnr_bicubic:+.2f} dB, {self.rows[-1]['seconds']:.0f} s"
        )
        return state

    def _log(self, state: TrainingState, report: StepReport | None, psnr: float | None = None) -> None:
        row: Row = dict.fromkeys(run_folder.COLUMNS)
        row |= {"step": state.step, "seconds": round(time.monotonic() - self.started, 1)}
        if report is not None:
            row |= {name: float(value) for name, value in report._asdict().items()}
        if psnr is not None:
            row |= {"psnr": psnr, "psnr_bicubic": self.psnr_bicubic}
        self.rows.append(row)
        run_folder.append_row(self.folder, row)

    def _save(self, state: TrainingState) -> None:
        if not _is_sound(state):  # on a GPU, where not every update is looked at
            raise InputError(f"training has exploded by update {state.step}, which is not saved; start anew")
        step.save_state(self.folder / LAST, state, self.config)
        self.saved = state

    def _diagnosis(self, before: TrainingState, state: TrainingState) -> str:
        """Where the update from `before` to `state` first met a number that is not finite, and what to do."""
        x, y = step.batch(before, self.config, self.pairs)
        alpha = step.alpha_at(self.config, before, step.learning_rate(self.config, before))
        where = first_non_finite(before.model, x, y, alpha)
        if not where:
            name = not_finite(state.model.params)
            where = f"the parameter {name} that the update makes" if name else "the optimiser's state"
        kept = f"{self.folder / LAST} is from before; " if (self.folder / LAST).exists() else ""
        return (
            f"training has exploded at update {state.step}: the first thing that is not finite is {where}; {kept}"
            "start anew with a smaller --lr or --clip-limit"
        )

    def _finish(self, state: TrainingState) -> None:
        run_folder.write_pictures(self.folder, self.rows, self._predictions(state))
        print(
            f"done: {state.step} updates in {self.rows[-1]['seconds'] if self.rows else 0:.0f} s, best validation PSNR "
            f"{state.best_psnr:.2f} dB (bicubic {self.psnr_bicubic:.2f} dB)"
        )
        if state.model.xp is not np:
            print(f"the GPU held up to {gpu_peak_bytes() / 2**20:.0f} MiB")
        print(f"the network is {self.folder / BEST}, its curve {self.folder / CURVE}")

    def _description(self, state: TrainingState) -> str:
        config = self.config
        parameters = sum(value.size for value in state.model.params.values())
        start = f"from update {state.step} " if state.step else ""
        return (
            f"DRCN with {config.filters} filters, {config.recursions} recursions, {parameters:,} parameters, "
            f"x{config.scale}, {start}to update {config.steps}"
        )


def _mean_psnr(results: Iterable[tuple[Sample, np.ndarray]]) -> float:
    # An image that is matched exactly has an infinite PSNR, and the mean would never improve again.
    return float(np.mean([min(measure(prediction, sample).psnr, HIGHEST_PSNR) for sample, prediction in results]))


def _is_sound(state: TrainingState) -> bool:
    return not any(not_finite(arrays) for arrays in (state.model.params, *state.optimiser_state.values()))


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Let the update in progress end at Ctrl-C or SIGTERM; a second one stops at once. Other threads get no signals.

    Yields the list of those received.
    """
    received: list[int] = []

    def note(number: int, _: object) -> None:
        received.append(number)
        if len(received) > 1:
            raise KeyboardInterrupt

    here = threading.current_thread() is threading.main_thread()
    previous = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM) if here}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
