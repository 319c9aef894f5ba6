"""All figures of the package. matplotlib is imported here and nowhere else, and never needs a display."""

from .animation import save_animation, sharpening
from .experiments import clipping, contributions, ensemble_effect, recursion_performance
from .images import most_improved, side_by_side
from .lessons import bars, feature_maps, im2col_step, lines, matrices, photographs
from .runs import training_curve
from .sliders import slider
from .style import save

__all__ = [
    "bars",
    "clipping",
    "contributions",
    "ensemble_effect",
    "feature_maps",
    "im2col_step",
    "lines",
    "matrices",
    "most_improved",
    "photographs",
    "recursion_performance",
    "save",
    "save_animation",
    "sharpening",
    "side_by_side",
    "slider",
    "training_curve",
]
