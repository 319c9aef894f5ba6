"""Every picture the project draws. matplotlib is loaded in here and nowhere else, and never needs a display."""

from .animation import save_animation, sharpening
from .experiments import clipping, contributions, ensemble_effect, recursion_performance
from .images import most_improved, side_by_side
from .lessons import bars, im2col_step, lines, maps, numbers, strip
from .runs import training_curve
from .sliders import slider
from .style import save

__all__ = [
    "bars",
    "clipping",
    "contributions",
    "ensemble_effect",
    "im2col_step",
    "lines",
    "maps",
    "most_improved",
    "numbers",
    "recursion_performance",
    "save",
    "save_animation",
    "sharpening",
    "side_by_side",
    "slider",
    "strip",
    "training_curve",
]
