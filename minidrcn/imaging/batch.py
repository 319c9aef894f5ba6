"""Batch planning: the images that files and folders stand for, and what each is enlarged to. Writes nothing."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..data.datasets import images_in
from ..data.image_io import format_to_write
from ..errors import InputError, UsageError

Report = Callable[[Exception], object]


class Job(NamedTuple):
    """An image to enlarge, the file to write, and the picture that compares the two, or None."""

    source: Path
    target: Path
    comparison: Path | None

    @property
    def outputs(self) -> list[Path]:
        """The files to write."""
        return [path for path in self[1:] if path]


def plan(
    inputs: Sequence[Path],
    out: str | None,
    label: str,
    report: Report,
    *,
    recursive: bool = False,
    ending: str | None = None,
    compare: bool = False,
) -> list[Job]:
    """What is to be done, in a fixed order.

    Args:
        inputs: files, or folders of them.
        out: the file to write, for a single file; or the folder; None for beside each input.
        label: added to names beside an input, such as `x2`.
        report: called with the error for each input or subfolder that cannot be read.
        recursive: folders stand for what is in their subfolders, too.
        ending: of all results, such as `.png`; None for the one of each image.
        compare: with a comparison beside each result.

    Raises:
        UsageError: `out` names no format, or a file for several images; or a file would be written twice or replaced.
        InputError: `out` is a file in a folder that does not exist.
    """
    folder = None if out is None else Path(out)
    several = len(inputs) > 1 or inputs[0].is_dir()
    as_named = folder is not None and not (several or folder.is_dir() or out.endswith(("/", os.sep)))
    if as_named:
        _check_name(folder, ending)
    elif folder and not folder.is_dir() and (folder.exists() or format_to_write(folder)):
        raise UsageError(f"{folder}: a file; for several images, or a folder of them, name a folder to write to")
    jobs = []
    for source in inputs:
        for image in find_images(source, report, recursive, folder):
            target = folder if as_named else target_of(image, source, folder, label, ending)
            jobs.append(Job(image, target, target.with_name(f"{target.name}.compare.png") if compare else None))
    _check_jobs(jobs)
    return jobs


def find_images(source: Path, report: Report, recursive: bool = False, without: Path | None = None) -> list[Path]:
    """The image files that an input stands for: itself, or those directly in a folder, sorted by name.

    Args:
        source: a file or a folder.
        report: called with the error if there is none, and for each subfolder that cannot be read.
        recursive: also those in subfolders, apart from hidden ones and what links lead to.
        without: a folder to leave out, where the results go.
    """
    found, excluded = [], without and _key(without)
    try:
        if not source.exists():
            raise InputError(f"{source}: no such file or folder")
        if not (source.is_dir() and recursive):
            return images_in(source) if source.is_dir() else [source]
        for folder, subfolders, _ in os.walk(source, onerror=report):
            names = (name for name in sorted(subfolders) if not name.startswith("."))
            subfolders[:] = [name for name in names if _key(Path(folder, name)) != excluded]
            try:
                found += images_in(Path(folder))
            except InputError:
                continue  # a folder of folders
        if not found:
            raise InputError(f"{source}: no images in this folder or below")
    except (InputError, OSError) as error:
        report(error)
    return found


def target_of(image: Path, source: Path, folder: Path | None, label: str, ending: str | None = None) -> Path:
    """Where an image's enlargement goes. What can be read and not written, a .psd file, say, becomes a .psd.png file.

    Args:
        image: found in `source`, or `source` itself.
        source: what was named.
        folder: where the results go, in the same subfolders; None for beside what was named, with the label.
        label: such as `x2`.
        ending: such as `.png`, or None.

    Raises:
        UsageError: nothing can be beside `source`: it is the root of a disk.
    """
    name = image.with_suffix(ending) if ending else image if format_to_write(image) else Path(f"{image}.png")
    if folder is None and image == source:
        return name.with_name(f"{name.stem}_{label}{name.suffix}")
    if folder is None:
        whole = Path(os.path.abspath(source))  # the name of `.`
        if not whole.name:
            raise UsageError(f"{source}: has nothing beside it; name an output folder with --out")
        folder = (source if source.name == whole.name else whole).with_name(f"{whole.name}_{label}")
    return folder / (name.name if image == source else name.relative_to(source))


def _check_name(path: Path, ending: str | None) -> None:
    if not format_to_write(path):
        raise UsageError(f"{path}: the ending {path.suffix!r} names no format to write; expected .png, .jpg or .tif")
    if ending and format_to_write(path) != format_to_write(path.with_suffix(ending)):
        raise UsageError(f"{path}: does not end in {ending}, which --format asks for")
    if not path.parent.is_dir():
        raise InputError(f"{path}: cannot be written, there is no folder {path.parent}")


def _check_jobs(jobs: Sequence[Job]) -> None:
    targets = Counter(_key(path) for job in jobs for path in job.outputs)
    for job in jobs:
        for path in job.outputs:
            if targets[_key(path)] > 1:
                raise UsageError(f"two images would become {path}; rename one, or write them to two folders")
        if _key(job.source) in targets:
            raise UsageError(f"{job.source}: would be replaced by an enlargement; name another output")


def _key(path: Path) -> object:
    """The same for all names of a file, links among them; of a new one in capitals or not, as many disks take them."""
    try:
        status = os.stat(path)
    except OSError:
        return os.path.realpath(path).casefold()
    return status.st_dev, status.st_ino
