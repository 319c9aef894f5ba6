"""Data parallelism: one batch over several CPU threads.

NumPy releases the GIL while it copies and multiplies, so threads run at the same time. Each takes one image, or a few
if they are small: their maps fit into the cache of one core, and BLAS is told to use one thread so that the cores do
not fight. The gradients of the images are one more sum over uses of the same weight. It is taken in the order of the
images, whichever finishes first, so the result is the same, bit for bit, for any number of workers.
"""

from __future__ import annotations

import contextvars
import functools
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import numpy as np

from .backend import Array
from .model.drcn import DRCN

# Most bytes of one hidden map of the images that go through together. Small images are taken in groups, since
# every NumPy call costs a few microseconds in which no other thread can make one. Measured.
GROUP_BYTES = 1_000_000
MINIMUM_GROUPS = 4  # so that there is something for several cores

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cores() -> int:
    """How many cores this process may use; 1 where there are no threads, as in a browser."""
    if sys.platform == "emscripten":
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def one_blas_thread() -> AbstractContextManager:
    """Inside, every matrix product stays on the thread that asked for it."""
    return _blas_controller().limit(limits=1, user_api="blas")


def map_in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int | None = None
) -> Iterator[Result]:
    """`map(function, items)` over threads, results in the order of the items, BLAS on one thread inside.

    Args:
        function: must be safe to call from several threads, as everything in this package is.
        items: its arguments.
        workers: threads; None for as many as there are usable cores. With 1 no thread is started, and where no thread
            can be started it counts as 1.

    Raises:
        ValueError: workers is less than 1. What `function` raises is passed on.
    """
    workers = usable_cores() if workers is None else workers
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    with one_blas_thread():
        if workers == 1:
            yield from map(function, items)
            return
        # Each call runs in a copy of the caller's context, so that np.errstate and the like hold in threads, too.
        context, items = contextvars.copy_context(), list(items)
        with ThreadPoolExecutor(workers) as executor:
            try:
                results = executor.map(lambda item: context.copy().run(function, item), items)
            except RuntimeError:  # so many threads cannot be started: a browser, or a limit of the system
                executor.shutdown(cancel_futures=True)
                results = map(function, items)
            yield from results


def loss_and_grads(
    model: DRCN, x: Array, y: Array, alpha: float = 0.5, workers: int | None = None
) -> tuple[Array, dict[str, Array]]:
    """`model.loss_and_grads(x, y, alpha)`, a few images at a time in each of `workers` threads (None: one a core).

    The result agrees with the whole batch's up to rounding. A network on the GPU gets the whole batch at once.

    Raises:
        ValueError: there is no image, x and y differ in number, or workers is less than 1.
    """
    if model.xp is not np:
        return model.loss_and_grads(x, y, alpha)
    loss, grads = 0, {name: np.zeros_like(p) for name, p in model.params.items()}
    for loss_of_group, grads_of_group in by_group(model, x, y, alpha, groups(model, x), workers):
        loss += loss_of_group
        for name, g in grads_of_group.items():
            grads[name] += g
    return loss, grads


def groups(model: DRCN, x: Array) -> list[slice]:
    """The images that go through the network together; decided by shapes alone, so that the bits do not depend on
    workers or ranks."""
    N = len(x)
    image_bytes = math.prod(x.shape[1:3]) * model.architecture.filters * model.dtype.itemsize
    size = max(1, min(GROUP_BYTES // image_bytes, N // MINIMUM_GROUPS))
    return [slice(start, min(start + size, N)) for start in range(0, N, size)]


def by_group(
    model: DRCN, x: Array, y: Array, alpha: float, which: Sequence[slice], workers: int | None = None
) -> Iterator[tuple[Array, dict[str, Array]]]:
    """The share of each group of images in the batch's loss and gradients, in order; see `loss_and_grads`."""
    N = len(x)
    if N == 0 or N != len(y):
        raise ValueError(f"expected as many inputs as targets and at least one, got {N} and {len(y)}")

    def one_group(group: slice) -> tuple[Array, dict[str, Array]]:
        loss, grads = model.loss_and_grads(x[group], y[group], alpha)
        share = (group.stop - group.start) / N  # both are means over the group, and shall be over the batch
        return loss * share, {name: g * share for name, g in grads.items()}

    return map_in_threads(one_group, which, workers)


@functools.cache
def _blas_controller() -> Any:
    # Looking the BLAS libraries up takes milliseconds, setting their limit microseconds.
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
