"""What JPEG compression of a photograph leaves of the network's gain over Lanczos interpolation.

    python tests/benchmarks/jpeg.py [FILE ...]

The middle of each photograph (by default chelsea of scikit-image) is shrunk by two, compressed, and enlarged by two
again. PSNR of luma against the middle itself, without a border of two pixels.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image

from minidrcn import upscale_image
from minidrcn.data.datasets import image_paths
from minidrcn.data.image_io import luma, read_image, to_array
from minidrcn.data.resize import imresize
from minidrcn.metrics import psnr

SIDE = 256  # of the middle, at most
QUALITIES = (None, 95, 85, 75, 50)


def middle(image: np.ndarray) -> np.ndarray:
    """The middle of an image, (H, W) or (H, W, 3), of even height and width."""
    h, w = (min(SIDE, side - side % 2) for side in image.shape[:2])
    top, left = (image.shape[0] - h) // 2, (image.shape[1] - w) // 2
    return image[top : top + h, left : left + w]


def compressed(image: Image.Image, quality: int | None) -> Image.Image:
    """An image after JPEG, or as it is."""
    if quality is None:
        return image
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def row(sharp: np.ndarray, quality: int | None) -> tuple[float, float]:
    """PSNR in dB of Lanczos interpolation and of the network; `sharp` is uint8."""
    small = compressed(Image.fromarray(imresize(sharp, 1 / 2)), quality)
    size = sharp.shape[1], sharp.shape[0]
    results = small.resize(size, Image.Resampling.LANCZOS), upscale_image(small, 2)
    lanczos, network, target = (255 * luma(to_array(image)) for image in (*results, Image.fromarray(sharp)))
    return tuple(psnr(image[2:-2, 2:-2], target[2:-2, 2:-2]) for image in (lanczos, network))


def main(argv: list[str] | None = None) -> None:
    """Print the PSNR of each photograph at each quality, and the mean gain."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, default=image_paths("photos", held_out=True)[:1])
    files, gains = parser.parse_args(argv).files, []
    for path in files:
        sharp = middle(np.asarray(read_image(path).convert("RGB")))
        rows = [row(sharp, quality) for quality in QUALITIES]
        gains.append([network - lanczos for lanczos, network in rows])
        print(f"{path.stem}, {sharp.shape[1]} x {sharp.shape[0]}: Lanczos / x2 network, gain")
        for quality, (lanczos, network), gain in zip(QUALITIES, rows, gains[-1], strict=True):
            print(f"{quality or 'clean':>8}  {lanczos:.2f} / {network:.2f}  {gain:+.2f}", flush=True)
    print(f"mean gain of {len(files)}: ", end="")
    print(
        ", ".join(
            f"{quality or 'clean'} {gain:+.2f}" for quality, gain in zip(QUALITIES, np.mean(gains, 0), strict=True)
        )
    )


if __name__ == "__main__":
    main()
