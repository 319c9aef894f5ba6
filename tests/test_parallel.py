from __future__ import annotations

import threading

import contract
import numpy as np
import pytest
from conftest import relative_error

from minidrcn import DRCN
from minidrcn.parallel import loss_and_grads, map_in_threads, usable_cores


@pytest.mark.parametrize("images", [5, 23])
@pytest.mark.parametrize("options", [{}, {"filters": 9, "conv": "winograd"}])
def test_the_sum_over_images_is_the_batch(options, images, rng):
    model = contract.random_model(rng, **options)
    x, y = rng.random((2, images, 6, 4, 1))
    loss, grads = model.loss_and_grads(x, y, 0.3)
    by_image, grads_by_image = loss_and_grads(model, x, y, 0.3, workers=2)
    assert abs(loss - by_image) < 1e-12 * loss
    assert grads_by_image.keys() == model.params.keys()
    assert all(relative_error(grads[name], grads_by_image[name]) < 1e-12 for name in grads)


@pytest.mark.parametrize("workers", [2, 3, 8, None])
@pytest.mark.parametrize("conv", ["winograd", "im2col"])
def test_any_number_of_workers_gives_the_same_bits(conv, workers, rng):
    model = DRCN(12, 4, seed=1, conv=conv)
    x, y = rng.random((2, 27, 20, 19, 1)).astype("float32")  # in eight groups of three and one more
    loss, grads = loss_and_grads(model, x, y, 0.3, workers=1)
    again, grads_again = loss_and_grads(model, x, y, 0.3, workers=workers)
    assert loss == again
    assert loss.dtype == np.float32
    assert all(np.array_equal(grads[name], grads_again[name]) for name in grads)
    assert {g.dtype for g in grads_again.values()} == {np.dtype("float32")}


def test_results_come_in_the_order_of_the_items():
    release = threading.Event()

    def slow_first(k):
        if k == 0:
            release.wait(5)
        else:
            release.set()
        return k

    assert list(map_in_threads(slow_first, range(6), workers=2)) == list(range(6))


def test_where_no_thread_can_be_started_one_worker_does_it_all(monkeypatch):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert list(map_in_threads(lambda k: 2 * k, range(5), workers=3)) == [0, 2, 4, 6, 8]


def test_what_a_worker_raises_is_passed_on():
    with pytest.raises(ZeroDivisionError):
        list(map_in_threads(lambda k: 1 / k, [1, 0, 2], workers=2))


def test_wrong_use_is_named(rng):
    model = DRCN(2, 1)
    x = np.zeros((2, 3, 4, 1), dtype="float32")
    with pytest.raises(ValueError, match="workers must be at least 1"):
        loss_and_grads(model, x, x, workers=0)
    with pytest.raises(ValueError, match="as many inputs as targets"):
        loss_and_grads(model, x, x[:1])
    assert usable_cores() >= 1
