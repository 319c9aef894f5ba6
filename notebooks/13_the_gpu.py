# %% [markdown]
# # 13. The GPU
#
# **You will learn** how the same lines of code run on a CPU and on a GPU, what a GPU is good at (by counting operations
# and bytes), and four mistakes that make GPU code slow or wrong. **Time:** six minutes. **You need:** lesson 11. You do
# not need a GPU: without one, the cells say so and go on.
#
# ## One code, two kinds of array
#
# CuPy has NumPy's functions for arrays in the memory of an NVIDIA GPU, so no operation is written twice. Each one asks
# which module its array belongs to, and calls that module's function:

# %%
import inspect

from minidrcn.backend import get_xp
from minidrcn.ops import pointwise

print(inspect.getsource(get_xp))
print(inspect.getsource(pointwise.relu_forward))

# %% [markdown]
# There is no global GPU switch. An array knows where it lives, so CPU and GPU can be compared in one process. Is there
# a GPU here?

# %%
from minidrcn.backend import require_gpu
from minidrcn.errors import UsageError

try:
    require_gpu()
    gpu = True
    print("yes")
except UsageError as error:
    gpu = False
    print("no:", error)

# %% [markdown]
# ## What a GPU is good at
#
# A GPU has thousands of multipliers. Its memory is faster than that of a CPU, too, but not by the same factor, so the
# multipliers are busy only if every number that is fetched is used many times. How often is that? For one convolution
# of the recursion, count the operations (a multiplication and an addition are two) and the bytes that are read and
# written if every array passes through memory once. Their ratio is the *arithmetic intensity*. (The patches have the
# paper's 41 x 41 pixels here; this project's have 43 x 43.)


# %%
from minidrcn import plots


def counted(patches, side, F):
    """Operations and bytes of one 3x3 convolution from F to F channels in float32."""
    pixels = patches * side * side
    operations = 2 * pixels * 9 * F * F
    maps, kernel = 4 * pixels * F, 4 * 9 * F * F
    return operations, maps + kernel + maps


intensity = {}
for name, (patches, F) in {"quick start": (16, 32), "shipped": (16, 64), "the paper's": (64, 256)}.items():
    operations, moved = counted(patches, 41, F)
    intensity[f"{name}, F = {F}"] = operations / moved
    print(f"{name:12} {operations / 1e9:8.2f} billion operations, {moved / 1e6:6.1f} MB")
plots.bars(intensity, "operations per byte moved", ".0f")

# %% [markdown]
# The intensity grows with F, because each number of a map is used for all F output channels. Is it large enough?
# Suppose, as in lesson 12, that a GPU computes 10,000 billion operations a second, and that its memory moves 1000
# billion bytes. Then it is busy from ten operations a byte on, and even the small network is above that. But every
# function that runs on a GPU also takes a moment to start, a *launch*; suppose 0.01 milliseconds, and a few functions
# for each convolution. The 127 billion operations of the paper's convolution take 13 milliseconds, beside which that
# is nothing. The 0.5 billion of the quick start take 0.05, about as long as starting them.
#
# The recursions cannot run in parallel, because $h_{d+1}$ needs $h_d$; the pixels, the patches and the channels of one
# recursion can. How many independent numbers are these?

# %%
for patches, F, D in ((16, 32, 9), (64, 256, 16)):
    print(f"{patches} patches of 41x41, {F} channels: {patches * 41 * 41 * F:,} outputs at a time, {D} times in a row")

# %% [markdown]
# ## To the GPU and back
#
# The parameters go to the GPU once, with `model.to_gpu()`, and a batch goes there at every update. Little more than the
# loss comes back. How much is that, for the paper's network?

# %%
from minidrcn import DRCN

paper = DRCN(filters=256, recursions=16)
parameters = sum(value.nbytes for value in paper.params.values())
batch = 2 * 64 * 41 * 41 * 4
step_operations = 3 * 16 * counted(64, 41, 256)[0]  # the recursion alone; backward costs twice what forward does
print(f"parameters, once: {parameters / 1e6:.1f} MB; a batch: {batch / 1e6:.2f} MB")
print(f"the recursions of an update: {step_operations / 1e12:.1f} trillion operations")
print(f"that is {step_operations / batch:,.0f} per byte sent")
assert step_operations / batch > 1e6
print("more than a million operations for each byte that is sent")

