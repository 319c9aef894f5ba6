"""Sliders for the lessons. Nothing else needs ipywidgets, and the lessons go on without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

RANGE = tuple[int, int]


def slider(draw: Callable[..., Any], **ranges: RANGE) -> None:
    """Show what `draw` returns, with a slider for each argument; without ipywidgets print a line of text instead.

    Args:
        draw: takes whole numbers by name and returns something to show.
        ranges: the smallest and the largest value of each. The slider begins in the middle.
    """
    try:
        from ipywidgets import IntSlider, interact
    except ImportError:
        print('no sliders here; pip install -e ".[notebooks]" brings them')
        return
    sliders = {
        name: IntSlider((low + high) // 2, low, high, continuous_update=False) for name, (low, high) in ranges.items()
    }
    interact(draw, **sliders)
