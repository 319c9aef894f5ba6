"""DRCN from scratch in NumPy and CuPy, with no automatic differentiation anywhere.

Notation, the same in every file:

    N H W C   images in a batch, height, width, channels      F   filters: channels of a hidden map
    K         side of a kernel                                D   recursions
    x y w b   input, target or output, weights, bias          dz  derivative of the loss by z, of z's shape
    h_d       the hidden map after recursion d                y_d the prediction made from it
"""

import os
import sys

# `python -m` looks for modules in the current folder first, and would import a student's or a user's random.py for
# NumPy. While it looks the command up, the name of the program is "-m".
if sys.argv[:1] == ["-m"] and sys.path[0] == os.getcwd() != os.path.dirname(os.path.dirname(__file__)):
    del sys.path[0]

from .imaging.photo import upscale_image
from .model.checkpoint import load
from .model.drcn import DRCN

__version__ = "0.1.0"
__all__ = ["DRCN", "load", "upscale_image"]
