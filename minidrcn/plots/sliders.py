"""Sliders for the lessons. Nothing else needs ipywidgets, and the lessons go on without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

RANGE = tuple[int, int]


def slider(draw: Callable[..., Any], **ranges: RANGE) -> None:
    """Show what `draw` returns, and let its arguments be moved; a line of text in their place without ipywidgets.

    Args:
        draw: takes whole numbers by name and returns something to show.
        ranges: the least and the largest value of each. The slider begins in the middle.
    """
    try:
        from ipywidgets import IntSlider, interact
    except ImportError:
        print('no sliders here; pip install -e ".[notebooks]" brings them')
        return
    sliders = {
        name: IntSlider((least + most) // 2, least, most, continuous_update=False)
        for name, (least, most) in ranges.items()
    }
    interact(draw, **sliders)
