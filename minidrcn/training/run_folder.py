"""The folder that a training run leaves behind.

config.json         the options             last.npz   all that is needed to go on
log.csv             one row a report        best.npz   the network with the highest validation PSNR
curve.png           the log as a picture    NAME.png   a validation image before and after
.lock               locked by the process that trains
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from .. import plots
from ..data.datasets import unique_names
from ..errors import InputError, UsageError
from ..files import LOCK, is_unfinished, write_text
from ..imaging.comparison import comparison
from ..imaging.protocol import Sample
from .config import TrainingConfig

CONFIG, LOG, LAST, BEST, CURVE = "config.json", "log.csv", "last.npz", "best.npz", "curve.png"
COLUMNS = ("step", "loss", "grad_norm", "lr", "alpha", "seconds", "psnr", "psnr_bicubic")
Row = dict[str, float | None]


def new_folder(out: str | None) -> Path:
    """Make the folder of a new run: the one asked for, or the next number under `runs`.

    Raises:
        UsageError: it exists and is not empty, or is no folder.
    """
    if out is None:
        for number in range(1, 1_000_000):
            path = Path("runs") / f"{number:03}"
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                continue
            return path
    path = Path(out)
    if path.exists() and not path.is_dir():
        raise UsageError(f"--out {out}: a file of that name exists; name a folder")
    if path.exists() and not is_empty(path):
        raise UsageError(f"--out {out}: the folder is not empty; go on with --resume, or name a new one")
    path.mkdir(parents=True, exist_ok=True)
    return path


def is_empty(folder: Path) -> bool:
    """Whether nothing is in it, but for what a process leaves that was killed as it began."""
    return all(path.name == LOCK or is_unfinished(path) for path in folder.iterdir())


def write_config(folder: Path, config: TrainingConfig) -> None:
    """Write `config.json`."""
    write_text(folder / CONFIG, config.to_json())


def read_log(folder: Path) -> list[Row]:
    """The rows of `log.csv`, None for an empty field; no rows if there is no log.

    An incomplete last line, cut off by a crash, is left out.

    Raises:
        InputError: it is not the log of a run.
    """
    if not (folder / LOG).exists():
        return []
    try:
        lines = (folder / LOG).read_text(encoding="utf-8").splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]
        if whole and whole[0].strip() != ",".join(COLUMNS):
            raise ValueError(f"expected the columns {', '.join(COLUMNS)}")
        rows = [
            {column: float(row[column]) if row[column] else None for column in COLUMNS} for row in csv.DictReader(whole)
        ]
        if any(row["step"] is None or row["seconds"] is None for row in rows):
            raise ValueError("a row without step or seconds")
        return rows
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"{folder / LOG}: not the log of a training run ({error})") from error


def write_log(folder: Path, rows: Iterable[Row]) -> None:
    """Rewrite the whole log."""
    write_text(folder / LOG, ",".join(COLUMNS) + "\n" + "".join(map(_line, rows)))


def append_row(folder: Path, row: Row) -> None:
    """Add one row to the log. Raises `FileNotFoundError` if there is none: the folder was removed meanwhile."""
    with open(folder / LOG, "r+", encoding="utf-8", newline="\n") as file:
        file.seek(0, os.SEEK_END)
        file.write(_line(row))


def write_pictures(folder: Path, rows: Sequence[Row], results: Iterable[tuple[Sample, np.ndarray]]) -> None:
    """Draw `curve.png` and, for each validation image, its most improved piece before and after.

    Args:
        folder: where to.
        rows: the log.
        results: validation images with their predictions in [0, 1], (H, W).
    """
    results = list(results)
    names = unique_names([sample.path for sample, _ in results])
    for name, (sample, prediction) in zip(names, results, strict=True):
        if name.lower() == Path(CURVE).stem:
            name = sample.path.name
        plots.save(comparison(sample, prediction), folder / f"{name}.png")
    # Last: the command `train` takes it to mean "finished".
    plots.save(plots.training_curve(rows), folder / CURVE)


def _line(row: Row) -> str:
    return ",".join(_field(column, row[column]) for column in COLUMNS) + "\n"


def _field(column: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{int(value)}" if column == "step" else f"{value:.7g}"
