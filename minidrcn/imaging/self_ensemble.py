"""Eight predictions instead of one: of the image turned and mirrored in every way, brought back and averaged.

A sharp image turned by a quarter is as likely as the image itself, but a trained network treats the two a little
differently. The mean of what it says about all eight is nearer to the truth, at eight times the cost. (Not to be mixed
up with the paper's ensemble, which weighs the D predictions of one pass.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.patches import turned, turned_back
from ..model.drcn import DRCN
from .tiles import predict_luma


def predict_self_ensemble(model: DRCN, x: np.ndarray, **options: Any) -> np.ndarray:
    """The mean of the eight predictions for one image; arguments and result as for `minidrcn.imaging.tiles.predict_luma`."""
    total = np.zeros(x.shape, dtype=model.dtype)
    for turn in range(8):
        total += turned_back(predict_luma(model, np.ascontiguousarray(turned(x, turn)), **options), turn)
    return total / 8
