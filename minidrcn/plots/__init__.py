"""Every picture the project draws. matplotlib is loaded in here and nowhere else, and never needs a display."""

from .experiments import clipping, contributions, ensemble_effect, recipes, recursion_performance
from .images import most_improved, side_by_side
from .runs import growth, training_curve
from .style import save

__all__ = [
    "clipping",
    "contributions",
    "ensemble_effect",
    "growth",
    "most_improved",
    "recipes",
    "recursion_performance",
    "save",
    "side_by_side",
    "training_curve",
]