# %% [markdown]
# These transfers cost next to nothing, as long as maps and gradients stay on the GPU, where they are computed.
#
# ## Four mistakes
#
# 1. **Mixing.** `numpy_array + gpu_array` is an error, and so is `np.asarray(gpu_array)`: CuPy refuses to copy
#    silently.
# 2. **Synchronising too often.** `float(loss)`, `if gradient.max() > 10` and `print(x)` all wait until the GPU has
#    finished everything. Once per update is harmless, once per recursion is not.
# 3. **Timing the launch, not the work.** Calls are asynchronous: they return when the work is *queued*. Synchronise
#    before you stop the clock.
# 4. **Loops over pixels.** Each `y[i, j] = ...` is a launch of its own. Lesson 2's loops would be slower on a GPU
#    than they are on the CPU.
#
# ## Try it
#
# The same convolution on both; the clock stops only when the work is done:

# %%
import time

import numpy as np

from minidrcn.backend import to_cpu, to_gpu
from minidrcn.ops import conv

rng = np.random.default_rng(11)
x, w, b = (rng.normal(size=shape).astype(np.float32) for shape in ((4, 41, 41, 64), (3, 3, 64, 64), (64,)))
x, w = x / 10, w / 10  # results near 1: what float32 rounds off stays far below 1e-3


def finish(xp):
    if xp is not np:
        xp.cuda.Device().synchronize()


def timed(*arrays):
    conv.conv2d_forward(*arrays)  # warm-up: the first call compiles, or fills the caches
    finish(get_xp(arrays[0]))
    start = time.perf_counter()
    y, _ = conv.conv2d_forward(*arrays)
    finish(get_xp(y))
    return y, time.perf_counter() - start


y, seconds = timed(x, w, b)
print(f"CPU: {1000 * seconds:.1f} ms")
if gpu:
    on_gpu, gpu_seconds = timed(*map(to_gpu, (x, w, b)))
    difference = abs(to_cpu(on_gpu) - y).max()
    print(f"GPU: {1000 * gpu_seconds:.2f} ms, largest difference {difference:.0e}")
    assert difference < 1e-3
else:
    print("GPU: none here, so nothing is measured")
assert get_xp(y) is np
assert to_cpu(y) is y, "what is on the CPU already is not copied"

# %% [markdown]
# There are no recorded GPU figures here: this project has not been timed on a GPU yet. The tests check on any
# machine, with a stand-in for CuPy that is as strict, that no operation does what CuPy would refuse. On a machine
# with a GPU, `pytest -m gpu` tests every operation on it, `python tests/benchmarks/against_pytorch.py --gpu` times
# it, and `python -m minidrcn.train --gpu` trains.
#
# ## To try
#
# 1. Winograd's convolution (lesson 11) does a quarter of the multiplications, but moves 2.25 times as many numbers.
#    What does that do to the arithmetic intensity? For which F would you expect it to be slower?
# 2. At which F, if any, does one convolution of a single patch have the same arithmetic intensity as the paper's with
#    64 patches?
# 3. Which lines of the code behind `python -m minidrcn.train` bring something back from the GPU? (Look for `to_cpu` and
#    `float`.)
#
# <details><summary>Answers</summary>
#
# 1. It divides it by nine. Where memory is the limit already, that is for small F, it makes the convolution slower.
# 2. At about F = 787: then the kernel is large enough to be worth the one patch. (`counted(1, 41, 787)` and
#    `counted(64, 41, 256)` both give 570 operations per byte.)
# 3. Those in `training/loop.py` where an update's loss and gradient norm become numbers, for the log and to notice an
#    explosion; and where a network predicts, `imaging/tiles.py`, is compared between ranks, or saved. None inside a
#    recursion.
#
# </details>
