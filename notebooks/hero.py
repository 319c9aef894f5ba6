"""Draw the README's picture, images/hero.png: crops of two photographs that the shipped weights were not trained on.

    python notebooks/hero.py

Each is shrunk, and enlarged again by bicubic interpolation and by the shipped network.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minidrcn import load, plots
from minidrcn.data.datasets import image_paths
from minidrcn.imaging.comparison import in_colour
from minidrcn.imaging.protocol import load_sample, measure
from minidrcn.imaging.tiles import predict_luma
from minidrcn.plots.style import new_figure

PICTURE = Path(__file__).parent / "images" / "hero.png"
# Photograph, scale, rows and columns of the crop: all crops have one shape.
CROPS = [("astronaut", 3, slice(66, 162), slice(172, 300)), ("chelsea", 4, slice(84, 180), slice(116, 244))]


def draw():
    """The figure: a row for each crop; PSNR is the crop's, measured as the whole image's is."""
    photos = {path.stem: path for path in image_paths("photos") + image_paths("photos", held_out=True)}
    figure = new_figure(9.1, 5.1)
    for axes, (name, scale, rows, columns) in zip(figure.subplots(2, 3), CROPS, strict=True):
        sample = load_sample(photos[name], scale)
        ours = predict_luma(load(f"x{scale}"), sample.x)
        crop = sample._replace(x=sample.x[rows, columns], target=sample.target[rows, columns])
        panels = {f"bicubic x{scale}": sample.x, f"DRCN x{scale}": ours, "original": sample.target / 255}
        for panel, (title, luma) in zip(axes, panels.items(), strict=True):
            if title != "original":
                title += f": {measure(luma[rows, columns], crop).psnr:.1f} dB"
            panel.imshow(np.clip(in_colour(sample, luma), 0, 1)[rows, columns], interpolation="nearest")
            panel.set_title(title, fontsize=20)
            panel.set_axis_off()
    return figure


if __name__ == "__main__":
    plots.save(draw(), PICTURE)
    print(f"written: {PICTURE}")
