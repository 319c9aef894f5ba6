# %% [markdown]
# # 11. The GPU
#
# **You will learn** how the same lines of code run on a CPU and on a GPU, what a GPU is good at, counted on this
# network, and which four mistakes make it slow or wrong. **Time:** six minutes. **You need:** lesson 10. You do not
# need a GPU: where there is none, the cells say so and go on.
#
# ## One code, two kinds of array
#
# CuPy has NumPy's functions for arrays that live in the memory of an NVIDIA GPU. So no operation is written twice. Each
# asks which module the array that it was handed belongs to, and calls that module:

# %%
# %matplotlib inline
import inspect
import time

import numpy as np

from minidrcn import DRCN, plots
from minidrcn.backend import get_xp, require_gpu, to_cpu, to_gpu
from minidrcn.errors import UsageError
from minidrcn.ops import conv, pointwise

print(inspect.getsource(get_xp))
print(inspect.getsource(pointwise.relu_forward))

# %% [markdown]
# There is no switch that says "GPU" for the whole program. An array knows where it lives, and so both can be compared
# in one process. Is there a GPU here?

# %%
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
# A GPU has thousands of multipliers and a memory that is fast, but not as much faster as the multipliers are. It is
# busy only if every number that is fetched is used many times. So count, for one convolution of the recursion: how many
# operations (a multiplication and an addition are two), and how many bytes have to be read and written if every array
# passes through memory once?


# %%
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
plots.bars(intensity, "operations for every byte moved", ".0f")

# %% [markdown]
# The count grows with F: a map's number is used for all F outputs. The wide network of the paper is what a GPU is made
# for. The small ones leave most of it idle, and a GPU also takes a moment to
# start each function, which with few numbers is longer than the work.
#
# The recursion cannot be spread out: $h_{d+1}$ needs $h_d$. What can run side by side is the pixels, the patches and
# the channels of one step. How many independent numbers are there?

# %%
for patches, F, D in ((16, 32, 9), (64, 256, 16)):
    print(f"{patches} patches of 41x41, {F} channels: {patches * 41 * 41 * F:,} outputs at a time, {D} times in a row")

# %% [markdown]
# ## The way there and back
#
# Parameters go to the GPU once, `model.to_gpu()`; a batch goes there at every update; and of what is computed only the
# loss comes back. How much is that, for the paper's network?

# %%
paper = DRCN(filters=256, recursions=16)
parameters = sum(value.nbytes for value in paper.params.values())
batch = 2 * 64 * 41 * 41 * 4
step_operations = 3 * 16 * counted(64, 41, 256)[0]  # the recursion alone; backward costs twice what forward does
print(f"parameters, once: {parameters / 1e6:.1f} MB; a batch: {batch / 1e6:.2f} MB")
print(f"an update: {step_operations / 1e12:.1f} trillion operations, {step_operations / batch:,.0f} for each byte sent")
assert step_operations / batch > 1e6

# %% [markdown]
# Sending is nothing, as long as maps never travel: every gradient stays where it was computed.
#
# ## Four mistakes
#
# 1. **Mixing.** `numpy_array + gpu_array` is an error, and so is `np.asarray(gpu_array)`. CuPy refuses rather than
#    copying in secret.
# 2. **Asking too often.** `float(loss)`, `if gradient.max() > 10` and `print(x)` all wait until the GPU has finished
#    everything. Once an update is harmless, once a recursion is not.
# 3. **Timing the order, not the work.** A call returns when the work is *queued*. Wait before you stop the clock.
# 4. **Loops over pixels.** Each `y[i, j] = ...` is a function of its own to start. Lesson 2's loops would be
#    slower on a GPU than they are on the CPU.
#
# ## Try it
#
# The same convolution on both, with the clock stopped only when the work is done:

# %%
rng = np.random.default_rng(11)
x, w, b = (rng.normal(size=shape).astype(np.float32) for shape in ((4, 41, 41, 64), (3, 3, 64, 64), (64,)))
x, w = x / 10, w / 10


def finish(xp):
    if xp is not np:
        xp.cuda.Device().synchronize()


def timed(*arrays):
    conv.conv2d_forward(*arrays)  # the first call compiles, or fetches from memory
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
# No recorded figures stand here: this project has not been timed on a GPU yet. What is tested everywhere is that no
# operation does what CuPy would refuse, with a stand-in for CuPy that is as strict. On a machine with a GPU the command
# `pytest -m gpu` proves every operation on it, `python tests/benchmarks/against_pytorch.py --gpu` times it, and
# `python -m minidrcn.train --gpu` trains.
#
# ## To try
#
# 1. Winograd's convolution (lesson 10) does a quarter of the multiplications, but moves 2.25 times as many numbers.
#    What does that do to the operations for every byte? For which F would you expect it to lose?
# 2. At which F does one convolution of a single patch do as many operations a byte as the paper's with 64 patches does?
#    Is there one?
# 3. Which lines of `python -m minidrcn.train` bring something back from the GPU? (Look for `to_cpu` and `float`.)
