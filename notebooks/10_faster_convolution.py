# %% [markdown]
# # 10. Faster convolution
#
# **You will learn** four steps from loops to a convolution that keeps up with the best libraries: one product, blocks,
# threads, and Winograd's algorithm with fewer multiplications than seem to be needed. **Time:** eight minutes.
# **You need:** lesson 2.
#
# A first rule: *a speedup that was not measured is a rumour.* Times on your machine will differ; the page measures them
# anew. A second one: a faster version is held against the plain one before it is timed.

# %%
# %matplotlib inline
import time

import numpy as np

from minidrcn import DRCN, plots
from minidrcn.ops import conv, winograd
from minidrcn.parallel import loss_and_grads, one_blas_thread, usable_cores

rng = np.random.default_rng(10)


def seconds(function, repeat=5):
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


# %% [markdown]
# ## One large product, or several small ones?
#
# `im2col` makes nine times as many numbers as the map has. If they do not fit into the processor's cache, they travel
# to memory and back. So the package works in blocks of rows: columns of a block, product, next block. Same
# multiplications, same result.

# %%
x, w, b = (rng.normal(size=shape).astype("float32") for shape in ((1, 256, 256, 32), (3, 3, 32, 32), (32,)))


def in_one_piece():
    return (conv.im2col(x) @ w.reshape(-1, 32) + b).reshape(1, 256, 256, 32)


def in_blocks():
    return conv.conv2d_forward(x, w, b)[0]


assert np.allclose(in_one_piece(), in_blocks(), atol=1e-4)
with one_blas_thread():
    plain, blocked = seconds(in_one_piece), seconds(in_blocks)
columns = 9 * x.nbytes / 2**20
print(f"columns in one piece {columns:.0f} MiB, in blocks of {conv.BLOCK_BYTES / 2**20:.1f} MiB")
print(f"in blocks it is {plain / blocked:.1f} times as fast")

# %% [markdown]
# ## Fewer multiplications
#
# Two neighbouring outputs of a convolution with three weights share two of their inputs:
#
# $$y_0 = x_0 w_0 + x_1 w_1 + x_2 w_2 \qquad y_1 = x_1 w_0 + x_2 w_1 + x_3 w_2$$
#
# Six multiplications. Winograd's four:
#
# $$m_1 = (x_0 - x_2)\, w_0 \quad m_2 = (x_1 + x_2) \tfrac{w_0 + w_1 + w_2}{2} \quad
# m_3 = (x_2 - x_1) \tfrac{w_0 - w_1 + w_2}{2} \quad m_4 = (x_1 - x_3)\, w_2$$
#
# $$y_0 = m_1 + m_2 + m_3 \qquad y_1 = m_2 - m_3 - m_4$$
#
# The sums of weights are made once for many inputs, so they cost nothing.

# %%
BT = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
AT = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])

inputs, weights = rng.normal(size=4), rng.normal(size=3)
y = AT @ ((G @ weights) * (BT @ inputs))  # the * is all the multiplying there is
assert np.allclose(y, [inputs[:3] @ weights, inputs[1:] @ weights])
plots.numbers([("B' (of the inputs)", BT, None), ("G (of the weights)", G, None), ("A' (of the products)", AT, None)])

# %% [markdown]
# In two dimensions the matrices are applied to rows and columns. For tiles of 4 x 4 outputs, which the package uses,
# the input tile is 6 x 6: 36 multiplications in place of

# %%
print(4 * 4 * 3 * 3, "for each pair of channels, a factor of", 4 * 4 * 3 * 3 / 36)

# %% [markdown]
# With many channels, "multiplication" becomes a matrix product over the channels, one for each of the 36 positions of
# the tile, and the transforms are matrix products as well. Everything is a product again.

# %%
fast, _ = winograd.conv2d_forward(x, w, b)
error = np.abs(fast - in_blocks()).max() / np.abs(fast).max()
print(f"largest difference {error:.0e} of the largest value, in float32")
assert error < 5e-5

prepared = winograd.prepare(w)
with one_blas_thread():
    winograd_seconds = seconds(lambda: winograd.conv2d_forward(x, w, b, prepared=prepared))
print(f"a quarter of the multiplications, {blocked / winograd_seconds:.1f} times as fast: transforms take their share")

# %% [markdown]
# ## Threads
#
# The images of a batch do not depend on each other. Each core takes a few, and the gradients of all are summed: one
# more sum over uses of the same weight. NumPy lets other threads run while it copies and multiplies.

# %%
model = DRCN(filters=32, recursions=9)
images, targets = rng.random((2, 16, 41, 41, 1)).astype("float32")
step = {}
for kind in ("im2col", "winograd"):
    network = DRCN.from_params(model.params, model.architecture, conv=kind)
    for workers in sorted({1, usable_cores()}):
        arguments = network, images, targets, 0.5, workers
        step[f"{kind}, workers = {workers}"] = seconds(lambda a=arguments: loss_and_grads(*a), repeat=3)
plots.bars(
    {name: 1000 * value for name, value in step.items()}, "milliseconds for loss and all gradients of 16 patches"
)

# %%
one, all_of_them = (loss_and_grads(model, images, targets, 0.5, workers) for workers in (1, usable_cores()))
assert one[0] == all_of_them[0]
assert all(np.array_equal(one[1][name], all_of_them[1][name]) for name in one[1])
print("any number of threads gives the same bits: the sum is always taken in the order of the images")

# %% [markdown]
# How this compares with PyTorch, on which machine, is in the project's README; `python
# tests/benchmarks/against_pytorch.py` measures it on yours.
#
# ## To try
#
# 1. Time the forward pass for 4, 16, 64 and 256 channels. From where on is Winograd worth it?
# 2. Set `conv.BLOCK_BYTES` to a tenth and to ten times its value and time `in_blocks`. Where does your cache end?
# 3. Derive the three matrices for three outputs of three weights, F(3, 3), from the points 0, 1, -1, 2 and infinity.
