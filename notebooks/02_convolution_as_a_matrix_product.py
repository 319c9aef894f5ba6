# %% [markdown]
# # 2. A convolution is a matrix product
#
# **You will learn** what a convolution computes, how `im2col` turns it into one matrix product, and why that is fast.
# **Time:** seven minutes. **You need:** lesson 1, and matrix products.
#
# Every layer of DRCN is a convolution: each output pixel is a weighted sum of the 3 x 3 pixels around the same place in
# the input, with the same nine weights everywhere. Let us compute one by hand, on numbers small enough to follow.

# %%
# %matplotlib inline
import time

import numpy as np

from minidrcn import plots
from minidrcn.ops import conv

x = np.arange(1, 13, dtype=float).reshape(3, 4)
w = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=float)
plots.matrices([("x", x, None), ("w", w, None)])

# %% [markdown]
# This kernel, the *Sobel* filter, subtracts what is to the left of a pixel from what is to the right of it: it responds
# to vertical edges. Beyond the border the map counts as zero (*zero padding*), so the output is as large as the input.


# %%
def convolve_with_loops(x, w):
    H, W = x.shape
    padded = np.pad(x, 1)
    y = np.zeros((H, W))
    for i in range(H):
        for j in range(W):
            y[i, j] = (padded[i : i + 3, j : j + 3] * w).sum()
    return y


y = convolve_with_loops(x, w)
one_pixel = np.zeros(x.shape, dtype=bool)
one_pixel[1, 2] = True
window = np.pad(np.zeros(x.shape, dtype=bool), 1)
window[1:4, 2:5] = True
plots.matrices([("x with its border", np.pad(x, 1), window), ("w", w, None), ("y", y, one_pixel)])

# %%
print("the marked pixel:", "  ".join(f"{a:g}*{b:g}" for a, b in zip(x[:, 1:4].ravel(), w.ravel(), strict=True) if b))
print("their sum:       ", (x[:, 1:4] * w).sum())
assert y[1, 2] == (x[:, 1:4] * w).sum()

# %% [markdown]
# ## Windows as rows
#
# Every pixel is computed in the same way: multiply the nine numbers of its window by the nine numbers of the kernel,
# and add up. That is a *dot product*, a row times a column. So write every window as a row of a matrix (12 pixels, 12
# rows), and the kernel as a column:


# %%
def im2col_of_one_channel(x):
    padded = np.pad(x, 1)
    return np.array([padded[i : i + 3, j : j + 3].ravel() for i in range(x.shape[0]) for j in range(x.shape[1])])


cols = im2col_of_one_channel(x)
plots.im2col_step(x, cols, pixel=(1, 2))

# %%
product = cols @ w.ravel()
assert np.array_equal(product.reshape(3, 4), y)
plots.matrices([("cols", cols, None), ("w as a column", w.reshape(9, 1), None), ("cols @ w", product[:, None], None)])

# %% [markdown]
# Move the window over the map, and see which row it becomes. (The sliders need a running notebook; the first figure of
# this section is one of their pictures.)

# %%
plots.slider(lambda row, column: plots.im2col_step(x, cols, (row, column)), row=(0, 2), column=(0, 3))

# %% [markdown]
# ## Many channels, many filters
#
# A hidden map of DRCN has F channels, not one. With C channels a window is 3 x 3 x C numbers, still one row. And there
# are F kernels, each a column:
#
# | | shape |
# |---|---|
# | maps `x` | (N, H, W, C): images, rows, columns, channels |
# | `cols = im2col(x)` | (N H W, 9 C) |
# | kernel `w` | (3, 3, C, F), as a matrix (9 C, F) |
# | `y = cols @ w + b` | (N H W, F), that is (N, H, W, F) |
#
# The package's `im2col` does this for any number of channels, and without a loop over pixels: it copies the whole
# padded map once for each of the nine positions in the kernel.

# %%
rng = np.random.default_rng(0)
N, H, W, C, F = 2, 5, 6, 3, 4
maps, kernel, bias = rng.normal(size=(N, H, W, C)), rng.normal(size=(3, 3, C, F)), rng.normal(size=F)

windows = conv.im2col(maps)
print("maps", maps.shape, "-> cols", windows.shape)
y = (windows @ kernel.reshape(9 * C, F) + bias).reshape(N, H, W, F)

from_loops = np.zeros((N, H, W, F))
for n in range(N):
    for f in range(F):
        channels = [convolve_with_loops(maps[n, :, :, c], kernel[:, :, c, f]) for c in range(C)]
        from_loops[n, :, :, f] = sum(channels) + bias[f]
assert np.allclose(y, from_loops)

packaged, cache = conv.conv2d_forward(maps, kernel, bias)
assert np.allclose(packaged, y)

# %% [markdown]
# The package's `conv2d_forward` is these two lines and a check of the shapes.
#
# ## Why bother?
#
# The loops do nine multiplications at a time and spend their time in the Python interpreter. A matrix product is the
# one thing that every computer has been tuned for (its *BLAS* library).


# %%
def seconds(function, *arguments, repeat=3):
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return min(times)


large, three_by_three = rng.normal(size=(200, 200)), rng.normal(size=(3, 3))
slow = seconds(convolve_with_loops, large, three_by_three)
as_maps = large[None, :, :, None], three_by_three[:, :, None, None], np.zeros(1)
fast = seconds(conv.conv2d_forward, *as_maps)
print(f"one map of 200 x 200: the loops take {slow / fast:.0f} times as long as the matrix product")
plots.bars({"loops": 1000 * slow, "im2col and a matrix product": 1000 * fast}, "milliseconds")

# %%
assert np.allclose(conv.conv2d_forward(*as_maps)[0][0, :, :, 0], convolve_with_loops(large, three_by_three))
assert fast < slow

# %% [markdown]
# ## To try
#
# 1. Choose a `w` that shifts the map one pixel to the left. Which of its nine weights is not zero?
# 2. The mean of nine pixels is a blur: `w = np.ones((3, 3)) / 9`. Why do the border pixels come out too small?
# 3. Change `im2col_of_one_channel` for 5 x 5 kernels and compare it with `conv.im2col(x[None, :, :, None], kernel=5)`.
# 4. Some books mirror the kernel before sliding it; without that, the operation is called *cross-correlation*. Show
#    with an asymmetric `w` that nothing is mirrored here.
