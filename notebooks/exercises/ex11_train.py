# %% [markdown]
# # Exercise 11: train a DRCN with your own functions
#
# **3 points, about 40 minutes.** The finale: take your own convolution, put it into a small DRCN, train it, and beat
# bicubic interpolation on photographs that it has not seen.
#
#     params = train(params, batches)
#
# * `params` is a dict of arrays (float32): the initial parameters of a `DRCN(filters=8, recursions=3)`. Return the
#   trained parameters, a dict with the same keys and shapes. The dict that comes in stays as it is.
# * `batches` is a tuple of 100 pairs `(x, y)` of arrays of shape (6, 20, 20, 1): `x` holds patches of photographs that
#   were shrunk by two and enlarged again by bicubic interpolation, `y` the same patches as they should look. Values are
#   in 0..1. Go through them once.
#
# What you have:
#
#     model = DRCN(filters=8, recursions=3, conv=(conv2d_forward, conv2d_backward))
#     model = model.with_params(params)                               # the same network with other parameters
#     loss, grads = model.loss_and_grads(x, y, alpha=0.5)             # grads: a dict with the keys of params
#
#     adam = Adam()                                                   # an optimiser, better here than plain SGD
#     state = adam.init(params)
#     params, state = adam.step(params, grads, state, lr, step)       # step counts from 1; returns new dicts
#
# The network computes its convolutions with the two functions that you give it, **your** `conv2d_forward` and
# `conv2d_backward` from exercises 3 and 4; the recursion and the supervision are its own. It works in float32: whatever
# your functions allocate should have the dtype of their inputs (`np.zeros(..., dtype=x.dtype)`), or everything becomes
# twice as slow. Clip the gradients with your function from exercise 9 (a `max_norm` of 10 will do); without clipping,
# training works most of the time, but not always. A learning rate of 0.003 works well.
#
# Score: a third if the loss on the batches has fallen, the rest if the network is at least 0.1 dB better than bicubic
# on pieces of two other photographs. Training takes a few seconds; if yours takes a minute, look for loops over pixels
# in your convolution.

# %% nbgrader={"grade": false, "grade_id": "ex11-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np

from minidrcn import DRCN, course
from minidrcn.training.optim import Adam

# %% [markdown]
# Replace the two lines below with your functions from exercises 1 to 4 and 9:


# %% nbgrader={"grade": false, "grade_id": "ex11-helpers", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
def im2col(x, kernel=3):
    N, H, W, C = x.shape
    p = kernel // 2
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    cols = np.empty((N, H, W, kernel, kernel, C), dtype=x.dtype)
    for k in range(kernel):
        for l in range(kernel):
            cols[:, :, :, k, l] = padded[:, k : k + H, l : l + W]
    return cols.reshape(N * H * W, kernel * kernel * C)


def col2im(cols, shape, kernel=3):
    N, H, W, C = shape
    p = kernel // 2
    windows = cols.reshape(N, H, W, kernel, kernel, C)
    padded = np.zeros((N, H + 2 * p, W + 2 * p, C), dtype=cols.dtype)
    for k in range(kernel):
        for l in range(kernel):
            padded[:, k : k + H, l : l + W] += windows[:, :, :, k, l]
    return padded[:, p : p + H, p : p + W]


def conv2d_forward(x, w, b):
    K, _, _, F = w.shape
    y = im2col(x, K) @ w.reshape(-1, F) + b
    return y.reshape(*x.shape[:3], F), (x, w)


def conv2d_backward(dy, cache):
    x, w = cache
    K, _, _, F = w.shape
    rows = dy.reshape(-1, F)
    dw = (im2col(x, K).T @ rows).reshape(w.shape)
    return col2im(rows @ w.reshape(-1, F).T, x.shape, K), dw, rows.sum(axis=0)


def clip_by_global_norm(grads, max_norm):
    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
    factor = max_norm / max(norm, max_norm)
    return {name: factor * g for name, g in grads.items()}, norm


### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "ex11-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(params, batches):
    """Train DRCN(filters=8, recursions=3) on the batches, starting from params: the trained parameters."""
    ### BEGIN SOLUTION
    model = DRCN(filters=8, recursions=3, conv=(conv2d_forward, conv2d_backward))
    adam = Adam()
    state = adam.init(params)
    for step, (x, y) in enumerate(batches, start=1):
        _, grads = model.with_params(params).loss_and_grads(x, y, alpha=0.5)
        grads, _ = clip_by_global_norm(grads, 10.0)
        params, state = adam.step(params, grads, state, 0.003, step)
    return params
    ### END SOLUTION


# After one batch, all parameters should have changed a little.
start = DRCN(filters=8, recursions=3).params
patches = np.random.default_rng(0).random((2, 6, 20, 20, 1), dtype=np.float32)
print({name: float(np.abs(p - start[name]).max()) for name, p in train(start, (tuple(patches),)).items()})

# %% [markdown]
# ## Check it
#
# The next cell trains with your function, which takes as long as your function needs, and measures the result. Your
# function may be graded later on other patches.

# %% nbgrader={"grade": true, "grade_id": "ex11-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
result = course.check_training(train)
### BEGIN HIDDEN TESTS
result = course.check_training(train, seed=course.grading_seed())
### END HIDDEN TESTS
round(3 * result.fraction, 2)
