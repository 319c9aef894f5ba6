"""All figures of the package. matplotlib is imported here and nowhere else, and never needs a display."""

from .images import most_improved, save_animation, sharpening, side_by_side
from .lessons import bars, feature_maps, im2col_step, lines, matrices, paths, photographs, slider
from .style import save
from .training import clipping, contributions, ensemble_effect, recursion_performance, training_curve
