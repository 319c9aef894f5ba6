"""Datasets: the sample photographs of scikit-image, a named set such as Set5, or a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError, UsageError
from .image_io import NO_PHOTOGRAPHS
from .named_sets import folder_called, named_sets, user_folders, verified_paths

# Split by image: what is measured on was never trained on.
PHOTOS_TO_TRAIN = ("astronaut.png", "brick.png", "camera.png", "coffee.png", "grass.png", "gravel.png", "rocket.jpg")
PHOTOS_HELD_OUT = ("chelsea.png", "coins.png")


def image_paths(source: str, held_out: bool = False) -> list[Path]:
    """The image files that a name or a folder stands for, in a fixed order.

    Args:
        source: "photos" for the photographs in scikit-image; else a folder of images; else a named set such as set5 or
            t91, see `named_sets.py`; else the name of a folder inside the one that MINIDRCN_DATA names.
        held_out: of "photos", those to measure on rather than those to train on.

    Raises:
        UsageError: there is no such name or folder, or the named set is not on this machine.
        InputError: the folder holds no image, or a file of the named set is not what it should be.
    """
    if source == "photos":
        return _photos(PHOTOS_HELD_OUT if held_out else PHOTOS_TO_TRAIN)
    if source.lower() in named_sets() and not Path(source).exists():
        return verified_paths(source)
    return images_in(_folder(source))


def images_in(folder: Path) -> list[Path]:
    """The files directly in a folder whose ending is an image format's, sorted by name; hidden files are left out.

    Raises:
        InputError: there is none.
    """
    from PIL import Image

    known = Image.registered_extensions()
    photographs = {ending for ending, name in known.items() if name in Image.OPEN and name not in NO_PHOTOGRAPHS}
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in photographs and not path.name.startswith(".") and path.is_file()
    )
    if not paths:
        raise InputError(f"{folder}: no images in this folder; expected files such as .png, .jpg or .bmp")
    return paths


def unique_names(paths: Sequence[Path]) -> list[str]:
    """A name for each file: its stem, or the full file name where two files share a stem (in any case)."""
    stems = Counter(path.stem.lower() for path in paths)
    return [path.stem if stems[path.stem.lower()] == 1 else path.name for path in paths]


def _folder(source: str) -> Path:
    expected = f"expected 'photos', {', '.join(named_sets())} or a folder of images"
    if not source:
        raise UsageError(f"the name of a folder is empty; {expected}")
    if Path(source).is_dir():
        return Path(source)
    if Path(source).exists():
        raise UsageError(f"{source}: a file; expected a folder of images")
    folder = folder_called(source, user_folders())
    if folder:
        return folder
    where = "".join(f" and nothing of that name in {parent}" for parent in user_folders())
    raise UsageError(f"{source}: no such folder{where}; {expected}")


def _photos(names: tuple[str, ...]) -> list[Path]:
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        raise InputError(f"scikit-image lacks its sample photographs {', '.join(missing)}; install it from its wheel")
    return [folder / name for name in names]
